"""How much slower than modelled the machines may be until a plan misses a limit: found by replays, not by a formula."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tokonomics.planning.proof import Proof

Floats = NDArray[np.float64]

_MOST_RATIO: Final = 2.0
_NUM_STEPS: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Endurance:
    """What replays at other speeds showed.

    most_slower_ratio: the longest step, over the modelled one, at which every limit still holds, within 2 %, and at
    most 2.  slower_ratios, api_fracs: the speeds that were tried, rising, and the share of the endpoint's bill at each.
    """

    most_slower_ratio: float
    slower_ratios: tuple[float, ...]
    api_fracs: tuple[float, ...]

    def expected_api_frac(self, slower_ratio: Floats) -> Floats:
        """The endpoint's share when every step takes so many times as long; shape as given."""
        return np.asarray(np.interp(slower_ratio, self.slower_ratios, self.api_fracs))


def endurance(run_at: Callable[[float], Proof], first: Proof) -> Endurance:
    """Bisect for the longest step at which `run_at` misses no limit; `first` is the replay at the modelled speed."""
    tried = {1.0: first.api_frac}
    low, high = (1.0, _MOST_RATIO) if not first.misses else (1.0 / _MOST_RATIO, 1.0)
    for _ in range(_NUM_STEPS):
        middle = float(np.sqrt(low * high))
        proof = run_at(middle)
        tried[middle] = proof.api_frac
        low, high = (low, middle) if proof.misses else (middle, high)
    ratios = sorted(tried)
    return Endurance(
        most_slower_ratio=low, slower_ratios=tuple(ratios), api_fracs=tuple(tried[ratio] for ratio in ratios)
    )
