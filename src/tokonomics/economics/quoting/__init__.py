"""The quote: every way to serve this traffic at this load, hosted or at an API, sized, priced and ranked.

Imports `hardware` and what lies below.
"""
