"""What it will cost: the decline of a price, what demand does with it, and what the next hardware adds.

Imports `hardware` and what lies below.
"""
