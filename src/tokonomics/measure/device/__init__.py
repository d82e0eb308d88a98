"""Device measurements: reading the file that `benchmarks/device/measure.py` writes, and what it says of one part."""
