"""How one replica runs: the roofline, the batch sweep and its regimes, the batch to run at; stated figures checked.

Imports `quoting` and what lies below.
"""
