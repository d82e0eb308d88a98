"""Percentiles of latencies too many to keep: DDSketch, a histogram whose bins are one relative error wide.

The bins are counted by compiled code with the mapping of the kept library, which holds, merges and asks them.
"""

from math import ceil, log1p
from typing import Any, Final

import numpy as np
from ddsketch.ddsketch import BaseDDSketch
from ddsketch.mapping import CubicallyInterpolatedMapping
from ddsketch.store import DenseStore

from tokonomics.simulation.compiled import compiled
from tokonomics.simulation.state import Ints

ERROR_FRAC: Final = 0.005
"""A percentile is within this share of the latency of some request at its rank."""
FIRST_KEY: Final = -2500
NUM_BINS: Final = 5000
"""Bins from 1e-11 s to 1e11 s; what lies beyond falls into the last one."""

_NEXT_TO_NOTHING: Final = 1e-11

Sketch = Any
"""A DDSketch; the library's types say nothing."""

_FRACTION_BITS: Final = (1 << 52) - 1
_EXPONENT_OF_ONE: Final = 1023 << 52
_A, _B, _C = 6.0 / 35.0, -3.0 / 5.0, 10.0 / 7.0
_KEYS_PER_OCTAVE: Final = 1.0 / log1p(2.0 * ERROR_FRAC / (1.0 - ERROR_FRAC)) / _C
"""The library's cubic stand-in for a logarithm, and its scale; a test holds them to it."""


@compiled
def bin_of(value: float) -> int:
    """The bin of `value`: the key that the library gives it, from FIRST_KEY on; 0 for next to nothing."""
    if value < _NEXT_TO_NOTHING:
        return 0
    bits = np.float64(value).view(np.int64)  # frexp would be a call
    part = np.int64(bits & _FRACTION_BITS | _EXPONENT_OF_ONE).view(np.float64) - 1.0
    key = ceil((((_A * part + _B) * part + _C) * part + ((bits >> 52) - 1023)) * _KEYS_PER_OCTAVE)
    return min(max(int(key) - FIRST_KEY, 0), NUM_BINS - 1)


def sketch_of(bins: Ints) -> Sketch:
    """The sketch of values counted by `bin_of`, shape (NUM_BINS,)."""
    store = DenseStore()
    for at in np.flatnonzero(bins).tolist():
        store.add(at + FIRST_KEY, float(bins[at]))
    return _sketch(store)


def merged(sketches: list[Sketch]) -> Sketch:
    """One sketch of all values: the same in any order."""
    whole = _sketch(DenseStore())
    for one in sketches:
        whole.merge(one)
    return whole


def quantile_s(sketch: Sketch, share_frac: float) -> float | None:
    """The value at rank `share_frac` (0 to 1); None where there is none."""
    found = sketch.get_quantile_value(share_frac)
    return None if found is None else float(found)


def _sketch(store: DenseStore) -> Sketch:
    mapping = CubicallyInterpolatedMapping(ERROR_FRAC)
    return BaseDDSketch(mapping=mapping, store=store, negative_store=DenseStore(), zero_count=0.0)
