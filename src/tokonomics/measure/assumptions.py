"""Rules for what a publication leaves open. A rule looks at facts of the case, never at what was measured.

Each is named in `docs/model-cards/accuracy.md`.
"""

from dataclasses import dataclass

from tokonomics.catalog.accelerator import Accelerator
from tokonomics.catalog.model import Model
from tokonomics.measure.corpus import Measurement
from tokonomics.measure.names import EngineName, find_precision, name_rows
from tokonomics.measure.note import Note

_FEWEST_BITS_FIRST = {"nvfp4": "fp4", "fp8": "fp8"}
"""Weight formats with matrix units of their own, and the rate that shows that a part has them."""
_ONE_GROUP_MODES = ("batch", "concurrency", "single-prefill", "single-decode")
"""Modes in which all accelerators run one copy of the model unless the row says otherwise."""

_SWEEPS_OF_SERVERS = ("aic-silicon-public-sweep", "aic-silicon-db-dump")


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """How one copy of a model lies over accelerators."""

    tensor_parallel: int
    pipeline_parallel: int


def engine_version(row: Measurement) -> str:
    """The stated version of the engine; else the one of the source's time, "" for a recent one."""
    if row.engine_version:
        return row.engine_version
    key = (row.source_id, row.engine)
    known = (one for one in name_rows("source_versions") if (one["source_id"], one["engine"]) == key)
    return next((one["engine_version"] for one in known), "")


def precision(row: Measurement, engine: EngineName, model: Model | None, part: Accelerator | None) -> str | None:
    """The stated weight format; else the engine's default, the fewest bits (MLPerf), or the model's own.

    MLPerf entries are tuned to win: where the format is not stated they run the narrowest that the part has units for.
    """
    if row.weight_dtype:
        return find_precision(row.weight_dtype)
    if engine.default_precision:
        return engine.default_precision
    if row.source_id.startswith("mlperf") and part is not None:
        fast = (fmt for fmt, rate in _FEWEST_BITS_FIRST.items() if rate in part.dense_flop_per_s)
        return next(fast, "bf16")
    return model.native_format if model is not None else None


def kv_format(engine: str, weights: str | None) -> str | None:
    """KV format where nothing is stated: FP8 checkpoints of TensorRT-LLM carry an FP8 cache; None for the default."""
    return "fp8" if engine == "trtllm" and weights in _FEWEST_BITS_FIRST else None


def lengths(row: Measurement) -> tuple[float, float] | None:
    """Mean prompt and answer in tokens: as stated, else those of the data set; None when nothing says."""
    if row.input_tokens is not None and row.output_tokens is not None:
        return row.input_tokens, row.output_tokens
    for known in name_rows("dataset_lengths"):
        if known["dataset"] == row.dataset and known["modes"] in ("*", row.mode) and known["marker"] in row.note:
            prompt = float(known["input_tokens"]) if row.input_tokens is None else row.input_tokens
            return prompt, float(known["output_tokens"]) if row.output_tokens is None else row.output_tokens
    return None


def system_gpus(row: Measurement, note: Note) -> int:
    """Accelerators of the system; under attention data parallelism the column counts those of one attention group."""
    return (row.num_gpus or (row.tp or 1) * (row.pp or 1)) * note.attention_dp // _times_counted(row, note)


def _times_counted(row: Measurement, note: Note) -> int:
    """How often a source counts one accelerator.

    A server that was started with as many tensor as expert ranks has that many accelerators, each in both roles; the
    nightly sweeps multiply the two. Rows of 16 accelerators that equal those of 4 to the last digit show it, with
    attention that is cut over them and with attention data parallelism alike.
    """
    (tensor, expert), copies = note.expert_ranks, note.attention_dp
    if row.source_id not in _SWEEPS_OF_SERVERS:
        return 1
    if copies > 1:
        return copies if expert == copies**2 and (row.tp or 1) == copies else 1
    return expert if tensor == expert and (row.tp or 1) == tensor * expert else 1


def stated_layout(row: Measurement, note: Note, engine: EngineName) -> Layout | None:
    """The layout of one copy where the row states it or its mode and engine leave no choice; None otherwise."""
    num_gpus = system_gpus(row, note)
    if row.tp or row.pp:
        ranks = (row.tp or 1) * note.attention_dp // _times_counted(row, note)
        return Layout(tensor_parallel=ranks, pipeline_parallel=row.pp or 1)
    if not engine.splits_tensors:
        return Layout(tensor_parallel=1, pipeline_parallel=num_gpus)
    if num_gpus == 1 or row.mode in _ONE_GROUP_MODES:
        return Layout(tensor_parallel=num_gpus, pipeline_parallel=1)
    return None


def tpot_limit_s(row: Measurement) -> float | None:
    """Limit on time per output token that the benchmark of the data set sets for the scenario the note names."""
    rows = (one for one in name_rows("latency_limits") if one["dataset"] == row.dataset and one["marker"] in row.note)
    return next((float(one["tpot_limit_s"]) for one in rows), None)


def has_mixed_lengths(dataset: str) -> bool:
    """Whether answers differ in length: those of synthetic data sets, and of those not named, are equal."""
    return bool(dataset) and not dataset.startswith("synthetic")
