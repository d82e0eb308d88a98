"""How engines are set when a row does not say: their own defaults, or what a source is known to have started."""

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


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceServer:
    """What a source sets on the servers that it starts; None where it leaves the default, or nothing is known."""

    kv_format: str | None = None
    step_budget_tokens: int | None = None


def source_server(source_id: str, *, engine: str, family: str, precision: str) -> SourceServer:
    """Settings of the servers of `source_id`: the first row of the table that applies.

    >>> source_server("aic-silicon-public-sweep", engine="sglang", family="blackwell", precision="bf16")
    SourceServer(kv_format=None, step_budget_tokens=32768)
    """
    asked = {"source_id": source_id, "engine": engine, "family": family, "precision": precision}
    for row in name_rows("source_servers"):
        if all(row[name] in ("*", value) for name, value in asked.items()):
            return SourceServer(kv_format=row["kv_format"] or None, step_budget_tokens=int(row["step_budget_tokens"]))
    return SourceServer()
