"""Tell people: reports and dashboard."""
