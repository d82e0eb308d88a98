"""What every question stands on: checked inputs, dated assumptions, the source of a figure, its range, and USD a token.

The lowest floor of `economics`: imports none of its neighbours.
"""
