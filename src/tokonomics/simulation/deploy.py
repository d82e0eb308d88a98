"""From a scenario to a fleet: one deployment, its memory in blocks of KV cache, and its replicas' engine and life."""

import math
from dataclasses import dataclass, replace

import numpy as np

from tokonomics.catalog.load import Catalog
from tokonomics.errors import InputError, raise_all
from tokonomics.physics.capacity import MemoryBox, memory_box, require_fit
from tokonomics.physics.deployment import Deployment, deployment
from tokonomics.physics.fit import Layouts, smallest_fit
from tokonomics.physics.step import StepModel, step_model
from tokonomics.policy.overflow import SIDES, OverflowPolicy
from tokonomics.policy.route import RoutePolicy
from tokonomics.simulation.build import capped_output_tokens
from tokonomics.simulation.fleet_spec import Autoscaling, FleetSpec, ReplicaSpec
from tokonomics.simulation.options import EngineOptions
from tokonomics.simulation.requests import Requests
from tokonomics.units import SECONDS_PER_HOUR
from tokonomics.workload.scenario import Scenario
from tokonomics.workload.scenario_simulation import DEFAULT_SIMULATION, SimulationSpec, plan_lines

BLOCK_TOKENS = 16
_MOST_BLOCKS = 2**40
_NUM_NAMED = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployed:
    """A deployment ready to be simulated: its step coefficients and how many KV blocks its memory holds."""

    deployment: Deployment
    step_model: StepModel
    num_kv_blocks: int

    @property
    def kv_tokens(self) -> int:
        """Tokens of KV cache that a replica holds."""
        return self.num_kv_blocks * BLOCK_TOKENS


def deploy(catalog: Catalog, scenario: Scenario, *, longest_tokens: float, mean_context_tokens: float) -> Deployed:
    """The one deployment that `scenario` names; the fewest accelerators that hold the longest request if it says none.

    Raises: InputError unless it names one model and one accelerator, and at most one precision and count; UnknownName,
    Infeasible and MissingFact as the catalogue and the memory say.
    """
    raise_all(_not_one(scenario))
    model, part = catalog.model(scenario.models[0]), catalog.accelerator(scenario.gpus[0])
    precision = scenario.precisions[0] if scenario.precisions else None
    if scenario.num_gpus:
        dep = deployment(
            model,
            part,
            precision=precision,
            kv_format=scenario.kv_format,
            engine=scenario.engine,
            tensor_parallel=scenario.num_gpus[0],
        )
        require_fit(dep)
    else:
        layouts = Layouts(precision=precision, kv_format=scenario.kv_format, engine=scenario.engine)
        dep = smallest_fit(model, part, layouts, context_tokens=longest_tokens).deployment
    dep = _with_limits(dep, scenario.simulation or DEFAULT_SIMULATION)
    return Deployed(
        deployment=dep,
        step_model=step_model(dep),
        num_kv_blocks=num_kv_blocks(memory_box(dep), mean_context_tokens),
    )


def num_kv_blocks(box: MemoryBox, context_tokens: float) -> int:
    """Blocks of 16 tokens that the cache holds, when sequences are `context_tokens` long on average.

    Sliding windows and constant states make a token's share depend on the length, so the mean stands for all.
    """
    each_bytes = float(box.kv.sequence_bytes(context_tokens))
    if each_bytes <= 0.0:
        return _MOST_BLOCKS
    tokens = box.kv_room_bytes / each_bytes * context_tokens
    return int(min(tokens // BLOCK_TOKENS, _MOST_BLOCKS))


def require_requests_fit(options: EngineOptions, requests: Requests, *, name: str) -> None:
    """Raise InputError naming the requests of `name` that need more KV cache than a replica has at all."""
    room = options.num_kv_blocks * options.block_tokens
    drafts = options.num_draft_tokens
    need = requests.input_tokens + capped_output_tokens(requests, options) + (drafts if drafts else -1)
    wrong = np.flatnonzero(need > room)
    if wrong.size:
        named = ", ".join(str(row + 1) for row in wrong[:_NUM_NAMED])
        more = f" and {wrong.size - _NUM_NAMED} more" if wrong.size > _NUM_NAMED else ""
        raise InputError(
            f"{name}, by arrival request {named}{more}: needs up to {int(need[wrong].max()):,} tokens of KV cache;"
            f" limit={room:,} tokens of a replica; drop these requests, cap the output with --max-output-tokens, or"
            " give the replica more accelerators"
        )


def engine_options(
    deployed: Deployed, spec: SimulationSpec, *, cached_input_frac: float, hashed: bool
) -> EngineOptions:
    """The engine of a replica; a trace with block hashes uses its prefix cache, else the hit rate holds."""
    dep = deployed.deployment
    return EngineOptions(
        num_kv_blocks=deployed.num_kv_blocks,
        block_tokens=BLOCK_TOKENS,
        batching=spec.batching,
        step_budget_tokens=dep.step_budget_tokens,
        max_sequences=dep.max_sequences,
        max_queued_requests=spec.max_queued_requests,
        max_output_tokens=spec.max_output_tokens,
        cached_input_frac=0.0 if hashed else cached_input_frac,
        use_prefix_cache=hashed,
        num_draft_tokens=spec.num_draft_tokens,
        acceptance_frac=spec.acceptance_frac,
        draft_cost_ratio=spec.draft_cost_ratio,
    )


def fleet_spec(deployed: Deployed, options: EngineOptions, spec: SimulationSpec) -> FleetSpec:
    """The fleet of `spec`: mixed replicas, or a pool that prefills and one that decodes."""
    main = _replicas(deployed, options, spec)
    pools: tuple[ReplicaSpec, ...] = (main,)
    if spec.num_prefill_replicas is not None:
        prefill = replace(
            main, name="prefill", role="prefill", num_replicas=spec.num_prefill_replicas, autoscaling=None,
            capacity_plan=(), kv_transfer_latency_s=spec.kv_transfer_latency_s,
            kv_transfer_tokens_per_s=spec.kv_transfer_tokens_per_s or math.inf,
        )  # fmt: skip
        pools = (prefill, replace(main, name="decode", role="decode"))
    return FleetSpec(
        replicas=pools,
        route=RoutePolicy(router=spec.router),
        overflow=_overflow(spec),
        keep_tokens=spec.keep_tokens,
    )


def _replicas(deployed: Deployed, options: EngineOptions, spec: SimulationSpec) -> ReplicaSpec:
    return ReplicaSpec(
        name=deployed.deployment.name,
        step_model=deployed.step_model,
        options=options,
        num_replicas=spec.num_replicas,
        autoscaling=_autoscaling(spec),
        capacity_plan=tuple((hours * SECONDS_PER_HOUR, num) for hours, num in plan_lines(spec.capacity_plan)),
        load_s=spec.load_s,
        mean_spot_life_hours=spec.spot_life_hours,
        spot_notice_s=spec.spot_notice_s,
        mean_time_to_failure_hours=spec.failure_hours,
        billing_increment_s=spec.billing_increment_s,
        min_billed_s=spec.min_billed_s,
    )


def _autoscaling(spec: SimulationSpec) -> Autoscaling | None:
    if spec.autoscale_requests is None:
        return None
    return Autoscaling(
        target_requests=spec.autoscale_requests,
        min_replicas=spec.min_replicas,
        max_replicas=spec.max_replicas,
        interval_s=spec.autoscale_interval_s,
        up_cooldown_s=spec.up_cooldown_s,
        down_cooldown_s=spec.down_cooldown_s,
    )


def _overflow(spec: SimulationSpec) -> OverflowPolicy | None:
    if spec.overflow is None:
        return None
    return OverflowPolicy(
        backend=spec.overflow,
        enter_ttft_s=spec.overflow_ttft_s,
        leave_ttft_s=spec.overflow_leave_ttft_s,
        enter_queue_tokens=spec.overflow_queue_tokens,
        leave_queue_tokens=spec.overflow_leave_queue_tokens,
        max_requests_per_minute=spec.overflow_requests_per_minute,
        max_tokens_per_minute=spec.overflow_tokens_per_minute,
        stick_s=spec.overflow_stick_s or 0.0,
        sticky_sides=SIDES if spec.overflow_sticks_to == "both" else (spec.overflow_sticks_to,),
    )


def _with_limits(dep: Deployment, spec: SimulationSpec) -> Deployment:
    return replace(
        dep,
        max_sequences=spec.max_sequences or dep.max_sequences,
        step_budget_tokens=spec.step_budget_tokens or dep.step_budget_tokens,
    )


def _not_one(scenario: Scenario) -> list[str]:
    """What the scenario names too little or too much of: a replay needs one deployment."""
    named = {"--model": scenario.models, "--gpu": scenario.gpus}
    at_most = {"--precision": scenario.precisions, "--num-gpus": scenario.num_gpus}
    problems = [
        f"{flag} names {len(names)} ({', '.join(map(str, names))[:80]}); limit=1 to simulate; name one"
        for flag, names in {**named, **at_most}.items()
        if len(names) > 1
    ]
    return problems + [
        f"{flag} is missing; limit=1 to simulate; name one" for flag, names in named.items() if not names
    ]
