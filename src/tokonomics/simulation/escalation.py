"""Answers of the fleet that are not sure enough, asked again at a hosted model: what that changes for users and bills.

An answer is shown when it has been judged, so none of the fleet's is streamed. What goes up is paid twice: the fleet's
time is spent, and the hosted model bills its tokens at the price of the moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from tokonomics.catalog.load import Catalog
from tokonomics.economics.figures.cost_per_token import TokenVolume
from tokonomics.policy.cascade import CascadePolicy, CascadeTier
from tokonomics.simulation.api_bill import ApiBill, api_bill
from tokonomics.simulation.cascade import ApiTier, CascadeRun, TierRun, simulate_cascade
from tokonomics.simulation.confidence import beta_confidence_frac, recorded_confidence_frac
from tokonomics.simulation.fleet import FleetResult
from tokonomics.simulation.fleet_spec import FleetSpec
from tokonomics.simulation.hours import HourCost, hours_of_week
from tokonomics.simulation.money import ClassCost, Money, cost_bases
from tokonomics.simulation.requests import FloatArray, Requests
from tokonomics.simulation.summary import RequestLatency
from tokonomics.units import HOURS_PER_WEEK, MTOK
from tokonomics.workload.scenario_simulation import SimulationSpec

FLEET: Final = "fleet"
"""Name of the first tier."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TierCost:
    """What a tier was asked and cost. usd: its answers, None where the fleet is unpriced; the verifier stands apart."""

    backend: str
    num_requests: int
    num_answered: int
    num_escalated: int
    usd: float | None
    verifier_usd: float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Escalation:
    """The two tiers of a replay, and the bill of the second; `bill` is None where nothing went up."""

    run: CascadeRun
    bill: ApiBill | None
    verifier_usd_per_request: float

    @property
    def escalation_frac(self) -> float:
        """Share of the requests that went up."""
        return self.run.escalation_frac

    def spent_usd(self) -> FloatArray:
        """What each request cost beyond the fleet, verifier included; shape (n,)."""
        first = self.run.tiers[0]
        usd = np.zeros(self.run.tier.size)
        usd[first.asked[first.is_answered]] = self.verifier_usd_per_request
        if self.bill is not None:
            usd[self.run.tiers[1].asked] += self.bill.input_usd + self.bill.output_usd
        return usd

    def tier_costs(self, fleet_usd: float | None) -> tuple[TierCost, ...]:
        """The tiers that were asked, with what each cost."""
        usd = (fleet_usd, self.bill.total_usd if self.bill else 0.0)
        return tuple(_tier_cost(one, cost) for one, cost in zip(self.run.tiers, usd))


def escalation_of(
    requests: Requests,
    result: FleetResult,
    fleet: FleetSpec,
    spec: SimulationSpec,
    catalog: Catalog,
    *,
    start_at: datetime,
    cached_frac: float,
    rng: np.random.Generator,
) -> Escalation | None:
    """Ask the hosted model of `spec` again for what the replay `result` of `fleet` did not answer surely enough.

    None where the spec names no such model. Raises as the price book and the reading of confidences do.
    """
    if spec.escalate_to is None or spec.escalate_below_frac is None:
        return None
    policy = CascadePolicy(
        tiers=(
            CascadeTier(
                backend=FLEET,
                accept_confidence_frac=spec.escalate_below_frac,
                verifier_usd_per_request=spec.verifier_usd_per_request,
            ),
            CascadeTier(backend=spec.escalate_to),
        )
    )
    hosted = ApiTier(ttft_s=spec.api_ttft_s, itl_s=spec.api_itl_s)
    backends: dict[str, FleetSpec | ApiTier] = {FLEET: fleet, spec.escalate_to: hosted}
    confidence = _confidence_frac(spec, requests.num_requests, rng)[:, None]
    run = simulate_cascade(requests, policy, backends, confidence, rng=rng, first=result)
    bill = None
    if len(run.tiers) > 1:
        up = run.tiers[1]
        bill = api_bill(
            catalog,
            spec.escalate_to,
            input_tokens=requests.input_tokens[up.asked],
            output_tokens=requests.output_tokens[up.asked],
            arrival_s=up.arrival_s,
            start_at=start_at,
            cached_input_frac=cached_frac,
        )
    return Escalation(run=run, bill=bill, verifier_usd_per_request=spec.verifier_usd_per_request)


def escalated_latency(requests: Requests, escalation: Escalation, *, api_itl_s: float | None) -> RequestLatency:
    """What users waited for: answers that stand are shown whole, those of the hosted model are streamed."""
    run = escalation.run
    streams = (run.tier > 0) & (requests.output_tokens > 1)
    return RequestLatency(
        ttft_s=run.first_shown_s - requests.arrival_s,
        itl_s=np.where(streams, np.nan if api_itl_s is None else api_itl_s, np.nan),
        e2e_s=run.finish_s - requests.arrival_s,
    )


def escalated_money(
    money: Money, requests: Requests, result: FleetResult, good: np.typing.NDArray[np.bool_], escalation: Escalation
) -> Money:
    """The bill with the second tier and the verifier in it; `good` marks the requests answered within the SLO."""
    run, bill = escalation.run, escalation.bill
    outputs = np.where(run.tier > 0, requests.output_tokens, result.output_tokens)
    spent_usd = escalation.spent_usd()
    volume = TokenVolume(
        input_tokens=float(requests.input_tokens[run.is_answered].sum()),
        output_tokens=float(outputs[run.is_answered].sum()),
    )
    api_usd = money.api_usd + float(spent_usd.sum())
    useful = float((requests.input_tokens + outputs)[good].sum())
    return replace(
        money,
        api_usd=api_usd,
        usd_per_mtok=cost_bases(money.gpu_time, money.fleet_usd, money.used_usd, _with_verifier(bill, run), volume),
        usd_per_useful_mtok=(
            None if money.fleet_usd is None or useful <= 0.0 else (money.fleet_usd + api_usd) / useful * MTOK
        ),
        classes=_with_classes(money.classes, requests, outputs * run.is_answered, spent_usd, escalation),
    )


def escalated_hours(
    hours: Sequence[HourCost], requests: Requests, escalation: Escalation, *, start_s: float, start_at: datetime
) -> tuple[HourCost, ...]:
    """The hours of the week with what their requests cost beyond the fleet."""
    at = hours_of_week(requests.arrival_s - start_s, start_at)
    extra_usd = np.bincount(at, weights=escalation.spent_usd(), minlength=HOURS_PER_WEEK)
    return tuple(_dearer_hour(one, float(extra_usd[one.hour_of_week])) for one in hours)


def _dearer_hour(hour: HourCost, extra_usd: float) -> HourCost:
    tokens, api_usd = hour.input_tokens + hour.output_tokens, hour.api_usd + extra_usd
    known = hour.fleet_usd is not None and tokens > 0
    return replace(
        hour,
        api_usd=api_usd,
        usd_per_mtok=((hour.fleet_usd or 0.0) + api_usd) / tokens * MTOK if known else None,
    )


def _confidence_frac(spec: SimulationSpec, num: int, rng: np.random.Generator) -> FloatArray:
    if spec.confidence_data is not None:
        return recorded_confidence_frac(Path(spec.confidence_data), spec.confidence_model or "", num, rng)
    return beta_confidence_frac(spec.confidence_beta or "", num, rng)


def _with_verifier(bill: ApiBill | None, run: CascadeRun) -> ApiBill | None:
    """The bill with the verifier's cost among that of outputs, for shares alone."""
    if bill is None:
        return None
    return replace(bill, output_usd=np.append(bill.output_usd, run.verifier_usd))


def _with_classes(
    classes: Sequence[ClassCost], requests: Requests, outputs: FloatArray, spent_usd: FloatArray, escalation: Escalation
) -> tuple[ClassCost, ...]:
    if requests.class_index is None:
        return tuple(classes)
    known, which = np.unique(requests.class_index, return_inverse=True)
    inputs = requests.input_tokens * escalation.run.is_answered
    sums = {
        int(one): (int(inp), int(out), float(usd))
        for one, inp, out, usd in zip(known, *(np.bincount(which, weights=w) for w in (inputs, outputs, spent_usd)))
    }
    return tuple(
        replace(
            one,
            input_tokens=sums[one.class_index][0],
            output_tokens=sums[one.class_index][1],
            api_usd=one.api_usd + sums[one.class_index][2],
        )
        for one in classes
    )


def _tier_cost(one: TierRun, usd: float | None) -> TierCost:
    return TierCost(
        backend=one.backend,
        num_requests=one.asked.size,
        num_answered=int(one.is_answered.sum()),
        num_escalated=int(one.goes_up.sum()),
        usd=usd,
        verifier_usd=one.verifier_usd,
    )
