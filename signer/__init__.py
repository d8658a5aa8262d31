"""Make something that verifies."""
