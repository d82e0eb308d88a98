"""The optimisation stack as a visible list: each step changes one thing of how a model is served.

A `Setup` says how; `serve` turns it into a replica, with the physics changed where a deployment knows nothing of it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from tokonomics.catalog.accelerator import Accelerator
from tokonomics.catalog.model import Model
from tokonomics.economics.optimisation.speculative import Speculation, speculation_of
from tokonomics.economics.optimisation.unfused_attention import ScoreTraffic, holding_scores, score_traffic, with_scores
from tokonomics.economics.serving.replica import Replica
from tokonomics.economics.serving.steady_load import SteadyLoad, request_load
from tokonomics.physics.capacity import MemoryBox, memory_box
from tokonomics.physics.deployment import Deployment, deployment
from tokonomics.physics.step import step_model

SIXTEEN_BIT: Final = "bf16"
Values = Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """What is served, whatever the setup: model, part, requests, and the formats that quantisation goes to."""

    model: Model
    accelerator: Accelerator
    input_tokens: float
    output_tokens: float
    precision: str = "int4-awq"
    kv_format: str = "fp8"
    engine: str = "vllm"
    num_gpus: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Setup:
    """How it is served. `num_sequences` None runs as many as memory holds, or as an SLO lets.

    `chunk_tokens` None reads every prompt whole.
    """

    precision: str = SIXTEEN_BIT
    kv_format: str = SIXTEEN_BIT
    num_sequences: int | None = 1
    is_fused: bool = False
    is_paged: bool = False
    cached_input_frac: float = 0.0
    chunk_tokens: float | None = None
    speculation: Speculation | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StackStep:
    """One row of the list: what it is called, which lever it belongs to, and what it changes."""

    name: str
    lever: str
    change: Callable[[Setup, Served, Values], Setup]


STEPS: Final = (
    StackStep(name="{precision} weights", lever="quantisation",
              change=lambda setup, served, _: replace(setup, precision=served.precision)),
    StackStep(name="FlashAttention", lever="attention",
              change=lambda setup, _, __: replace(setup, is_fused=True)),
    StackStep(name="continuous batching, {num_first_sequences:.0f}", lever="batching",
              change=lambda setup, _, at: replace(setup, num_sequences=round(at["num_first_sequences"]))),
    StackStep(name="continuous batching, {num_later_sequences:.0f}", lever="batching",
              change=lambda setup, _, at: replace(setup, num_sequences=round(at["num_later_sequences"]))),
    StackStep(name="as many as fit in one piece", lever="batching",
              change=lambda setup, _, __: replace(setup, num_sequences=None)),
    StackStep(name="paged KV cache", lever="paging",
              change=lambda setup, _, __: replace(setup, is_paged=True)),
    StackStep(name="prefix cache", lever="prefix cache",
              change=lambda setup, _, at: replace(setup, cached_input_frac=at["cached_input_frac"])),
    StackStep(name="chunked prefill", lever="chunked prefill",
              change=lambda setup, _, at: replace(setup, chunk_tokens=at["num_chunk_tokens"])),
    StackStep(name="speculative decoding", lever="speculation",
              change=lambda setup, _, at: replace(setup, speculation=speculation_of(at))),
    StackStep(name="{kv_format} KV cache", lever="KV quantisation",
              change=lambda setup, served, _: replace(setup, kv_format=served.kv_format)),
)  # fmt: skip
"""The article's stack in its order, and what came after it; each row is measured against the last that helped.

"As many as fit in one piece" stands between batching and paging, so that neither is credited with the other's gain.
"""


def serve(served: Served, setup: Setup, values: Values) -> Replica:
    """The replica of a setup; its `max_batch` is 0 where the setup does not fit."""
    dep, load = _deployment(served, setup), _load(served, setup)
    step, box = step_model(dep), memory_box(dep)
    if not setup.is_fused:
        scores = scores_of(dep, load, values)
        step, box = with_scores(step, scores), holding_scores(box, scores)
    if setup.speculation is not None:
        box = _beside_draft(box, setup.speculation)
    fits = box.max_batch(load.longest_tokens) >= 1
    if fits and not setup.is_paged:
        box = _contiguous(box, values["contiguous_kv_used_frac"])
    held = _held(box, load, setup, values) if fits else 0
    return Replica(deployment=dep, load=load, step=step, box=box, max_batch=held)


def scores_of(dep: Deployment, load: SteadyLoad, values: Values) -> ScoreTraffic:
    """What unfused attention moves and holds under `load`."""
    return score_traffic(
        dep,
        load.shape.input_tokens,
        num_score_passes=values["num_score_passes"],
        num_live_score_matrices=values["num_live_score_matrices"],
    )


def _deployment(served: Served, setup: Setup) -> Deployment:
    dep = deployment(
        served.model,
        served.accelerator,
        precision=setup.precision,
        kv_format=setup.kv_format,
        engine=served.engine,
        tensor_parallel=served.num_gpus,
    )
    return replace(dep, step_budget_tokens=math.ceil(_budget_tokens(served, setup)))


def _load(served: Served, setup: Setup) -> SteadyLoad:
    return request_load(
        served.input_tokens,
        served.output_tokens,
        cached_input_frac=setup.cached_input_frac,
        step_budget_tokens=_budget_tokens(served, setup),
    )


def _budget_tokens(served: Served, setup: Setup) -> float:
    """Prompt tokens of a step: a chunk, or the whole prompt."""
    return served.input_tokens if setup.chunk_tokens is None else setup.chunk_tokens


def _held(box: MemoryBox, load: SteadyLoad, setup: Setup, values: Values) -> int:
    """Sequences that memory holds. Contiguous caches were charged for what they waste; a lone one has all to itself.

    Paged ones waste half a block each. Chunks must bring prompts as fast as sequences finish: a step holds one token
    of each that runs, and input/output prompt tokens for each.
    """
    context = load.shape.context_tokens
    if not setup.is_paged:
        return max(box.max_batch(context), 1)
    held = box.max_batch(context + values["num_block_tokens"] / 2.0)
    if setup.chunk_tokens is None:
        return held
    return min(held, max(int(setup.chunk_tokens / (1.0 + load.shape.input_tokens / load.shape.output_tokens)), 1))


def _contiguous(box: MemoryBox, used_frac: float) -> MemoryBox:
    """The memory that holds tokens when every cache is one piece, reserved at its longest."""
    return replace(box, usable_bytes=box.usable_bytes - box.kv_room_bytes * (1.0 - used_frac))


def _beside_draft(box: MemoryBox, spec: Speculation) -> MemoryBox:
    """The memory that a draft model with its own cache leaves."""
    more = 1.0 + spec.draft_kv_ratio
    kv = replace(
        box.kv,
        full_bytes_per_token=box.kv.full_bytes_per_token * more,
        window_bytes_per_token=box.kv.window_bytes_per_token * more,
        state_bytes=box.kv.state_bytes * more,
    )
    return replace(box, weight_bytes=box.weight_bytes * (1.0 + spec.draft_weight_ratio), kv=kv)
