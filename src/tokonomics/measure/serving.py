"""Limits an engine sets when nobody does."""

from dataclasses import dataclass
from typing import cast

from tokonomics.catalog.accelerator import Accelerator
from tokonomics.measure.names import name_rows
from tokonomics.simulation.options import BatchPolicy
from tokonomics.units import GB


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineLimits:
    """Sequences and tokens that a step of an engine may carry by default, and whether it mixes prompts with decodes."""

    max_sequences: int
    step_budget_tokens: int
    batching: BatchPolicy


def engine_limits(engine: str, part: Accelerator) -> EngineLimits:
    """Defaults of `engine` on `part`: the first row of the table that applies."""
    for row in name_rows("engine_limits"):
        if (
            row["engine"] in (engine, "*")
            and row["family"] in (part.family, "*")
            and (not row["below_memory_gb"] or (part.memory_bytes or 0.0) < float(row["below_memory_gb"]) * GB)
        ):
            return EngineLimits(
                max_sequences=int(row["max_sequences"]),
                step_budget_tokens=int(row["step_budget_tokens"]),
                batching=cast(BatchPolicy, row["batching"]),
            )
    raise AssertionError("the last row of engine_limits.csv applies to everything")
