"""Random small cases for the simulator: a load, an engine and a step model that meets all its branches.

`EXAMPLES_RATIO=30 pytest tests/property/test_simulation_fleet.py` draws 30 times as many as usual, new ones each time.
"""

import os

import numpy as np
from hypothesis import strategies as st

from tokonomics.physics.step import StepModel
from tokonomics.simulation.options import EngineOptions
from tokonomics.simulation.requests import Requests
from tokonomics.workload.prefix import BlockHashes

seeds = st.integers(0, 2**32 - 1)


def examples(usual):
    """How many examples a test draws that draws `usual` in every run: EXAMPLES_RATIO times as many."""
    return round(usual * float(os.environ.get("EXAMPLES_RATIO", "1")))


def random_step_model(rng):
    """Times of about 1 ms a step; windows, latent caches, experts, links and stages each in some cases."""

    def maybe(value, share=0.5):
        return value if rng.random() < share else 0.0

    terms = {
        "overhead_s": rng.uniform(1e-4, 1e-3),
        "sequence_overhead_s": maybe(rng.uniform(0, 1e-4)),
        "prompt_overhead_s": maybe(rng.uniform(0, 1e-3)),
        "dense_bytes": rng.uniform(1e8, 1e9),
        "expert_bytes": maybe(rng.uniform(1e8, 1e9)),
        "routed_frac": rng.uniform(0.01, 1.0),
        "memory_bytes_per_s": 1e12,
        "gemm_flop_per_token": rng.uniform(1e9, 1e11),
        "gemm_flop_per_s": 1e14,
        "gemm_floor_tokens": rng.uniform(0, 64),
        "kv_bytes_per_token": rng.uniform(1e5, 1e7),
        "window_bytes_per_token": maybe(rng.uniform(1e5, 1e7)),
        "window_tokens": float(rng.integers(1, 100)),
        "state_bytes": maybe(rng.uniform(1e6, 1e8)),
        "kv_bytes_per_s": 1e12,
        "decode_flop_per_token": maybe(rng.uniform(1e7, 2e9)),
        "attention_flop_per_token": rng.uniform(1e6, 1e8),
        "window_flop_per_token": maybe(rng.uniform(1e6, 1e8)),
        "attention_flop_per_s": 1e14,
        "collective_s": maybe(rng.uniform(0, 1e-4)),
        "link_bytes_per_token": maybe(rng.uniform(1e4, 1e6)),
        "link_bytes_per_s": 1e11,
        "num_stages": float(rng.integers(1, 4)),
        "request_overhead_s": maybe(rng.uniform(0, 1e-2)),
        "token_overhead_s": maybe(rng.uniform(0, 1e-5)),
        "num_admission_steps": maybe(rng.uniform(0, 9)),
    }
    return StepModel(**{name: np.asarray(value, dtype=float) for name, value in terms.items()})


def random_requests(rng, num, *, most_input, most_output, gap_s, levels=1):
    gaps = rng.exponential(gap_s, num) * (rng.random(num) < 0.8)
    return Requests(
        arrival_s=np.cumsum(gaps),
        input_tokens=rng.integers(1, most_input + 1, num),
        output_tokens=rng.integers(1, most_output + 1, num),
        priority=rng.integers(0, levels, num),
    )


@st.composite
def engines(draw, *, need_tokens, **fixed):
    """Options whose cache holds the largest request, often little more."""
    drafts = fixed.get("num_draft_tokens", draw(st.sampled_from([0, 0, 1, 3])))
    places = draw(st.integers(1, 9))
    block = draw(st.sampled_from([1, 4, 7, 16]))
    least = -(-(need_tokens + drafts + 1) // block)
    known = {
        "num_kv_blocks": least + draw(st.integers(0, 3 * least)),
        "block_tokens": block,
        "batching": draw(st.sampled_from(["chunked", "chunked", "prefill_first"])),
        "max_sequences": places,
        "step_budget_tokens": places * (1 + drafts) + draw(st.sampled_from([0, 1, 5, 20, 100])),
        "watermark_frac": draw(st.sampled_from([0.0, 0.0, 0.1])),
        "reserve_full_input": draw(st.booleans()),
        "queueing": draw(st.sampled_from(["fcfs", "fcfs", "priority"])),
        "max_queued_requests": draw(st.sampled_from([None, None, 1, 3])),
        "max_output_tokens": draw(st.sampled_from([None, None, 5])),
        "cached_input_frac": draw(st.sampled_from([0.0, 0.0, 0.4, 1.0])),
        "num_draft_tokens": drafts,
        "acceptance_frac": draw(st.sampled_from([0.0, 0.5, 0.77, 1.0])),
        "draft_cost_ratio": draw(st.sampled_from([0.0, 0.1])),
    }
    return EngineOptions(**(known | fixed))


def random_hashes(rng, input_tokens, *, unit_tokens, num_families=3):
    """Prefix blocks of a few families: requests of one family share a prefix, and then go their own way."""
    rows, known = [], {}
    for tokens in input_tokens:
        family, shared = rng.integers(num_families), rng.integers(0, 12)
        path, row = (int(family),), []
        for place in range(-(-int(tokens) // unit_tokens)):
            path = (*path, 0 if place < shared else int(rng.integers(2)))
            row.append(known.setdefault(path, len(known)))
        rows.append(row)
    return BlockHashes(
        offsets=np.cumsum([0, *map(len, rows)]),
        ids=np.array([one for row in rows for one in row], dtype=np.int64),
        tokens_per_block=unit_tokens,
    )
