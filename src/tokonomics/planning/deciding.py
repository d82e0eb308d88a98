"""What would change the answer: the swing of each uncertain input, and what it would be worth to know it.

The value of knowing an input is what the best choice with it known costs less, on average, than the best choice
without. It is taken from the draws that are there: within bins of the input, the family cheapest on average is chosen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tokonomics.planning.chances import Chances, Contender, family_costs_usd_per_month

Floats = NDArray[np.float64]

_NUM_BINS: Final = 20
_TAIL_FRAC: Final = 0.1
_NOTHING_FRAC: Final = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class Swing:
    """One input at its 10th and at its 90th percentile, all others at their median: what the recommended plan costs.

    margin: by how much it is then cheaper than the next plan; below 0 that one wins.
    knowing_usd_per_month: what it would be worth to know the input before choosing.
    """

    name: str
    low_usd_per_month: float
    high_usd_per_month: float
    low_margin_usd_per_month: float
    high_margin_usd_per_month: float
    knowing_usd_per_month: float

    @property
    def can_change_answer(self) -> bool:
        """Whether another plan wins at one of its ends."""
        return min(self.low_margin_usd_per_month, self.high_margin_usd_per_month) < 0.0

    @property
    def moves_usd_per_month(self) -> float:
        """How far the input moves the cost or the margin, whichever is more."""
        cost = abs(self.high_usd_per_month - self.low_usd_per_month)
        return max(cost, abs(self.high_margin_usd_per_month - self.low_margin_usd_per_month))


def swings(
    found: Chances, contenders: Sequence[Contender], *, best: str, kept: Sequence[str], growth_frac: float | None
) -> tuple[Swing, ...]:
    """The inputs by what it is worth to know them, then by how far they move cost or margin of `best`.

    `kept` names the families that may be chosen.
    """
    if not found.inputs:
        return ()
    usd = family_costs_usd_per_month(contenders, _ends(found.inputs), growth_frac=growth_frac)
    mine = usd[found.names.index(best)]
    others = [found.names.index(name) for name in kept if name != best]
    margin = usd[others].min(axis=0) - mine if others else np.zeros(mine.shape)
    rows = [found.names.index(name) for name in kept]
    made = [
        Swing(
            name=name,
            low_usd_per_month=float(mine[2 * at]),
            high_usd_per_month=float(mine[2 * at + 1]),
            low_margin_usd_per_month=float(margin[2 * at]),
            high_margin_usd_per_month=float(margin[2 * at + 1]),
            knowing_usd_per_month=_knowing_usd(values, found.usd_per_month[rows]),
        )
        for at, (name, values) in enumerate(found.inputs.items())
    ]
    return tuple(sorted(made, key=lambda one: (-one.knowing_usd_per_month, -one.moves_usd_per_month, one.name)))


def _ends(inputs: Mapping[str, Floats]) -> dict[str, Floats]:
    """For each input in turn its low and its high end, with all others at their median; shape (2 x inputs,)."""
    points = {name: np.full(2 * len(inputs), np.median(values)) for name, values in inputs.items()}
    for at, (name, values) in enumerate(inputs.items()):
        points[name][2 * at : 2 * at + 2] = np.quantile(values, (_TAIL_FRAC, 1.0 - _TAIL_FRAC))
    return points


def _knowing_usd(values: Floats, usd: Floats) -> float:
    """Expected saving of choosing by bin of the input over choosing once."""
    bins = np.array_split(np.argsort(values, kind="stable"), _NUM_BINS)
    by_bin = sum(one.size * float(usd[:, one].mean(axis=1).min()) for one in bins if one.size)
    once = float(usd.mean(axis=1).min())
    saved = once - by_bin / values.size
    return saved if saved > _NOTHING_FRAC * once else 0.0
