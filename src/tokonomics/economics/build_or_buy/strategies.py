"""The ways to serve at a glance: effort, a published range of prices, and what each is best for.

The ranges are what the article printed; a decision takes the figures computed for the user's own load
instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tokonomics.economics.figures.assumptions import read_table
from tokonomics.economics.figures.checks import Checks


@dataclass(frozen=True, kw_only=True, slots=True)
class StrategyRow:
    """One strategy: effort to set up and to keep, a range of prices, and where it fits."""

    strategy: str
    kind: str
    setup_effort: str
    ongoing_effort: str
    low_usd_per_mtok: float
    high_usd_per_mtok: float
    best_for: str
    as_of: str
    source: str
    status: str
    notes: str


def strategy_table() -> tuple[StrategyRow, ...]:
    """The strategies, in the order of their table."""
    return tuple(
        StrategyRow(
            strategy=row["strategy"],
            kind=row["kind"],
            setup_effort=row["setup_effort"],
            ongoing_effort=row["ongoing_effort"],
            low_usd_per_mtok=float(row["low_usd_per_mtok"]),
            high_usd_per_mtok=float(row["high_usd_per_mtok"]),
            best_for=row["best_for"],
            as_of=row["as_of"],
            source=row["source"],
            status=row["status"],
            notes=row["notes"],
        )
        for row in read_table("strategies")
    )


def strategy_spread_ratio(rows: Sequence[StrategyRow]) -> float:
    """The dearest end of all ranges over the cheapest.

    >>> round(strategy_spread_ratio(strategy_table()))
    375
    """
    Checks().that(len(rows) > 0, "no strategy to compare; give at least one").done()
    return max(row.high_usd_per_mtok for row in rows) / min(row.low_usd_per_mtok for row in rows)


def at_utilisation_usd_per_mtok(full_usd_per_mtok: float, *, utilisation_frac: float) -> float:
    """A price that assumes a fully busy accelerator, at the share of the time it is really busy.

    >>> round(at_utilisation_usd_per_mtok(0.46, utilisation_frac=0.7), 3)
    0.657
    """
    checks = Checks().non_negative(full_usd_per_mtok=full_usd_per_mtok)
    checks.share(utilisation_frac=utilisation_frac).done()
    return full_usd_per_mtok / utilisation_frac
