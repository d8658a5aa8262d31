"""A whole Sigstore in one process, and how it misbehaves."""
