"""Is this true? The pure core: no network, disk, clock, randomness or environment (but ``verifier.fetch``)."""
