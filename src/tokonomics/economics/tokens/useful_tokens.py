"""Cost per useful output token: what is paid for, over what the user received.

Every output token is in one class: delivered, or wasted as reasoning, rejected drafts, retries, answers that
an escalation discarded, and cancelled requests.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tokonomics.economics.figures.checks import Checks
from tokonomics.errors import UnknownName
from tokonomics.units import MTOK

DELIVERED: Final = "delivered"
WASTE_CLASSES: Final = ("reasoning", "rejected_draft", "retried", "discarded_by_escalation", "cancelled")


@dataclass(frozen=True, kw_only=True, slots=True)
class WasteLine:
    """One class of tokens: how many, its share of all, its money and its share of the money."""

    name: str
    class_tokens: float
    tokens_frac: float
    class_usd: float
    usd_frac: float


@dataclass(frozen=True, kw_only=True, slots=True)
class UsefulCost:
    """The bill over what was delivered, the same over everything, and the ratio of the two.

    `useful_usd_per_useful_mtok` is the headline; None when nothing was delivered. `lines` holds the waste,
    the dearest first.
    """

    total_usd: float
    total_tokens: float
    delivered_tokens: float
    all_usd_per_mtok: float | None
    useful_usd_per_useful_mtok: float | None
    overhead_ratio: float | None
    waste_usd: float
    lines: tuple[WasteLine, ...]


def useful_cost(
    *,
    total_usd: float,
    delivered_tokens: float,
    waste_tokens: Mapping[str, float],
    work_ratios: Mapping[str, float] | None = None,
) -> UsefulCost:
    """Divide a bill by the tokens that reached a user, and the rest of it among the classes of waste.

    `work_ratios` says how much of the work of an output token one of a class takes (1 unless given): a
    rejected draft token comes from a small model and is verified in a batch, so it may be far below 1.
    Raises: UnknownName for a class that is not in WASTE_CLASSES; InputError for a negative count.

    >>> cost = useful_cost(total_usd=10.0, delivered_tokens=4e6, waste_tokens={"reasoning": 16e6})
    >>> cost.useful_usd_per_useful_mtok, cost.overhead_ratio, cost.lines[0].usd_frac
    (2.5, 5.0, 0.8)
    """
    ratios = dict(work_ratios or {})
    _check(total_usd, delivered_tokens, waste_tokens, ratios)
    counts = {DELIVERED: delivered_tokens, **waste_tokens}
    work = {name: tokens * ratios.get(name, 1.0) for name, tokens in counts.items()}
    all_tokens, all_work = sum(counts.values()), sum(work.values())
    lines = [_line(name, counts[name], all_tokens, work[name], all_work, total_usd) for name in waste_tokens]
    lines.sort(key=lambda line: (-line.class_usd, line.name))
    return UsefulCost(
        total_usd=total_usd,
        total_tokens=all_tokens,
        delivered_tokens=delivered_tokens,
        all_usd_per_mtok=total_usd / all_tokens * MTOK if all_tokens else None,
        useful_usd_per_useful_mtok=total_usd / delivered_tokens * MTOK if delivered_tokens else None,
        overhead_ratio=all_work / delivered_tokens if delivered_tokens else None,
        waste_usd=sum(line.class_usd for line in lines),
        lines=tuple(lines),
    )


def _check(total_usd: float, delivered: float, waste: Mapping[str, float], ratios: Mapping[str, float]) -> None:
    for name in (*waste, *ratios):
        if name not in (*WASTE_CLASSES, DELIVERED):
            raise UnknownName("waste class", name, WASTE_CLASSES)
    checks = Checks().non_negative(total_usd=total_usd, delivered_tokens=delivered)
    checks.that(DELIVERED not in waste, f"{DELIVERED} is no waste; give it as delivered_tokens")
    checks.non_negative(**{f"{name} tokens": tokens for name, tokens in waste.items()})
    checks.non_negative(**{f"work_ratio of {name}": ratio for name, ratio in ratios.items()}).done()


def _line(name: str, tokens: float, all_tokens: float, work: float, all_work: float, total_usd: float) -> WasteLine:
    share = work / all_work if all_work else 0.0
    return WasteLine(
        name=name,
        class_tokens=tokens,
        tokens_frac=tokens / all_tokens if all_tokens else 0.0,
        class_usd=share * total_usd,
        usd_frac=share,
    )
