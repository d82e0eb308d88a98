"""Whether a result keeps its limits: one verdict a limit, with the figure, how it was found, and what to try."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tokonomics.errors import InputError
from tokonomics.planning.limits import Limits
from tokonomics.planning.outcome import OLD, Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """One limit: the value found, None where it is not known, and whether it is kept.

    What is not known is not kept: a gate that lets it pass would say more than anybody knows. `made_of` are the figures
    that the value was made of; `advice` says what to try.
    """

    name: str
    limit: float | str
    value: float | str | None
    is_kept: bool
    made_of: Mapping[str, float | None]
    advice: str

    @property
    def sentence(self) -> str:
        """What is broken, with value and limit, and what to try."""
        word = "at least" if self.name.startswith("min_") else "at most" if self.name.startswith("max_") else "only"
        found = "unknown" if self.value is None else _shown(self.value)
        return f"{self.name}: found {found}; limit={word} {_shown(self.limit)}; {self.advice}"


def judge(limits: Limits, result: Outcome, base: Outcome | None = None) -> tuple[Verdict, ...]:
    """Judge every limit that is set, in their order.

    Raises:    InputError where a limit on the difference has no base.
    """
    if limits.needs_base and base is None:
        raise InputError("a limit on the increase needs something to compare with; name it by --base FILE")
    return tuple(_JUDGES[name](limits, result, base or result) for name in limits.asked())


def _most(name: str, figure: str, advice: str) -> "_Judge":
    def judged(limits: Limits, result: Outcome, base: Outcome) -> Verdict:
        value = result.figures()[figure]
        return _verdict(name, limits, value, {figure: value}, advice)

    return judged


def _increase(limits: Limits, result: Outcome, base: Outcome) -> Verdict:
    before, after = base.usd_per_month, result.usd_per_month
    value = None if before is None or after is None else after - before
    made_of = {"usd_per_month": after, "base_usd_per_month": before}
    return _verdict("max_increase_usd_per_month", limits, value, made_of, _BY_DIFF)


def _increase_share(limits: Limits, result: Outcome, base: Outcome) -> Verdict:
    """A base that costs nothing has no share; then only the same cost keeps the limit."""
    before, after = base.usd_per_month, result.usd_per_month
    value = None
    if before is not None and after is not None:
        value = (after - before) / before if before else (0.0 if after == 0 else None)
    made_of = {"usd_per_month": after, "base_usd_per_month": before}
    return _verdict("max_increase_frac", limits, value, made_of, _BY_DIFF)


def _margin(limits: Limits, result: Outcome, base: Outcome) -> Verdict:
    by_month = limits.revenue_usd_per_month is not None
    cost = result.usd_per_month if by_month else result.allocation_usd_per_mtok
    revenue = limits.revenue_usd_per_month if by_month else limits.revenue_usd_per_mtok
    value = None if cost is None or revenue is None else 1.0 - cost / revenue
    unit = "usd_per_month" if by_month else "usd_per_mtok"
    made_of = {f"cost_{unit}": cost, f"revenue_{unit}": revenue}
    return _verdict("min_margin_frac", limits, value, made_of, "raise the price, or choose a cheaper option")


def _prices(limits: Limits, result: Outcome, base: Outcome) -> Verdict:
    return Verdict(
        name="forbid_stale_prices",
        limit="fresh or aging prices",
        value=result.freshness or None,
        is_kept=bool(result.freshness) and result.freshness not in OLD,
        made_of={},
        advice="renew them by `tok catalog update`, or give yours by --price-overrides",
    )


def _verdict(
    name: str, limits: Limits, value: float | None, made_of: Mapping[str, float | None], advice: str
) -> Verdict:
    limit = float(limits.asked()[name])
    is_kept = value is not None and (value >= limit if name.startswith("min_") else value <= limit)
    return Verdict(name=name, limit=limit, value=value, is_kept=is_kept, made_of=made_of, advice=advice)


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,.6g}"


_BY_DIFF: Final = "see by `tok diff` which input did it"
_CHEAPER: Final = "choose a cheaper option of `tok quote`, or raise the limit"
_SURER: Final = "add a spare replica or choose a faster option; a hosted API publishes no latency"
_Judge = Callable[[Limits, Outcome, Outcome], Verdict]
_JUDGES: Final[Mapping[str, _Judge]] = {
    "max_usd_per_month": _most("max_usd_per_month", "usd_per_month", _CHEAPER),
    "max_usd_per_mtok": _most("max_usd_per_mtok", "allocation_usd_per_mtok", _CHEAPER),
    "max_increase_usd_per_month": _increase,
    "max_increase_frac": _increase_share,
    "min_slo_probability": _most("min_slo_probability", "slo_probability", _SURER),
    "min_quality_frac": _most("min_quality_frac", "quality_frac", "choose a better model, or give its quality"),
    "min_margin_frac": _margin,
    "forbid_stale_prices": _prices,
}
