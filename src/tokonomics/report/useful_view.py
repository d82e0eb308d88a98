"""The cost per useful token as people read it: the headline, and where the rest of the money went."""

from dataclasses import asdict
from typing import Any

from tokonomics.economics.figures.explanation import Explanation, Term
from tokonomics.economics.tokens.useful_tokens import UsefulCost
from tokonomics.report.bars import Bar, Bars
from tokonomics.report.explained import explained_table
from tokonomics.report.numbers import percent, significant
from tokonomics.report.view import Column, Table, View

_COLUMNS = (
    Column(title="class"),
    Column(title="tokens", key="class_tokens", style="count"),
    Column(title="of tokens", key="tokens_frac", style="percent"),
    Column(title="cost", key="class_usd", unit="USD", style="number", digits=4),
    Column(title="of cost", key="usd_frac", style="percent"),
)


def useful_dict(cost: UsefulCost, *, source: str) -> dict[str, Any]:
    """The body of the document."""
    return {
        **asdict(cost),
        "lines": [asdict(line) for line in cost.lines],
        "explanation": _explained(cost, source).to_dict(),
    }


def useful_view(cost: UsefulCost, *, source: str, explained: bool) -> View:
    """Lay out the answer; `explained` adds the formula with its terms."""
    tables = [Table(columns=_COLUMNS, rows=[tuple(asdict(line).values()) for line in cost.lines])]
    if explained:
        tables.append(explained_table(_explained(cost, source)))
    bars = [Bar(label="delivered", share_frac=_delivered_frac(cost), text=percent(_delivered_frac(cost)))]
    bars += [Bar(label=line.name, share_frac=line.usd_frac, text=percent(line.usd_frac)) for line in cost.lines]
    return View(
        headline=(_headline(cost),),
        tables=tables,
        charts=(Bars(title="Where the money went", bars=bars),),
        notes=("counts as given; a class that was not counted is not waste that does not exist",),
    )


def _delivered_frac(cost: UsefulCost) -> float:
    return 1.0 - cost.waste_usd / cost.total_usd if cost.total_usd else 0.0


def _headline(cost: UsefulCost) -> str:
    if cost.useful_usd_per_useful_mtok is None:
        return f"nothing was delivered: all of {significant(cost.total_usd, 4)} USD was waste"
    return (
        f"{significant(cost.useful_usd_per_useful_mtok)} USD per M useful output tokens;"
        f" {significant(cost.all_usd_per_mtok or 0.0)} counted over all of them;"
        f" {percent(1.0 - _delivered_frac(cost))} of the bill reached nobody"
    )


def _explained(cost: UsefulCost, source: str) -> Explanation:
    return Explanation(
        number="useful_usd_per_useful_mtok",
        option="all requests",
        value=cost.useful_usd_per_useful_mtok or 0.0,
        unit="USD per M useful output tokens",
        formula="bill / delivered tokens x 1e6",
        terms=(
            Term("bill", cost.total_usd, "USD", "measured", source),
            Term("delivered", cost.delivered_tokens, "tokens", "measured", source),
            Term("all", cost.total_tokens, "tokens", "measured", source),
        ),
    )
