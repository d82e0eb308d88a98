"""A tournament of clocks: which of many comes first, found and changed in steps logarithmic in their number."""

from math import inf

import numpy as np

from tokonomics.simulation.compiled import compiled
from tokonomics.simulation.state import Floats


def new_clocks(num_clocks: int) -> Floats:
    """Clocks that never ring; tree[1] is the earliest of all, and the clocks are the second half of the tree."""
    return np.full(2 * (1 << max(num_clocks - 1, 0).bit_length()), inf)


@compiled
def set_clock(tree: Floats, at: int, time_s: float) -> None:
    """Let clock `at` ring at `time_s`."""
    at += tree.size >> 1
    tree[at] = time_s
    while at > 1:
        other_s = tree[at ^ 1]
        time_s = other_s if other_s < time_s else time_s
        at >>= 1
        if tree[at] == time_s:
            return
        tree[at] = time_s


@compiled
def first_clock(tree: Floats) -> int:
    """The clock that rings first; of several at once, the first of them."""
    at, half = 1, tree.size >> 1
    while at < half:
        at = 2 * at + int(tree[2 * at + 1] < tree[2 * at])  # no branch to guess wrong
    return at - half
