"""What self-hosting costs beside its accelerators, line by line; a line without a figure is named, never 0.

once    = engineer-weeks x 40 h x rate + USD
monthly = (engineer-hours x rate + USD) of an event / months between events + share x accelerator cost
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tokonomics.economics.figures.assumptions import number_or_none, read_table
from tokonomics.economics.figures.checks import Checks

HOURS_PER_ENGINEER_WEEK = 40.0


@dataclass(frozen=True, kw_only=True, slots=True)
class HiddenCost:
    """One line of the register: what is spent once, what at every event, and what as a share of the hardware.

    Events recur every `interval_months`. `None` is a figure nobody gave; a line with none at all is unpriced.
    """

    name: str
    covers: str = ""
    once_engineer_weeks: float | None = None
    once_usd: float | None = None
    interval_months: float | None = None
    event_engineer_hours: float | None = None
    event_usd: float | None = None
    gpu_cost_frac: float | None = None
    as_of: str = ""
    source: str = ""
    status: str = ""
    notes: str = ""

    def __post_init__(self) -> None:
        names = ("once_engineer_weeks", "once_usd", "event_engineer_hours", "event_usd", "gpu_cost_frac")
        checks = Checks().non_negative(**{f"{name} of {self.name}": getattr(self, name) for name in names})
        checks.positive(**{f"interval_months of {self.name}": self.interval_months}).done()

    @property
    def is_priced(self) -> bool:
        """Whether any figure of the line leads to money."""
        per_event = self.event_engineer_hours is not None or self.event_usd is not None
        once = self.once_engineer_weeks is not None or self.once_usd is not None
        return once or self.gpu_cost_frac is not None or (per_event and self.interval_months is not None)


@dataclass(frozen=True, kw_only=True, slots=True)
class HiddenCostLine:
    """A priced line: its one-off and its monthly part."""

    name: str
    once_usd: float
    recurring_usd_per_month: float


@dataclass(frozen=True, kw_only=True, slots=True)
class HiddenCosts:
    """The register, priced; the total spreads the one-off part, and is a floor while lines are `unpriced`."""

    lines: tuple[HiddenCostLine, ...]
    once_usd: float
    recurring_usd_per_month: float
    amortised_usd_per_month: float
    total_usd_per_month: float
    unpriced: tuple[str, ...]


def hidden_cost_register() -> tuple[HiddenCost, ...]:
    """The default register: the article's lines and figures, with dates; empty where it gives no figure.

    >>> [line.name for line in hidden_cost_register() if line.is_priced]
    ['set-up', 'operations']
    """
    return tuple(
        HiddenCost(
            name=row["name"],
            covers=row["covers"],
            once_engineer_weeks=number_or_none(row["once_engineer_weeks"]),
            once_usd=number_or_none(row["once_usd"]),
            interval_months=number_or_none(row["interval_months"]),
            event_engineer_hours=number_or_none(row["event_engineer_hours"]),
            event_usd=number_or_none(row["event_usd"]),
            gpu_cost_frac=number_or_none(row["gpu_cost_frac"]),
            as_of=row["as_of"],
            source=row["source"],
            status=row["status"],
            notes=row["notes"],
        )
        for row in read_table("hidden_costs")
    )


def hidden_costs(
    register: Iterable[HiddenCost],
    *,
    engineer_usd_per_hour: float,
    amortise_months: float,
    gpu_usd_per_month: float = 0.0,
) -> HiddenCosts:
    """Price a register: one-off costs spread over `amortise_months`, shares taken of `gpu_usd_per_month`.

    >>> priced = hidden_costs(hidden_cost_register(), engineer_usd_per_hour=63.91, amortise_months=12)
    >>> round(priced.once_usd, 2), round(priced.total_usd_per_month, 2), priced.unpriced[0]
    (7669.2, 5639.1, 'monitoring')
    """
    checks = Checks().non_negative(engineer_usd_per_hour=engineer_usd_per_hour, gpu_usd_per_month=gpu_usd_per_month)
    checks.positive(amortise_months=amortise_months).done()
    rows = tuple(register)
    lines = tuple(_price(row, engineer_usd_per_hour, gpu_usd_per_month) for row in rows if row.is_priced)
    once = sum(line.once_usd for line in lines)
    recurring = sum(line.recurring_usd_per_month for line in lines)
    return HiddenCosts(
        lines=lines,
        once_usd=once,
        recurring_usd_per_month=recurring,
        amortised_usd_per_month=once / amortise_months,
        total_usd_per_month=recurring + once / amortise_months,
        unpriced=tuple(row.name for row in rows if not row.is_priced),
    )


def _price(row: HiddenCost, engineer_usd_per_hour: float, gpu_usd_per_month: float) -> HiddenCostLine:
    weeks = row.once_engineer_weeks or 0.0
    per_event = (row.event_engineer_hours or 0.0) * engineer_usd_per_hour + (row.event_usd or 0.0)
    return HiddenCostLine(
        name=row.name,
        once_usd=weeks * HOURS_PER_ENGINEER_WEEK * engineer_usd_per_hour + (row.once_usd or 0.0),
        recurring_usd_per_month=(per_event / row.interval_months if row.interval_months else 0.0)
        + (row.gpu_cost_frac or 0.0) * gpu_usd_per_month,
    )
