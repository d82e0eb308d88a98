"""What a way to serve costs and how well it answers: the few figures that two results are compared by."""

from dataclasses import dataclass
from typing import Final

FIGURES: Final = (
    "usd_per_month",
    "allocation_usd_per_mtok",
    "usage_usd_per_mtok",
    "ttft_p95_s",
    "itl_p95_s",
    "e2e_p95_s",
    "slo_probability",
    "quality_frac",
    "num_gpus",
)
"""Names of the figures, in the order in which they are shown."""

OLD: Final = ("stale", "unknown")
"""Standings of a price that nobody should rely on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The figures of one way to serve, `option`; None where nobody knows one, and never 0 for it.

    allocation_usd_per_mtok, usage_usd_per_mtok: USD per million tokens, input and output together, of all that is
    paid, and of the work alone.  slo_probability: chance that every limit holds.  quality_frac: quality as the user's
    table has it.  freshness: the worst standing of its prices: fresh, aging, stale, unknown; "" where it is not said.
    """

    option: str
    usd_per_month: float | None = None
    allocation_usd_per_mtok: float | None = None
    usage_usd_per_mtok: float | None = None
    ttft_p95_s: float | None = None
    itl_p95_s: float | None = None
    e2e_p95_s: float | None = None
    slo_probability: float | None = None
    quality_frac: float | None = None
    num_gpus: float | None = None
    freshness: str = ""

    def figures(self) -> dict[str, float | None]:
        """The figures by name.

        >>> Outcome(option="a", usd_per_month=3.0).figures()["usd_per_month"]
        3.0
        """
        return {name: getattr(self, name) for name in FIGURES}


def changes(before: Outcome, after: Outcome) -> dict[str, float | None]:
    """What each figure rose by; None where one side is not known.

    >>> old, new = Outcome(option="a", usd_per_month=3.0), Outcome(option="b", usd_per_month=5.0, ttft_p95_s=1.0)
    >>> found = changes(old, new)
    >>> found["usd_per_month"], found["ttft_p95_s"]
    (2.0, None)
    """
    old, new = before.figures(), after.figures()
    return {name: _rise(old[name], new[name]) for name in FIGURES}


def is_same(before: Outcome, after: Outcome) -> bool:
    """Whether option and figures are equal; the age of a price does not count."""
    return before.option == after.option and before.figures() == after.figures()


def _rise(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before
