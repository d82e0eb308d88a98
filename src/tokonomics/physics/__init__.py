"""HOW FAST: bytes, capacity, step time, steady batches and latency of a deployment; no dollar in sight."""
