"""What does a log hold? rekor-cli's look-ups on Rekor v1 and v2, every answer proven before it is shown."""
