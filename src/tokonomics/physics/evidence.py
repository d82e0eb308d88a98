"""What a user's own measurements say of the constants of one group: a model on an accelerator in an engine.

`measure.posterior` works it out; here it is only applied: constants shift on their link scale, and what is known of
them narrows their spread. Deployments of other groups are not touched. A deployment takes what was learnt of its group,
and, where they were measured, of its weight format and of its layout.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Layout = tuple[str, int, int, bool, bool]
"""Weight format, tensor and pipeline parallel ranks, expert parallel, attention data parallel."""
Level = tuple[str | int | bool, ...]
"""What shares a deviation of constants: the start of a layout, () for the whole group."""


def levels_of(layout: Layout) -> tuple[Level, Level, Level]:
    """The group, the weight format and the layout itself.

    >>> levels_of(("fp8", 4, 1, False, False))
    ((), ('fp8',), ('fp8', 4, 1, False, False))
    """
    return (), layout[:1], layout


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """How the points changed one predicted metric, on average where they were taken: its value and its spread."""

    metric: str
    change_ratio: float
    sd_before_log: float
    sd_after_log: float

    def to_dict(self) -> dict[str, str | float]:
        """The effect in plain JSON types."""
        return {
            "metric": self.metric,
            "change_ratio": self.change_ratio,
            "sd_before_log": self.sd_before_log,
            "sd_after_log": self.sd_after_log,
        }


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Known:
    """What `num_points` measurements of its group say of one deployment.

    `shift_link` has shape (constants,). `known_frac`, shape (directions, constants), says what is known now: constants
    with standard deviations s have the covariance s (1 - known' known) s afterwards.
    """

    num_points: int
    shift_link: Values
    known_frac: Values


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Evidence:
    """The shift and the narrowing of the constants of a group, in the order of the calibration's constants.

    Those of a deployment are the sums over its levels: `shift_link` has shape (levels, constants), `known_frac`, as
    `Known` holds it, (directions, levels, constants). `layouts` were measured, in `num_points` points; `effects` are
    for the words.
    """

    model: str
    accelerator: str
    engine: str
    num_points: int
    layouts: tuple[str, ...]
    levels: tuple[Level, ...]
    shift_link: Values
    known_frac: Values
    effects: tuple[Effect, ...] = ()

    def is_of(self, model: str, accelerator: str, engine: str) -> bool:
        """Whether it speaks of this group."""
        return (self.model, self.accelerator, self.engine) == (model, accelerator, engine)

    def at(self, layout: Layout) -> Known:
        """What it says of a layout of the group, measured or not."""
        return _known(self, layout)

    def to_dict(self) -> dict[str, Any]:
        """The evidence as the answer tells it, without the constants."""
        return {
            "model": self.model,
            "accelerator": self.accelerator,
            "engine": self.engine,
            "num_points": self.num_points,
            "layouts": list(self.layouts),
            "effects": [one.to_dict() for one in self.effects],
        }


def evidence_of(evidence: Iterable[Evidence], model: str, accelerator: str, engine: str) -> Evidence | None:
    """The first of `evidence` that speaks of a group; None where nothing was measured."""
    return next((one for one in evidence if one.is_of(model, accelerator, engine)), None)


@lru_cache(maxsize=1024)
def _known(told: Evidence, layout: Layout) -> Known:
    """Cached, so that deployments built alike are equal."""
    rows = [place for place, level in enumerate(told.levels) if level in levels_of(layout)]
    return Known(
        num_points=told.num_points,
        shift_link=told.shift_link[rows].sum(axis=0),
        known_frac=told.known_frac[:, rows].sum(axis=1),
    )
