"""A plan's own machines as a scenario of the simulator, so that a plan can be replayed on any traffic."""

from collections.abc import Iterator
from typing import Any

from tokonomics.errors import InputError, raise_all
from tokonomics.policy.backend import FleetBackend
from tokonomics.policy.overflow import OverflowPolicy
from tokonomics.policy.plan import Plan
from tokonomics.simulation.spot_life import spot_life
from tokonomics.workload.scenario_simulation import SimulationSpec

_ENGINE = (
    "batching", "max_output_tokens", "max_queued_requests", "num_draft_tokens", "acceptance_frac", "draft_cost_ratio"
)  # fmt: skip
_PLAYED = ("span_s", "start_at", "api_ttft_s", "api_itl_s", "spot_notice_s")
"""Keys of the block `simulation` that the replay of a plan heeds, beside those that the plan itself sets."""


def replayed_scenario(plan: Plan) -> dict[str, Any]:
    """The keys of a scenario that replays the one fleet of `plan` as it was proven; flags may stand over them.

    Raises:    InputError where the plan has no fleet or several, or a layout that one command cannot name.
    """
    problems = list(_problems(plan))
    raise_all(problems, InputError)
    fleet = plan.fleets[0]
    asked = plan.scenario
    block = {name: value for name, value in asked.get("simulation", {}).items() if name in (*_ENGINE, *_PLAYED)}
    kept = ("cached_input_frac", "snapshot", "price_overrides", "today")
    return {
        **{name: asked[name] for name in kept if name in asked},
        "models": [fleet.model],
        "traffic": dict(asked.get("traffic", {})),
        "gpus": [fleet.accelerator],
        "num_gpus": [fleet.tensor_parallel],
        "precisions": [fleet.precision],
        "kv_format": fleet.kv_format,
        "engine": fleet.engine,
        "slo": plan.slo,
        "simulation": {**block, **_simulation(plan, fleet)},
    }


def _simulation(plan: Plan, fleet: FleetBackend) -> dict[str, Any]:
    found: dict[str, Any] = {
        "num_replicas": fleet.num_replicas,
        "router": plan.policy.route.router,
        "seed": plan.seed,
        "as_planned": True,
        "keep_tokens": True,
        "gpu_usd_per_hour": fleet.usd_per_gpu_hour,
        "max_sequences": fleet.max_sequences,
        "step_budget_tokens": fleet.step_budget_tokens,
    }
    if fleet.hours:
        found["num_replicas"] = fleet.hours[0].num_replicas
        found["capacity_plan"] = ",".join(f"{one.hour_of_week}={one.num_replicas}" for one in fleet.hours)
    if fleet.purchase == "spot":
        life = spot_life(SimulationSpec.model_validate(plan.scenario.get("simulation", {})))
        found |= {"spot_life_hours": life.mean_life_hours, "load_s": life.load_s}
    if plan.policy.overflow is not None:
        found |= _overflow(plan, plan.policy.overflow)
    return {name: value for name, value in found.items() if value is not None}


def _overflow(plan: Plan, policy: OverflowPolicy) -> dict[str, Any]:
    endpoint = next(one.endpoint for one in plan.apis if one.name == policy.backend)
    sides = set(policy.sticky_sides)
    sticks = bool(policy.stick_s and sides)
    return {
        "overflow": endpoint,
        "overflow_ttft_s": policy.enter_ttft_s,
        "overflow_leave_ttft_s": policy.leave_ttft_s,
        "overflow_queue_tokens": policy.enter_queue_tokens,
        "overflow_leave_queue_tokens": policy.leave_queue_tokens,
        "overflow_requests_per_minute": policy.max_requests_per_minute,
        "overflow_tokens_per_minute": policy.max_tokens_per_minute,
        "overflow_stick_s": policy.stick_s if sticks else None,
        "overflow_sticks_to": ("both" if len(sides) > 1 else sides.pop()) if sticks else None,
    }


def _problems(plan: Plan) -> Iterator[str]:
    if len(plan.fleets) != 1:
        names = ", ".join(one.name for one in plan.fleets)[:120] or "hosted models alone"
        yield f"the plan runs {len(plan.fleets)} fleets ({names}); limit=1; `tok plan` replays them together"
    for fleet in plan.fleets:
        if fleet.pipeline_parallel > 1 or fleet.expert_parallel:
            stages = f"pipeline_parallel={fleet.pipeline_parallel}, expert_parallel={fleet.expert_parallel}"
            yield f"{fleet.name}: {stages}; limit=1 and false to simulate; plan with --num-gpus"
