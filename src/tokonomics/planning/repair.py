"""What replays change in a draft: replicas are added, or the overflow starts earlier, until the limits hold.

A draft whose replay has room to spare is also tried with fewer replicas: a formula sized it, and the replay
knows better. Every change is said.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from tokonomics.planning.draft import Draft, Purchase
from tokonomics.planning.proof import Proof
from tokonomics.policy.overflow import OverflowPolicy

MOST_TRIALS: Final = 12
_LOWER_FRAC: Final = 0.6
"""By how much a repair lowers the threshold of the overflow."""
_LOWEST_RATIO: Final = 0.1

Prove = Callable[[Draft, OverflowPolicy | None], Proof]
Threshold = Callable[[float], OverflowPolicy | None]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Proven:
    """A draft after its replays; `reasons` say what was changed and why, `is_kept` whether every limit holds."""

    draft: Draft
    overflow: OverflowPolicy | None
    proof: Proof
    reasons: tuple[str, ...]

    @property
    def is_kept(self) -> bool:
        """Whether every limit holds and every request was answered."""
        return not self.proof.misses


def repaired(draft: Draft, prove: Prove, threshold: Threshold, *, max_gpus: int | None = None) -> Proven:
    """`draft` as it first passes, or after the last trial. `threshold` gives the overflow at a share of its usual.

    `max_gpus` of one kind from one seller are not exceeded: then only the overflow can still be changed.
    """
    ratio, was_lowered = 1.0, False
    current = _tested(draft, threshold(ratio), prove, ())
    for _ in range(MOST_TRIALS):
        if current.is_kept:
            return current
        missed = "; ".join(current.proof.misses)
        may_lower = current.overflow is not None and ratio > _LOWEST_RATIO and not current.proof.overflows_too_much
        was_lowered = may_lower and not was_lowered
        if was_lowered:
            ratio *= _LOWER_FRAC
            changed, words = current.draft, f"overflow starts at {ratio:.0%} of its usual threshold: {missed}"
        else:
            larger = _enlarged(current.draft, max_gpus)
            if larger is None and may_lower:
                continue
            if larger is None:
                words = f"max_gpus={max_gpus} allows no more replicas: {missed}"
                return replace(current, reasons=(*current.reasons, words))
            changed, words = larger, f"{_sizes(larger)} in place of {_sizes(current.draft)}: {missed}"
        current = _tested(changed, threshold(ratio), prove, (*current.reasons, words))
    return current


def trimmed(proven: Proven, prove: Prove, prove_slower: Prove) -> Proven:
    """`proven` with as few replicas as pass, also in `prove_slower`; the purchase of most replicas gives first."""
    current = proven
    for _ in range(MOST_TRIALS):
        smaller = _reduced(current.draft)
        if smaller is None or smaller.usd_per_month >= current.draft.usd_per_month:
            return current
        words = f"{_sizes(smaller)} in place of {_sizes(proven.draft)}: the replay keeps every limit with fewer"
        tried = _tested(smaller, current.overflow, prove, (*proven.reasons, words))
        if not tried.is_kept or tried.draft.usd_per_month >= current.draft.usd_per_month:
            return current
        if prove_slower(tried.draft, tried.overflow).misses:
            return current
        current = tried
    return current


def _tested(draft: Draft, overflow: OverflowPolicy | None, prove: Prove, reasons: tuple[str, ...]) -> Proven:
    """`draft` under a replay, which says what the endpoint really gets."""
    proof = prove(draft, overflow)
    return Proven(
        draft=draft.with_api_frac(draft.month_api_frac(proof.api_frac)), overflow=overflow, proof=proof, reasons=reasons
    )


def _enlarged(draft: Draft, max_gpus: int | None) -> Draft | None:
    """A bundle more of the purchase with most replicas, a twentieth of them where these are many.

    Of a cascade every tier grows: its replay does not say which of them is late. Where a quota forbids that purchase to
    grow the next does; None where none may.
    """
    if len(draft.way.calls) > 1:
        every = replace(draft, purchases=tuple(one.with_more(_step(one)) for one in draft.purchases))
        return None if every.exceeds(max_gpus) else every
    order = sorted(range(len(draft.purchases)), key=lambda i: (-draft.purchases[i].most_replicas, i))
    grown = (_with_more(draft, index, _step(draft.purchases[index])) for index in order)
    return next((one for one in grown if not one.exceeds(max_gpus)), None)


def _with_more(draft: Draft, index: int, num: int) -> Draft:
    """`num` replicas more of one purchase."""
    changed = (*draft.purchases[:index], draft.purchases[index].with_more(num), *draft.purchases[index + 1 :])
    return replace(draft, purchases=changed)


def _reduced(draft: Draft) -> Draft | None:
    if not draft.purchases:
        return None
    index, most = _largest(draft)
    step = _step(most)
    if most.num_replicas.min() <= step:
        return None
    return _with_more(draft, index, -step)


def _step(bought: Purchase) -> int:
    """Replicas of a bundle, or of as many bundles as make a twentieth."""
    bundle = bought.item.replicas_per_bundle
    return max(bundle, bought.most_replicas // 20 // bundle * bundle)


def _largest(draft: Draft) -> tuple[int, Purchase]:
    index = max(range(len(draft.purchases)), key=lambda i: (draft.purchases[i].most_replicas, -i))
    return index, draft.purchases[index]


def _sizes(draft: Draft) -> str:
    return " + ".join(str(one.most_replicas) for one in draft.purchases) + " replicas"
