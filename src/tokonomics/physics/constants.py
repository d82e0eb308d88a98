"""Constants of engines on hardware families: rows of `data/constants.csv`, each with its status and source."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from tokonomics.errors import UnknownName

ANY_FAMILY = "*"


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineConstants:
    """How far one engine on one hardware family stays from the roofline.

    `*_efficiency_frac` are shares of the catalogue's peak rates. A step costs `step_overhead_s` +
    `layer_overhead_s` a layer + `sequence_overhead_s` a running sequence whatever it computes; a collective costs
    `collective_latency_s` before its first byte. `gemm_floor_tokens` rows' worth of compute time is paid by every
    matrix product, however thin. `memory_use_frac` of the memory less `reserved_bytes` may be used; activations
    take `activation_copies_ratio` hidden states a token of the step budget. `expert_imbalance_ratio` is the work of the
    busiest rank over the mean where experts are whole on a rank.
    """

    engine: str
    family: str
    memory_efficiency_frac: float
    compute_efficiency_frac: float
    kv_efficiency_frac: float
    attention_efficiency_frac: float
    link_efficiency_frac: float
    step_overhead_s: float
    layer_overhead_s: float
    sequence_overhead_s: float
    collective_latency_s: float
    gemm_floor_tokens: float
    memory_use_frac: float
    reserved_bytes: float
    activation_copies_ratio: float
    expert_imbalance_ratio: float
    status: str
    source: str


def _row_constants(row: dict[str, str]) -> EngineConstants:
    words = {key: row[key] for key in ("engine", "family", "status", "source")}
    numbers = {key: float(value) for key, value in row.items() if key not in words}
    return EngineConstants(**words, **numbers)  # type: ignore[arg-type]  # the columns are the fields


@cache
def _all_constants() -> Mapping[tuple[str, str], EngineConstants]:
    text = files("tokonomics.physics").joinpath("data", "constants.csv").read_text("utf-8")
    rows = map(_row_constants, csv.DictReader(text.splitlines()))
    return {(row.engine, row.family): row for row in rows}


def engines() -> tuple[str, ...]:
    """Names of the engines that have constants."""
    return tuple(dict.fromkeys(engine for engine, _ in _all_constants()))


def engine_constants(engine: str, family: str) -> EngineConstants:
    """Return the constants of `engine` on a hardware `family`, or the engine's own for any family.

    Raises UnknownName when there is no such engine.

    >>> engine_constants("roofline", "hopper").memory_efficiency_frac
    1.0
    """
    table = _all_constants()
    if (engine, ANY_FAMILY) not in table:
        raise UnknownName("engine", engine, engines())
    return table.get((engine, family), table[engine, ANY_FAMILY])
