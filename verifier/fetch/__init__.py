"""The one impure corner of the verifier: HTTP, TUF and registries."""
