"""Where a figure comes from: the inputs with unit, standing and source, and the formula that joins them."""

from dataclasses import dataclass
from typing import Any, Final

# Longest ending first, because `_usd_per_month` also ends in `_month`.
_UNITS: Final = (
    ("_usd_per_mtok", "USD per M tokens"),
    ("_usd_per_hour", "USD/h"),
    ("_usd_per_month", "USD a month"),
    ("_usd_per_year", "USD a year"),
    ("_usd_per_kwh", "USD/kWh"),
    ("_tokens_per_month", "tokens a month"),
    ("_tokens_per_day", "tokens a day"),
    ("_tokens_per_s", "tokens/s"),
    ("_flop_per_s", "FLOP/s"),
    ("_requests_per_day", "requests a day"),
    ("_days_per_month", "days a month"),
    ("days_per_month", "days a month"),
    ("_usd", "USD"),
    ("_tokens", "tokens"),
    ("_watts", "W"),
    ("_years", "years"),
    ("_months", "months"),
    ("_weeks", "weeks"),
    ("_hours", "hours"),
    ("_params", "parameters"),
    ("_frac", "share"),
    ("_ratio", "times"),
    ("_factor", "times"),
)


@dataclass(frozen=True, slots=True)
class Term:
    """One input of a formula; `status` is measured, list, modelled or assumed."""

    name: str
    value: float | int | str
    unit: str
    status: str
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """A number, what it is a number of, the formula that made it, and its terms."""

    number: str
    option: str
    value: float
    unit: str
    formula: str
    terms: tuple[Term, ...]

    def to_dict(self) -> dict[str, Any]:
        """The explanation as a block of a result document."""
        return {
            "number": self.number,
            "option": self.option,
            "value": self.value,
            "unit": self.unit,
            "formula": self.formula,
            "terms": [term_dict(term) for term in self.terms],
        }


def term_dict(term: Term) -> dict[str, Any]:
    """A term as a block of a result document."""
    return {
        "name": term.name,
        "value": term.value,
        "unit": term.unit,
        "status": term.status,
        "source": term.source,
    }


def unit_of(name: str) -> str:
    """The unit that a name says by its ending, in words; empty for a count.

    >>> unit_of("gpu_usd_per_hour"), unit_of("input_frac"), unit_of("num_samples")
    ('USD/h', 'share', '')
    """
    return next((unit for ending, unit in _UNITS if name.endswith(ending)), "")


def short_number(value: float | int | str) -> str:
    """A figure in a sentence: whole numbers with separators, others to six digits; text as it is.

    >>> short_number(1e7), short_number(0.5), short_number(1817.7), short_number("n/a")
    ('10,000,000', '0.5', '1,817.7', 'n/a')
    """
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if value == round(value) else f"{value:,.6g}"
