"""Whether to serve oneself: cost curves, break-even, the hybrid of both, and the decision among all strategies.

Imports `serving`, `quality`, `tokens` and what lies below.
"""
