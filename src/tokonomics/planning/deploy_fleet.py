"""How each fleet of a plan is started: the arguments of `vllm serve`, and the machines that they run on.

Flag names are those of vLLM's documentation of engine arguments. A plan can be a stranger's file: what ends up as an
argument is a number, or a word that no shell and no flag parser reads as anything else.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tokonomics.catalog.load import Catalog
from tokonomics.errors import InputError, TokonomicsError, raise_all
from tokonomics.physics.capacity import memory_box
from tokonomics.physics.deployment import Deployment, deployment
from tokonomics.policy.backend import FleetBackend
from tokonomics.policy.plan import Plan

ENGINE: Final = "vllm"
VENDORS: Final = ("NVIDIA", "AMD")

_WORD: Final = re.compile(r"[A-Za-z0-9/][A-Za-z0-9._/:@+-]{0,299}")
_KV_FLAGS: Final[Mapping[str, str]] = {"bf16": "auto", "fp16": "auto", "fp8": "fp8"}
_ON_LOADING: Final[Mapping[str, str]] = {"fp8": "fp8"}
"""Formats that vLLM makes of 16-bit weights while it loads them, and its name for each."""

_SIXTEEN_BIT: Final = ("bf16", "fp16")
_CONTEXT_STEP: Final = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedFleet:
    """One fleet, ready to be written down: what `vllm serve` is called with, on how many accelerators of whom.

    `arguments` begin with the weights; the port is not among them. `replicas_per_box` replicas share a machine.
    `schedule` says in words when there are fewer replicas, "" where there are always `num_replicas`.
    """

    name: str
    model: str
    arguments: tuple[str, ...]
    accelerator: str
    vendor: str
    gpus_per_replica: int
    replicas_per_box: int
    num_replicas: int
    purchase: str
    provider: str
    schedule: str

    @property
    def num_boxes(self) -> int:
        """Machines that hold all replicas."""
        return -(-self.num_replicas // self.replicas_per_box)


def served_fleets(plan: Plan, catalog: Catalog, weights: Mapping[str, str] | None = None) -> tuple[ServedFleet, ...]:
    """The self-hosted part of `plan`; `weights` names the files of a model where they are not the published ones.

    Raises:    InputError with all that cannot be started so: another engine or vendor, a format that needs weights of
               its own, a plan that hosts nothing; UnknownName for what the catalogue does not hold.
    """
    found: list[ServedFleet] = []
    problems: list[str] = []
    for fleet in plan.fleets:
        if fleet.num_replicas:
            found += _tried(fleet, plan, catalog, weights or {}, problems)
    raise_all(problems)
    if not found:
        raise InputError("the plan hosts nothing itself, so there is nothing to start; its APIs need only their keys")
    return tuple(found)


def _tried(
    fleet: FleetBackend, plan: Plan, catalog: Catalog, weights: Mapping[str, str], problems: list[str]
) -> Iterator[ServedFleet]:
    """The fleet, or what is wrong with it among the `problems`."""
    where = f"fleet {fleet.name[:60]!r}"
    try:
        dep = _deployment(fleet, catalog)
    except TokonomicsError as error:
        problems += [f"{where}: {one}" for one in error.violations]
        return
    name = weights.get(fleet.model, dep.model.hf_id)
    wrong = [f"{where}: {one}" for one in _problems(fleet, dep, name, fleet.model in weights)]
    problems += wrong
    if not wrong:
        yield _served(fleet, dep, name, is_own=fleet.model in weights, is_cached=plan.traffic.cached_input_frac > 0)


def _deployment(fleet: FleetBackend, catalog: Catalog) -> Deployment:
    return deployment(
        catalog.model(fleet.model),
        catalog.accelerator(fleet.accelerator),
        precision=fleet.precision,
        kv_format=fleet.kv_format,
        engine=fleet.engine,
        tensor_parallel=fleet.tensor_parallel,
        pipeline_parallel=fleet.pipeline_parallel,
        expert_parallel=fleet.expert_parallel,
    )


def _problems(fleet: FleetBackend, dep: Deployment, name: str, is_own: bool) -> Iterator[str]:
    if fleet.engine != ENGINE:
        yield f"engine={fleet.engine}; limit={ENGINE}; plan with --engines {ENGINE}, or start it by hand"
    if dep.accelerator.vendor not in VENDORS:
        yield f"{fleet.accelerator} is by {dep.accelerator.vendor}; limit={', '.join(VENDORS)}; start it by hand"
    if fleet.kv_format not in _KV_FLAGS:
        yield f"kv_format={fleet.kv_format}; limit={', '.join(_KV_FLAGS)}; plan with one of them"
    if not is_own and not _can_load(fleet.precision, dep.model.native_format):
        yield (
            f"{fleet.model} is published in {dep.model.native_format}, and the plan runs it in {fleet.precision}, which"
            f" needs weights of its own; name them by --weights {fleet.model}=OWNER/NAME"
        )
    words = {"weights": name, "model": fleet.model}
    yield from (
        f"{key}={word[:60]!r}; limit=letters, digits and . _ / : @ + -; name another"
        for key, word in words.items()
        if not _WORD.fullmatch(word)
    )


def _can_load(precision: str, native: str) -> bool:
    """Whether the published weights serve in `precision`: as they are, or made so while they load."""
    if precision == native or {precision, native} <= set(_SIXTEEN_BIT):
        return True
    return native in _SIXTEEN_BIT and precision in _ON_LOADING


def _served(fleet: FleetBackend, dep: Deployment, name: str, *, is_own: bool, is_cached: bool) -> ServedFleet:
    return ServedFleet(
        name=fleet.name,
        model=fleet.model,
        arguments=(name, *_flags(fleet, dep, is_own=is_own, is_cached=is_cached)),
        accelerator=fleet.accelerator,
        vendor=dep.accelerator.vendor,
        gpus_per_replica=fleet.gpus_per_replica,
        replicas_per_box=max(fleet.gpus_per_box // fleet.gpus_per_replica, 1),
        num_replicas=fleet.num_replicas,
        purchase=fleet.purchase,
        provider=fleet.provider,
        schedule=_schedule(fleet),
    )


def _flags(fleet: FleetBackend, dep: Deployment, *, is_own: bool, is_cached: bool) -> Iterator[str]:
    """Flags and values of `vllm serve`; a default is left out, so that only what the plan decided stands there."""
    yield from ("--served-model-name", fleet.model)
    yield from ("--tensor-parallel-size", str(fleet.tensor_parallel))
    if fleet.pipeline_parallel > 1:
        yield from ("--pipeline-parallel-size", str(fleet.pipeline_parallel))
    if fleet.expert_parallel:
        yield "--enable-expert-parallel"
    if not is_own and fleet.precision != dep.model.native_format and fleet.precision in _ON_LOADING:
        yield from ("--quantization", _ON_LOADING[fleet.precision])
    if _KV_FLAGS[fleet.kv_format] != "auto":
        yield from ("--kv-cache-dtype", _KV_FLAGS[fleet.kv_format])
    yield from _sizes(fleet, dep)
    if is_cached:
        yield "--enable-prefix-caching"


def _sizes(fleet: FleetBackend, dep: Deployment) -> Iterator[str]:
    yield from ("--gpu-memory-utilization", f"{dep.constants.memory_use_frac:g}")
    context = _max_context_tokens(dep)
    if context is not None:
        yield from ("--max-model-len", str(context))
    if fleet.max_sequences is not None:
        yield from ("--max-num-seqs", str(fleet.max_sequences))
    if fleet.step_budget_tokens is not None:
        yield from ("--max-num-batched-tokens", str(fleet.step_budget_tokens))


def _max_context_tokens(dep: Deployment) -> int | None:
    """The longest sequence that memory holds, where that is less than the model's own limit; vLLM else refuses."""
    held, limit = memory_box(dep).max_context_tokens(1), dep.model.max_context_tokens
    if limit is None or held >= limit:
        return None
    return max(held // _CONTEXT_STEP * _CONTEXT_STEP, 1)


def _schedule(fleet: FleetBackend) -> str:
    """Replicas over the week or over the load, in words.

    Both are numbers of the plan, so nothing of a stranger's stands in them.
    """
    if fleet.hours:
        changes = ", ".join(f"{one.num_replicas} from hour {one.hour_of_week}" for one in fleet.hours)
        return f"replicas by the hour of the week (0: Monday 00:00 UTC): {changes}"
    if fleet.levels:
        levels = ", ".join(f"{one.num_replicas} up to {one.up_to_requests_per_s:g}/s" for one in fleet.levels)
        return f"replicas by load: {levels}"
    return ""
