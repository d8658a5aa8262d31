"""How each kind of log is read."""
