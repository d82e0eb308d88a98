"""The optimisation waterfall: each step of the stack against its predecessor, and what each lever is worth.

A step that does not fit is infeasible and has no numbers. A step that makes tokens dearer stands aside: it may buy
latency, and the steps after it do without. Every factor is one of throughput at the same price of an hour, so it is
one of cost.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.figures.explanation import Term
from tokonomics.economics.optimisation.levers import StepShare, step_shares
from tokonomics.economics.optimisation.stack_outcome import Outcome, Pricing, evaluate
from tokonomics.economics.optimisation.stack_steps import SIXTEEN_BIT, STEPS, Served, Setup, StackStep
from tokonomics.economics.serving.stack_assumptions import resolve_assumptions
from tokonomics.workload.slo import Slo

KEPT, ASIDE, INFEASIBLE = "kept", "aside", "infeasible"
_BASELINE = StackStep(
    name=f"{SIXTEEN_BIT} weights, batch 1, naive", lever="baseline", change=lambda setup, _, __: setup
)
_EQUAL = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class StackRow:
    """One step of the waterfall.

    `step_factor` is against the last kept row, `cumulative_factor` against the first that fits, `log_frac` the share
    of the whole; the last two are None for a row that stands aside, all for one that does not fit.
    """

    name: str
    lever: str
    status: str
    reason: str
    setup: Setup
    outcome: Outcome | None
    step_factor: float | None = None
    cumulative_factor: float | None = None
    log_frac: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LeverGain:
    """All kept steps of one lever together."""

    lever: str
    lever_factor: float
    log_frac: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Stack:
    """The waterfall of one model on one part, the levers largest first, and the assumptions it stands on."""

    served: Served
    rows: tuple[StackRow, ...]
    levers: tuple[LeverGain, ...]
    total_factor: float | None
    tail_percentile: float
    slo: Slo
    assumed: Mapping[str, Term]

    @property
    def kept(self) -> tuple[StackRow, ...]:
        """The rows that stand on one another."""
        return tuple(row for row in self.rows if row.status == KEPT)

    @property
    def largest_lever(self) -> LeverGain | None:
        """The lever with the largest share; None where no step helps."""
        return self.levers[0] if self.levers else None


def stack(served: Served, pricing: Pricing | None = None, *, stated: Mapping[str, float] | None = None) -> Stack:
    """Climb the stack. `stated` replaces rows of the table of assumptions by name.

    Raises: InputError for a stated name or value, an SLO on anything but `itl`, lengths below 1 or a percentile outside
    0..100; UnknownName for a format or engine; MissingFact for a rate that the catalogue lacks.
    """
    pricing = pricing or Pricing()
    assumed = resolve_assumptions(stated or {})
    _check(served, pricing)
    values = {name: float(term.value) for name, term in assumed.items()}
    rows = _attributed(_climb(served, pricing, values))
    kept = [row for row in rows if row.status == KEPT]
    return Stack(
        served=served,
        rows=rows,
        levers=_lever_gains(kept),
        total_factor=kept[-1].cumulative_factor if kept else None,
        tail_percentile=pricing.tail_percentile,
        slo=pricing.slo,
        assumed=assumed,
    )


def _climb(served: Served, pricing: Pricing, values: Mapping[str, float]) -> list[StackRow]:
    """Evaluate every step on the setup that stands so far. Until something fits, changes pile up."""
    rows: list[StackRow] = []
    setup, last = Setup(), None
    for step in (_BASELINE, *STEPS):
        tried = step.change(setup, served, values)
        outcome, reason = evaluate(served, tried, pricing, values)
        status = _status(outcome, last)
        name = step.name.format(precision=served.precision, kv_format=served.kv_format, **values)
        factor = None if outcome is None else _factor(outcome, last)
        row = StackRow(name=name, lever=step.lever, status=status, reason=reason, setup=tried, outcome=outcome)
        rows.append(replace(row, step_factor=factor))
        if status == KEPT or last is None:
            setup, last = tried, outcome
    return rows


def _status(outcome: Outcome | None, last: Outcome | None) -> str:
    if outcome is None:
        return INFEASIBLE
    return ASIDE if _factor(outcome, last) < 1.0 - _EQUAL else KEPT


def _factor(outcome: Outcome, last: Outcome | None) -> float:
    return outcome.output_tokens_per_s / last.output_tokens_per_s if last else 1.0


def _attributed(rows: Sequence[StackRow]) -> tuple[StackRow, ...]:
    kept = [(row.name, row.outcome.output_tokens_per_s) for row in rows if row.status == KEPT and row.outcome]
    shares = iter(step_shares(kept) if kept else ())
    return tuple(_with_share(row, shares) if row.status == KEPT else row for row in rows)


def _with_share(row: StackRow, shares: Iterator[StepShare]) -> StackRow:
    share = next(shares)
    return replace(row, cumulative_factor=share.cumulative_factor, log_frac=share.log_frac)


def _lever_gains(kept: Sequence[StackRow]) -> tuple[LeverGain, ...]:
    gains: dict[str, LeverGain] = {}
    for row in kept[1:]:
        old = gains.get(row.lever, LeverGain(lever=row.lever, lever_factor=1.0, log_frac=0.0))
        gains[row.lever] = LeverGain(
            lever=row.lever,
            lever_factor=old.lever_factor * (row.step_factor or 1.0),
            log_frac=None if row.log_frac is None or old.log_frac is None else old.log_frac + row.log_frac,
        )
    return tuple(sorted(gains.values(), key=lambda gain: (-gain.lever_factor, gain.lever)))


def _check(served: Served, pricing: Pricing) -> None:
    checks = Checks().at_least(1, input_tokens=served.input_tokens, output_tokens=served.output_tokens)
    checks.positive(replica_usd_per_hour=pricing.replica_usd_per_hour)
    percentile = pricing.tail_percentile
    checks.that(0 < percentile < 100, f"percentile={percentile:g}; must lie between 0 and 100, such as 99")
    for limit in pricing.slo.limits:
        checks.that(
            limit.metric == "itl", f"slo {limit}: the stack is judged by itl only; use `tok frontier` for others"
        )
    checks.done()
