"""The article's 377 claims, each beside what this package computes: rows of `claims.csv`, a function a row, one page.

    python -m tools.article [--check]

`equation` is sections 0 and 1, `hardware` 2, `stack` 3, `asymmetry` 4, `frontier` 5, `build_or_buy` 6,
`distillation` 7, `projection` 8, `decision` 9 and 10. Their functions turn the inputs that the article states, cells of
the table, into calls of the package.
"""
