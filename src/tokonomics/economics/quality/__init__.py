"""Cheaper answers that are good enough: cascades, routers and distilled students, judged on scored data.

Imports `figures`.
"""
