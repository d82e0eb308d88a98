"""The block `simulation` of a scenario: the fleet that replays the traffic, its engines, and what may befall it."""

import re
from datetime import datetime
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field
from pydantic import model_validator as validates_model

from tokonomics.workload.strict_record import StrictRecord

Router = Literal[
    "round_robin", "least_outstanding_tokens", "shortest_predicted_wait", "prefix_affine", "session_affine"
]
Batching = Literal["chunked", "prefill_first"]
SticksTo = Literal["api", "fleet", "both"]

_PLAN_LINE: Final = re.compile(r"\s*(?P<hours>[0-9]+(?:\.[0-9]+)?)\s*=\s*(?P<num>[0-9]{1,5})\s*")


def _readable_plan(text: str) -> str:
    plan_lines(text)
    return text


def _readable_time(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{error}; write it as 2026-11-23T09:00") from None
    return text


_Replicas = Annotated[int, Field(ge=0, le=10_000)]
_Count = Annotated[int, Field(ge=1, le=2**40)]
_Seconds = Annotated[float, Field(ge=0, le=30 * 86400)]
_Positive = Annotated[float, Field(gt=0, le=1e9)]
_Plan = Annotated[str, Field(max_length=10_000), AfterValidator(_readable_plan)]
_Time = Annotated[str, Field(max_length=40), AfterValidator(_readable_time)]


class SimulationSpec(StrictRecord):
    """How the traffic is replayed, on which fleet, with which engine; defaults are those of vLLM."""

    num_replicas: _Replicas = Field(1, description="Replicas at the start.")
    router: Router = Field("least_outstanding_tokens", description="Rule that spreads requests over replicas.")
    rate_ratio: Annotated[float, Field(gt=0, le=1e6)] = Field(
        1.0, description="Times as fast as recorded: gaps shrink alike, so that burstiness stays."
    )
    num_repeats: Annotated[int, Field(ge=1, le=10**6)] = Field(1, description="Times the trace is played, end to end.")
    span_s: Annotated[float, Field(gt=0, le=400 * 86400)] | None = Field(
        None,
        description="Seconds of traffic: to make where no arrivals are recorded (an hour), else to keep (all).",
    )
    as_planned: bool = Field(
        False,
        description="Replay what a plan is proven on: the busiest stretch, short records again, spot called back.",
    )
    seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(0, description="Seed of everything that is drawn.")
    shard_hours: _Positive | None = Field(
        None,
        description="Hours of each part that a replay too long for one piece is split into; default: one exact piece.",
    )
    warm_up_s: _Seconds = Field(600.0, description="Seconds of traffic that fill the fleet before such a part.")
    start_at: _Time | None = Field(
        None,
        description="Simulated time of the first arrival, UTC, for prices by the hour; default: midnight of today.",
    )
    max_sequences: _Count | None = Field(None, description="Sequences that a replica runs at once; default: 1024.")
    step_budget_tokens: _Count | None = Field(None, description="Tokens that a step may process; default: 8192.")
    batching: Batching = Field("chunked", description="Mix chunks of prompts into decode steps, or run prompts first.")
    max_output_tokens: _Count | None = Field(None, description="Longer outputs are cut there; default: no limit.")
    max_queued_requests: _Count | None = Field(
        None, description="Requests that may wait at a replica; further ones are rejected. Default: no limit."
    )
    num_draft_tokens: Annotated[int, Field(ge=0, le=64)] = Field(
        0, description="Tokens drafted a step by speculative decoding."
    )
    acceptance_frac: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="Chance that a drafted token is accepted, 0 to 1."
    )
    draft_cost_ratio: Annotated[float, Field(ge=0, le=1000)] = Field(
        0.0, description="Time of a draft step over that of a decode step."
    )
    num_prefill_replicas: _Replicas | None = Field(
        None, description="Replicas that only prefill and hand the cache over; the others then only decode."
    )
    kv_transfer_latency_s: _Seconds = Field(0.0, description="Delay of handing a cache over, seconds.")
    kv_transfer_tokens_per_s: _Positive | None = Field(
        None, description="Rate at which a cache is handed over, tokens/s; default: at once."
    )
    overflow: Annotated[str, Field(min_length=1, max_length=300)] | None = Field(
        None, description="Hosted model that takes what the fleet cannot serve in time, as provider/model."
    )
    overflow_ttft_s: _Seconds | None = Field(
        None, description="Overflow begins where the predicted time to the first token exceeds this, seconds."
    )
    overflow_leave_ttft_s: _Seconds | None = Field(
        None, description="Overflow ends at or below this prediction, seconds; default: where it begins."
    )
    overflow_queue_tokens: _Count | None = Field(None, description="Overflow begins above so many waiting tokens.")
    overflow_leave_queue_tokens: _Count | None = Field(
        None, description="Overflow ends at or below so many waiting tokens; default: where it begins."
    )
    overflow_stick_s: _Seconds | None = Field(
        None, description="A session stays where its last request went, if less than so many seconds ago."
    )
    overflow_sticks_to: SticksTo = Field(
        "api", description="Where a session stays: at the hosted model, in the fleet, or at both."
    )
    overflow_requests_per_minute: _Count | None = Field(None, description="Quota of the hosted model, requests.")
    overflow_tokens_per_minute: _Count | None = Field(None, description="Quota of the hosted model, tokens.")
    api_ttft_s: _Seconds | None = Field(
        None, description="Time to the first token at the hosted model, seconds; default: not known, left out."
    )
    api_itl_s: _Seconds | None = Field(None, description="Time between tokens at the hosted model, seconds.")
    escalate_to: Annotated[str, Field(min_length=1, max_length=300)] | None = Field(
        None, description="Hosted model that is asked again where the fleet's answer is not sure, as provider/model."
    )
    escalate_below_frac: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="Answers less confident than this go up, 0 to 1."
    )
    confidence_beta: Annotated[str, Field(max_length=40)] | None = Field(
        None, description="Confidence of the fleet's answers as a Beta distribution, A,B: 4,1 for a mean of 0.8."
    )
    confidence_data: Annotated[str, Field(min_length=1, max_length=1000)] | None = Field(
        None, description="File of recorded answers to draw the confidence from (.parquet)."
    )
    confidence_model: Annotated[str, Field(min_length=1, max_length=300)] | None = Field(
        None, description="Model of that file whose confidence is drawn."
    )
    verifier_usd_per_request: Annotated[float, Field(ge=0, le=1e6)] = Field(
        0.0, description="Cost of judging one answer of the fleet, USD."
    )
    autoscale_requests: _Positive | None = Field(
        None, description="Requests to keep on each replica, running or waiting: scale the fleet to it."
    )
    min_replicas: _Replicas = Field(1, description="Fewest replicas of an autoscaled fleet.")
    max_replicas: Annotated[int, Field(ge=1, le=10_000)] = Field(
        16, description="Most replicas of an autoscaled fleet."
    )
    autoscale_interval_s: _Positive = Field(15.0, description="Seconds between two looks of the autoscaler.")
    up_cooldown_s: _Seconds = Field(0.0, description="Seconds after a rise before the next.")
    down_cooldown_s: _Seconds = Field(300.0, description="Seconds after a change before the fleet shrinks.")
    capacity_plan: _Plan = Field("", description="Replicas by hour since the start, as 8=4,20=1.")
    load_s: _Seconds = Field(0.0, description="Seconds from the lease of a replica until it serves.")
    spot_life_hours: _Positive | None = Field(
        None, description="Mean hours until a spot replica is called back and replaced; default: never."
    )
    spot_notice_s: _Seconds = Field(120.0, description="Seconds between the call and the loss of a spot replica.")
    failure_hours: _Positive | None = Field(None, description="Mean hours until a replica fails; default: never.")
    keep_tokens: bool = Field(False, description="A request that loses its replica goes on behind the tokens it had.")
    billing_increment_s: _Seconds = Field(0.0, description="A lease is billed in whole multiples of so many seconds.")
    min_billed_s: _Seconds = Field(0.0, description="A lease is billed at least so many seconds.")
    gpu_usd_per_hour: _Positive | None = Field(
        None, description="Price of one accelerator-hour; default: the cheapest listed offer."
    )

    @property
    def is_fixed_fleet(self) -> bool:
        """Whether the same replicas are leased from start to end."""
        may_change = (self.autoscale_requests, self.spot_life_hours, self.failure_hours)
        return not self.capacity_plan and all(cause is None for cause in may_change)

    @validates_model(mode="after")
    def _adds_up(self) -> Self:
        problems = _problems(self)
        if problems:
            raise ValueError("\n".join(problems))
        return self


def plan_lines(text: str) -> tuple[tuple[float, int], ...]:
    """The lines of a capacity plan: hours since the start, and the number of replicas from then on.

    Raises: ValueError naming each part that cannot be read.

    >>> plan_lines("8=4, 20.5=1")
    ((8.0, 4), (20.5, 1))
    """
    parts = [part for part in text.split(",") if part.strip()]
    read = [_PLAN_LINE.fullmatch(part) for part in parts]
    wrong = [part.strip() for part, found in zip(parts, read) if found is None]
    if wrong:
        raise ValueError(f"{', '.join(wrong)[:60]} is not HOURS=REPLICAS; write it as 8=4,20=1")
    return tuple((float(found["hours"]), int(found["num"])) for found in read if found)


def _problems(spec: SimulationSpec) -> list[str]:
    problems = []
    bounds = (spec.overflow_ttft_s, spec.overflow_queue_tokens)
    if spec.overflow is None and any(bound is not None for bound in bounds):
        problems.append("simulation bounds an overflow without overflow; name the hosted model, as provider/model")
    if spec.overflow is not None and all(bound is None for bound in bounds):
        problems.append("simulation.overflow without overflow_ttft_s or overflow_queue_tokens; say when to overflow")
    problems += _stickiness_problems(spec)
    if (spec.api_ttft_s is None) != (spec.api_itl_s is None):
        problems.append("simulation has one of api_ttft_s and api_itl_s; give both or neither")
    problems += _escalation_problems(spec)
    if spec.min_replicas > spec.max_replicas:
        problems.append(
            f"simulation.min_replicas={spec.min_replicas}; limit=max_replicas={spec.max_replicas}; swap them"
        )
    return problems


def _stickiness_problems(spec: SimulationSpec) -> list[str]:
    if spec.overflow is None and spec.overflow_stick_s is not None:
        return ["simulation.overflow_stick_s without overflow; name the hosted model, as provider/model"]
    if spec.overflow_stick_s is None and spec.overflow_sticks_to != "api":
        return ["simulation.overflow_sticks_to without overflow_stick_s; say for how long a session stays"]
    return []


def _escalation_problems(spec: SimulationSpec) -> list[str]:
    stated = {
        "escalate_below_frac": spec.escalate_below_frac,
        "confidence_beta": spec.confidence_beta,
        "confidence_data": spec.confidence_data,
        "confidence_model": spec.confidence_model,
        "verifier_usd_per_request": spec.verifier_usd_per_request or None,
    }
    if spec.escalate_to is None:
        told = [f"simulation.{name}" for name, value in stated.items() if value is not None]
        advice = "without escalate_to; name the hosted model that is asked again, as provider/model"
        return [f"{', '.join(told)} {advice}"] if told else []
    problems = []
    if spec.overflow is not None:
        problems.append("simulation.escalate_to beside overflow; limit=one hosted model; keep one of them")
    if spec.escalate_below_frac is None:
        problems.append("simulation.escalate_to without escalate_below_frac; say how confident an answer must be")
    if (spec.confidence_beta is None) == (spec.confidence_data is None):
        problems.append("simulation.escalate_to needs one of confidence_beta and confidence_data; give one")
    if (spec.confidence_data is None) != (spec.confidence_model is None):
        problems.append("simulation has one of confidence_data and confidence_model; give both or neither")
    if spec.api_ttft_s is None:
        problems.append("simulation.escalate_to without api_ttft_s and api_itl_s; say how long its answers take")
    return problems


DEFAULT_SIMULATION: Final = SimulationSpec.model_validate({})
"""One replica, the traffic as recorded, the engine's defaults."""
