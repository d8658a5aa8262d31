"""Schema migrations, run by `monitor.store.upgrade`."""
