"""What each optimisation buys: the stack step by step, quantisation, speculation, and the two levers of cost.

Imports `serving` and what lies below.
"""
