"""Speculative decoding: a draft proposes k tokens, the model verifies them in one step, a run of them is accepted.

With acceptance a a verification yields (1 - a^(k+1)) / (1 - a) tokens. It is a law of latency. While a step is bound
by memory, verifying k+1 rows a sequence costs little more than one, and throughput rises with the latency's fall; once
arithmetic binds, the rejected rows are paid for, and throughput falls. The sign is computed at the load, not assumed.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.serving.replica import Replica
from tokonomics.economics.serving.stack_assumptions import assumed_figures
from tokonomics.physics.steady import steady_batch
from tokonomics.physics.step import Floats, step_time


@dataclass(frozen=True, kw_only=True, slots=True)
class Speculation:
    """How one speculates: k draft tokens, the chance that one is accepted, and what the draft costs.

    `draft_cost_ratio` is a step of the draft over one of the model at the same batch. `draft_weight_ratio` and
    `draft_kv_ratio` are the draft's bytes of weights and of cache over the model's; all three are 0 for lookup in the
    prompt.
    """

    num_draft_tokens: int
    acceptance_frac: float
    draft_cost_ratio: float = 0.0
    draft_weight_ratio: float = 0.0
    draft_kv_ratio: float = 0.0

    def __post_init__(self) -> None:
        checks = (
            Checks().count(1, num_draft_tokens=self.num_draft_tokens).fraction(acceptance_frac=self.acceptance_frac)
        )
        checks.non_negative(
            draft_cost_ratio=self.draft_cost_ratio,
            draft_weight_ratio=self.draft_weight_ratio,
            draft_kv_ratio=self.draft_kv_ratio,
        ).done()


@dataclass(frozen=True, kw_only=True, slots=True)
class Speculated:
    """A replica that speculates, at several batches; arrays of one shape.

    `cycle_s` is the drafting and the verification that yield `accepted_tokens` a sequence; `mean_itl_s` the mean gap
    between tokens, prompts included. `throughput_factor` is against the same batch without speculation: below 1 it is
    paid for.
    """

    batch_sequences: Floats
    accepted_tokens: float
    cycle_s: Floats
    mean_itl_s: Floats
    output_tokens_per_s: Floats
    throughput_factor: Floats


def speculation_of(values: Mapping[str, float] | None = None) -> Speculation:
    """The speculation of the table of assumptions, or of a mapping that holds its five names.

    >>> speculation_of().num_draft_tokens
    4
    """
    at = values or assumed_figures("speculation")
    return Speculation(
        num_draft_tokens=round(at["num_draft_tokens"]),
        acceptance_frac=at["acceptance_frac"],
        draft_cost_ratio=at["draft_cost_ratio"],
        draft_weight_ratio=at["draft_weight_ratio"],
        draft_kv_ratio=at["draft_kv_ratio"],
    )


def accepted_tokens(acceptance_frac: float, num_draft_tokens: int) -> float:
    """Tokens that one verification yields: the accepted run, and the one the model adds itself.

    (1 - a^(k+1)) / (1 - a), which is k + 1 where everything is accepted and 1 where nothing is.

    Source: Leviathan and others 2023, arXiv:2211.17192, equation 1; acceptance is held independent of position.

    >>> round(accepted_tokens(0.8, 4), 4), accepted_tokens(1.0, 4), accepted_tokens(0.0, 4)
    (3.3616, 5.0, 1.0)
    """
    Checks().fraction(acceptance_frac=acceptance_frac).count(1, num_draft_tokens=num_draft_tokens).done()
    return math.fsum(acceptance_frac**i for i in range(num_draft_tokens + 1))


def latency_factor(spec: Speculation) -> float:
    """How many times sooner a token comes where a verification costs no more than a step: batch 1, at the most.

    accepted tokens / (1 + k x draft cost)

    Source: arXiv:2211.17192, theorem 3.8.

    >>> round(latency_factor(speculation_of()), 2)   # arXiv:2302.01318 measured 1.92 to 2.46
    2.02
    """
    return accepted_tokens(spec.acceptance_frac, spec.num_draft_tokens) / (
        1.0 + spec.num_draft_tokens * spec.draft_cost_ratio
    )


def speculate(replica: Replica, batch: ArrayLike, spec: Speculation) -> Speculated:
    """Rates of `replica` when it speculates at each `batch`.

    A verification is a step with k more rows a sequence: its matrix products, its link and its scores grow with them,
    the reading of weights and cache does not. What prompts take a token is unchanged.
    """
    shape, n = replica.load.shape, np.asarray(batch, dtype=float)
    plain = steady_batch(replica.step, n, shape)
    draft = spec.num_draft_tokens
    verify = step_time(replica.step, n, shape.context_tokens, n * draft, shape.context_tokens, has_prompt=False).total_s
    cycle = verify + draft * spec.draft_cost_ratio * plain.short_step_s
    tokens = accepted_tokens(spec.acceptance_frac, draft)
    gap = cycle / tokens + (plain.mean_step_s - plain.short_step_s)
    return Speculated(
        batch_sequences=np.broadcast_to(n, gap.shape),
        accepted_tokens=tokens,
        cycle_s=cycle,
        mean_itl_s=gap,
        output_tokens_per_s=n / gap,
        throughput_factor=plain.mean_step_s / gap,
    )


def break_even_batch(replica: Replica, spec: Speculation) -> int | None:
    """The largest batch up to which speculation does not lower throughput; None where it does from the first."""
    if replica.max_batch == 0:
        return None
    losing = np.flatnonzero(speculate(replica, replica.batches, spec).throughput_factor < 1.0)
    first = int(losing[0]) if losing.size else replica.max_batch
    return first or None
