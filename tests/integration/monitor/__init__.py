"""Integration tests of the monitor."""
