"""The sessions of a trace, numbered in the order of the file: named by each request, or chained from turn to turn."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Final

import numpy as np

from tokonomics.workload.trace import NO_SESSION
from tokonomics.workload.traces.raw import IntArray

SESSION_COLUMN: Final = "session_id"
"""What our own formats call it."""
_NO_PARENT: Final = "-1"


class SessionNumbers:
    """Numbers names from 0 as they first appear, chunk by chunk; an empty name is NO_SESSION."""

    def __init__(self) -> None:
        self._numbers = defaultdict[str, int](count().__next__, {"": NO_SESSION})
        self._chunks: list[IntArray] = []

    def extend(self, names: Iterable[str]) -> None:
        """Add the names of the next rows."""
        self._chunks.append(np.fromiter(map(self._numbers.__getitem__, map(str.strip, names)), np.int64))

    @property
    def ids(self) -> IntArray:
        """The numbers of all rows so far."""
        return np.concatenate([np.empty(0, dtype=np.int64), *self._chunks])


def named_sessions(names: Iterable[str]) -> IntArray:
    """The session of each request, by its name.

    >>> named_sessions(["b", "", "a", " b "]).tolist()
    [0, -1, 1, 0]
    """
    numbers = SessionNumbers()
    numbers.extend(names)
    return numbers.ids


def chained_sessions(turns: Sequence[str], parents: Sequence[str]) -> IntArray:
    """The session of each request that names itself and the turn before it, whichever stands first in the file.

    A parent of "-1" begins a session, an empty one says nothing. Turns of a parent that is missing are of one session.

    >>> chained_sessions(["7", "8", "9", "5"], ["-1", "7", "8", ""]).tolist()
    [0, 0, 0, -1]
    """
    both = SessionNumbers()
    both.extend(turns)
    both.extend(["" if one == _NO_PARENT else one for one in parents])
    turn, parent = np.split(both.ids, 2)
    before = np.arange(int(both.ids.max(initial=NO_SESSION)) + 1)
    has_parent = (turn != NO_SESSION) & (parent != NO_SESSION)
    before[turn[has_parent]] = parent[has_parent]
    for _ in range(before.size.bit_length()):  # each look doubles how many turns back it goes
        before = before[before]
    is_told = (turn != NO_SESSION) & np.array([bool(one.strip()) for one in parents], dtype=np.bool_)
    return np.where(is_told, before[turn], NO_SESSION) if before.size else turn
