"""Measurements made from constants that are known, for tests of what reads them (and, run, for the example)."""

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tokonomics.catalog.load import load_catalog
from tokonomics.physics.deployment import deployment
from tokonomics.physics.step import StepModel, step_model, step_time

PART = load_catalog().accelerator("h100-sxm")
BANDWIDTH_BYTES_PER_S = PART.memory_bandwidth_bytes_per_s or 0.0
NUM_BYTES = {"bf16": 2, "fp8": 1, "int8": 1, "fp32": 4}
ROWS = (1, 4, 16, 64, 128, 192, 256, 384, 512, 1024, 4096, 8192)
KNOWN = {
    "memory_efficiency_frac": 0.78,
    "compute_efficiency_frac": 0.65,
    "gemm_floor_tokens": 48.0,
    "kv_efficiency_frac": 0.72,
    "attention_efficiency_frac": 0.5,
}


def known_step(known: dict[str, float], **terms: float) -> StepModel:
    """The physics' own coefficients with everything but `terms` and the known efficiencies taken out."""
    bare = step_model(deployment(load_catalog().model("llama-3.1-8b"), PART))
    terms = {
        "overhead_s": 0.0,
        "sequence_overhead_s": 0.0,
        "gemm_floor_tokens": known["gemm_floor_tokens"],
        "memory_bytes_per_s": BANDWIDTH_BYTES_PER_S * known["memory_efficiency_frac"],
        "kv_bytes_per_s": BANDWIDTH_BYTES_PER_S * known["kv_efficiency_frac"],
        "attention_flop_per_s": PART.dense_flop_per_s["bf16"] * known["attention_efficiency_frac"],
        **terms,
    }
    return replace(bare, **{name: np.asarray(value) for name, value in terms.items()})


def jitter_factor(number: int, jitter_frac: float) -> float:
    """A share more, a share less, or neither, in turn."""
    return 1.0 + jitter_frac * (number % 3 - 1)


def timing(time_s: float, jitter_frac: float) -> dict[str, float | int]:
    return {"time_s": time_s, "time_log_sd_ratio": jitter_frac / 4, "num_samples": 9}


def gemm_points(
    known: dict[str, float], dtype: str = "bf16", rows: Sequence[int] = ROWS, jitter_frac: float = 0.0
) -> list[dict[str, Any]]:
    """Matrix products timed by `physics.step.step_time`."""
    found = []
    for wide, tall in ((4096, 14336), (8192, 28672)):
        weight_bytes = wide * tall * NUM_BYTES[dtype]
        step = known_step(
            known,
            dense_bytes=float(weight_bytes),
            expert_bytes=0.0,
            gemm_flop_per_token=2.0 * wide * tall,
            gemm_flop_per_s=PART.dense_flop_per_s[dtype] * known["compute_efficiency_frac"],
        )
        for number, num_rows in enumerate(rows):
            time_s = float(step_time(step, num_rows, 0.0).gemm_s) * jitter_factor(number, jitter_frac)
            sizes = {"num_in_features": wide, "num_out_features": tall, "weight_bytes": weight_bytes}
            found.append({"dtype": dtype, **sizes, "num_rows": num_rows, **timing(time_s, jitter_frac)})
    return found


def decode_points(known: dict[str, float], jitter_frac: float = 0.0) -> list[dict[str, Any]]:
    """Decode attention timed by the physics, and beside it a kernel that takes twice as long."""
    found = []
    for number, (batch, context, heads) in enumerate([(32, 4096, 8), (128, 4096, 8), (32, 16384, 4), (64, 8192, 1)]):
        per_token = 2 * heads * 128 * 2
        terms = {"kv_bytes_per_token": float(per_token), "decode_flop_per_token": 4.0 * 32 * 128}
        step = known_step(known, window_bytes_per_token=0.0, state_bytes=0.0, **terms)
        best_s = float(step_time(step, batch, context).decode_attention_s) * jitter_factor(number, jitter_frac)
        shape = {
            "dtype": "bf16",
            "num_sequences": batch,
            "context_tokens": context,
            "num_kv_heads": heads,
            "num_query_heads": 32,
            "head_dim": 128,
            "block_tokens": 256,
            "cache_bytes": batch * context * per_token,
        }
        for kernel, factor in (("varlen_attn-paged", 1.0), ("sdpa-gathered", 2.0)):
            found.append({"kernel": kernel, **shape, **timing(best_s * factor, jitter_frac)})
    return found


def prefill_points(known: dict[str, float], jitter_frac: float = 0.0) -> list[dict[str, Any]]:
    """Attention of whole prompts, timed by the physics at half of the prompt for a mean context."""
    found = []
    for number, tokens in enumerate((2048, 4096, 8192, 16384)):
        step = known_step(known, attention_flop_per_token=4.0 * 32 * 128, window_flop_per_token=0.0)
        time_s = float(step_time(step, 0, 0.0, tokens, tokens / 2).prefill_attention_s)
        shape = {"num_query_heads": 32, "num_kv_heads": 32, "head_dim": 128, "num_sequences": 1, "input_tokens": tokens}
        time_s *= jitter_factor(number, jitter_frac)
        found.append({"kernel": "sdpa-causal", "dtype": "bf16", **shape, **timing(time_s, jitter_frac)})
    return found


def made_measurement(jitter_frac: float = 0.0, **changes: float) -> dict[str, Any]:
    """A whole file of an H100 whose constants are `KNOWN` but for `changes`."""
    known = KNOWN | changes
    return {
        "schema": "tokonomics/device/1",
        "device_kind": "cuda",
        "device_name": "NVIDIA H100 80GB HBM3",
        "capability": "9.0",
        "memory_bytes": 85_000_000_000,
        "cache_bytes": 52_428_800,
        "torch_version": "2.13.0",
        "measured_on": "2026-11-23",
        "note": "made for the example from constants that were chosen; no device was measured",
        "launch": [{"kind": "graph", **timing(1.5e-6, 0.04)}],
        "copy": [{"moved_bytes": 2**30, **timing(2**30 / (0.9 * BANDWIDTH_BYTES_PER_S), 0.02)}],
        "prefill_attention": prefill_points(known, jitter_frac),
        "decode_attention": decode_points(known, jitter_frac),
        "gemm": gemm_points(known, "bf16", jitter_frac=jitter_frac)
        + gemm_points(known, "fp8", jitter_frac=jitter_frac),
        "not_measured": [{"what": "all_reduce", "reason": "needs several devices; this script measures one"}],
    }


def log_error(found: float, known: float) -> float:
    return abs(math.log(found / known))


if __name__ == "__main__":
    json.dump(made_measurement(0.03), sys.stdout, indent=1)
    print()
