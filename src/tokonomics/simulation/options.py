"""How the engine of a replica batches: every option by name, with the defaults of vLLM."""

import math
from dataclasses import dataclass
from typing import Literal

from tokonomics.errors import raise_all

BatchPolicy = Literal["chunked", "prefill_first"]
QueuePolicy = Literal["fcfs", "priority"]

_TOKEN_GRAIN = 1024
_MOST = 2**40
MAX_PRIORITY_LEVELS = 8
"""Priorities run from 0, the most urgent, to one less than this."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineOptions:
    """Semantics of one replica's engine.

    num_kv_blocks: blocks of `block_tokens` tokens that the KV cache holds.
    batching: `chunked` mixes decodes with chunks of prompts inside `step_budget_tokens`; `prefill_first` runs
        waiting prompts in steps of their own, while decodes pause.
    max_sequences: sequences that run at once, those being prefilled included.
    watermark_frac: share of the blocks that stays free when a request is admitted beside running ones.
    reserve_full_input: admit a request only when its whole prompt fits, not just its first chunk.
    queueing: `fcfs`, or `priority` (level 0 first, then order of arrival; the least urgent is preempted first).
    max_queued_requests: requests that may wait; one that finds as many waiting for a step is
        rejected. None: no limit.
    max_output_tokens: longer outputs are cut there. None: no limit.
    cached_input_frac: share of each prompt found in the prefix cache, in whole blocks. The hits save work, not room.
    use_prefix_cache: look up the block hashes of the requests instead; idle blocks stay until room is needed, and
        the least recently used goes first.
    num_draft_tokens, acceptance_frac, draft_cost_ratio: speculative decoding. Every decode step verifies k drafted
        tokens and yields 1 + a + ... + a**k tokens a sequence, the expected number, rounded to 1/1024. A draft
        step costs `draft_cost_ratio` of a plain decode step.
    """

    num_kv_blocks: int
    block_tokens: int = 16
    batching: BatchPolicy = "chunked"
    step_budget_tokens: int = 8192
    max_sequences: int = 1024
    watermark_frac: float = 0.0
    reserve_full_input: bool = True
    queueing: QueuePolicy = "fcfs"
    max_queued_requests: int | None = None
    max_output_tokens: int | None = None
    cached_input_frac: float = 0.0
    use_prefix_cache: bool = False
    num_draft_tokens: int = 0
    acceptance_frac: float = 0.0
    draft_cost_ratio: float = 0.0

    def __post_init__(self) -> None:
        raise_all(_count_problems(self) + _share_problems(self) + _joint_problems(self))

    @property
    def round_tokens(self) -> float:
        """Expected tokens that a decode step yields a sequence, in whole 1/1024.

        >>> EngineOptions(num_kv_blocks=10, num_draft_tokens=2, acceptance_frac=0.5).round_tokens
        1.75
        """
        expected = math.fsum(self.acceptance_frac**i for i in range(self.num_draft_tokens + 1))
        return round(expected * _TOKEN_GRAIN) / _TOKEN_GRAIN

    @property
    def is_plain(self) -> bool:
        """Whether it batches in chunks, first come, first served, and without prefix blocks."""
        return self.batching == "chunked" and self.queueing == "fcfs" and not self.use_prefix_cache

    @property
    def watermark_blocks(self) -> int:
        """Blocks kept free at an admission beside running requests."""
        return int(self.watermark_frac * self.num_kv_blocks)


def _count_problems(o: EngineOptions) -> list[str]:
    counts = {
        "num_kv_blocks": o.num_kv_blocks,
        "block_tokens": o.block_tokens,
        "step_budget_tokens": o.step_budget_tokens,
        "max_sequences": o.max_sequences,
        "max_output_tokens": o.max_output_tokens,
        "max_queued_requests": o.max_queued_requests,
    }
    problems = [
        f"{name}={value}; limit=1 to {_MOST}; give a whole number inside it"
        for name, value in counts.items()
        if value is not None and not 1 <= value <= _MOST
    ]
    if not 0 <= o.num_draft_tokens <= 64:
        problems.append(f"num_draft_tokens={o.num_draft_tokens}; limit=0 to 64; use 0 for no speculative decoding")
    return problems


def _share_problems(o: EngineOptions) -> list[str]:
    shares = {
        "watermark_frac": o.watermark_frac,
        "cached_input_frac": o.cached_input_frac,
        "acceptance_frac": o.acceptance_frac,
    }
    problems = [
        f"{name}={value:g}; limit=0 to 1; give a share, not percent"
        for name, value in shares.items()
        if not 0.0 <= value <= 1.0
    ]
    if not 0.0 <= o.draft_cost_ratio <= 1e3:
        problems.append(f"draft_cost_ratio={o.draft_cost_ratio:g}; limit=0 to 1000; give draft step time / step time")
    return problems


def _joint_problems(o: EngineOptions) -> list[str]:
    problems = []
    if o.batching not in ("chunked", "prefill_first"):
        problems.append(f"batching={o.batching!r}; limit=chunked or prefill_first; choose one of them")
    if o.queueing not in ("fcfs", "priority"):
        problems.append(f"queueing={o.queueing!r}; limit=fcfs or priority; choose one of them")
    rows = o.max_sequences * (1 + o.num_draft_tokens)
    if rows > o.step_budget_tokens:
        problems.append(
            f"max_sequences x (1 + num_draft_tokens)={rows}; limit=step_budget_tokens={o.step_budget_tokens};"
            " raise the budget or lower max_sequences"
        )
    if o.use_prefix_cache and o.cached_input_frac:
        problems.append(
            f"cached_input_frac={o.cached_input_frac:g} beside use_prefix_cache; limit=one of them;"
            " give a hit rate, or block hashes"
        )
    return problems
