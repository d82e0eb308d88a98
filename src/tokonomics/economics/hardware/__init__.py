"""What an hour costs: rented boxes, spot, commitments, bought machines, hidden costs; list prices as inputs.

Imports `figures`.
"""
