"""Outcomes out of documents: a quote, a simulation, a plan, or a comparison, in the JSON that `tok` writes."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final, Literal

from tokonomics.errors import InputError
from tokonomics.planning._row import Row
from tokonomics.planning.outcome import FIGURES, Outcome
from tokonomics.planning.price_age import price_level
from tokonomics.units import SECONDS_PER_MONTH

Pick = Literal["best", "self_host", "api"]
PICKS: Final[tuple[Pick, ...]] = ("best", "self_host", "api")
"""Which option of a quote speaks for it: the recommended one, or the best of a kind."""


def outcome_of(document: Mapping[str, Any], *, where: str, pick: Pick = "best") -> Outcome:
    """The outcome that `document`, of any kind in `KINDS`, says; `where` begins every sentence about it.

    Raises:    InputError for another kind, and with every cell that is wrong.
    """
    kind = str(document.get("kind"))
    reader = _READERS.get(kind)
    if reader is None:
        raise InputError(f"{where} is a {kind[:40]}; limit=one of {', '.join(_READERS)}; name such a document")
    row = Row(document, where)
    found = reader(row, pick)
    row.done()
    return found


def outcome_before(document: Mapping[str, Any], *, where: str) -> Outcome | None:
    """What a comparison started from; None for every other kind."""
    if document.get("kind") != "diff":
        return None
    row = Row(document, where)
    found = _stated(row.row("before"))
    row.done()
    return found


def option_outcome(option: Row) -> Outcome:
    """The outcome of one option of a quote, or of one family of a plan: both speak of themselves in the same keys."""
    blended = option.row("usd_per_mtok").row("blended")
    return Outcome(
        option=option.text("name"),
        usd_per_month=option.amount("usd_per_month"),
        allocation_usd_per_mtok=blended.amount("allocation"),
        usage_usd_per_mtok=blended.amount("usage"),
        ttft_p95_s=option.amount("ttft_p95_s"),
        itl_p95_s=option.amount("itl_p95_s"),
        e2e_p95_s=option.amount("e2e_p95_s"),
        slo_probability=option.amount("slo_probability", most=1.0),
        quality_frac=option.amount("quality_frac", most=1.0),
        num_gpus=option.amount("num_gpus"),
        freshness=option.text("price_freshness"),
    )


def _of_quote(document: Row, pick: Pick) -> Outcome:
    """The first option that `pick` admits: a quote ranks them."""
    for option in document.rows("options"):
        if pick in ("best", option.text("kind")):
            return option_outcome(option)
    document.done()
    raise InputError(f"{document.where} has no option of kind {pick}; choose another with --of")


def _of_simulation(document: Row, pick: Pick) -> Outcome:
    """Money of the replayed span, as that of a month."""
    usd, span_s = document.amount("usd"), document.amount("span_s")
    blended = document.row("usd_per_mtok").row("blended")
    return Outcome(
        option=document.row("deployment").text("name"),
        usd_per_month=usd / span_s * SECONDS_PER_MONTH if usd is not None and span_s else None,
        allocation_usd_per_mtok=blended.amount("allocation"),
        usage_usd_per_mtok=blended.amount("usage"),
        ttft_p95_s=document.row("ttft_s").amount("p95"),
        itl_p95_s=document.row("itl_s").amount("p95"),
        e2e_p95_s=document.row("e2e_s").amount("p95"),
        freshness=_simulated_level(document),
    )


def _simulated_level(document: Row) -> str:
    """The standing of the price of the fleet on the day that the document holds for."""
    price = document.row("price")
    try:
        today = date.fromisoformat(document.text("today"))
    except ValueError:
        return ""
    purchase, status = price.text("purchase"), price.text("status")
    return price_level(price.text("as_of"), purchase=purchase, today=today, status=status)


def _of_plan(document: Row, pick: Pick) -> Outcome:
    """The recommended family."""
    wanted = document.text("recommended")
    families = document.rows("families")
    for family in families:
        if family.text("name") == wanted:
            return option_outcome(family)
    document.done()
    raise InputError(f"{document.where} recommends {wanted!r}, which is none of its families; write the plan again")


def _of_diff(document: Row, pick: Pick) -> Outcome:
    return _stated(document.row("after"))


def _stated(side: Row) -> Outcome:
    figures = side.row("figures")
    stated: dict[str, Any] = {
        name: figures.amount(name, most=1.0) if name in _SHARES else figures.amount(name) for name in FIGURES
    }
    return Outcome(option=side.text("option"), freshness=side.text("freshness"), **stated)


_SHARES: Final = ("slo_probability", "quality_frac")
_READERS: Final[Mapping[str, Callable[[Row, Pick], Outcome]]] = {
    "quote": _of_quote,
    "simulation": _of_simulation,
    "plan": _of_plan,
    "diff": _of_diff,
}
KINDS: Final = tuple(_READERS)
"""Kinds of documents that have an outcome."""
