"""Fire drills against the sandbox."""
