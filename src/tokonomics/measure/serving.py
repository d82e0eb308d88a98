"""What surrounds the forward steps of a server: limits an engine sets when nobody does, and time outside the steps."""

from dataclasses import dataclass
from functools import cache

from tokonomics.catalog.accelerator import Accelerator
from tokonomics.measure.names import name_rows
from tokonomics.units import GB


@dataclass(frozen=True, kw_only=True, slots=True)
class ServingConstants:
    """Time to first token beyond the bare steps, by engine.

    A request pays `request_overhead_s` and `token_overhead_s` a prompt token at the front end; its prefill takes
    `prefill_step_ratio` times its bare steps. In a closed loop users fall into step: `bunching_frac` of the others have
    sent their prompt just before.
    """

    request_overhead_s: float
    token_overhead_s: float
    prefill_step_ratio: float
    bunching_frac: float


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineLimits:
    """Sequences and tokens that a step of an engine may carry by default."""

    max_sequences: int
    step_budget_tokens: int


@cache
def serving_constants(engine: str) -> ServingConstants:
    """Constants of `engine`, or those of any engine.

    >>> serving_constants("llama.cpp").request_overhead_s
    0.0
    """
    table = {row["engine"]: row for row in name_rows("serving_constants")}
    row = table.get(engine, table["*"])
    return ServingConstants(
        request_overhead_s=float(row["request_overhead_s"]),
        token_overhead_s=float(row["token_overhead_s"]),
        prefill_step_ratio=float(row["prefill_step_ratio"]),
        bunching_frac=float(row["bunching_frac"]),
    )


def engine_limits(engine: str, part: Accelerator) -> EngineLimits:
    """Defaults of `engine` on `part`: the first row of the table that applies."""
    for row in name_rows("engine_limits"):
        if (
            row["engine"] in (engine, "*")
            and row["family"] in (part.family, "*")
            and (not row["below_memory_gb"] or (part.memory_bytes or 0.0) < float(row["below_memory_gb"]) * GB)
        ):
            return EngineLimits(
                max_sequences=int(row["max_sequences"]), step_budget_tokens=int(row["step_budget_tokens"])
            )
    raise AssertionError("the last row of engine_limits.csv applies to everything")
