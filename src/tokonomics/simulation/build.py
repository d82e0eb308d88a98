"""From requests, options and step models to the arrays of the kernel, with all checks that need both."""

from collections.abc import Sequence

import numpy as np

from tokonomics.errors import raise_all
from tokonomics.physics.step import StepModel
from tokonomics.simulation.coefficients import coefficient_row, decode_base_s
from tokonomics.simulation.compiled import compiled
from tokonomics.simulation.options import MAX_PRIORITY_LEVELS, EngineOptions
from tokonomics.simulation.requests import Requests, first_rows, require_that_all_fit
from tokonomics.simulation.state import ENGINE, NONE, Floats, Ints, Load, Rows
from tokonomics.workload.prefix import BlockHashes

_NO_LIMIT = 2**62


def engine_rows(options: Sequence[EngineOptions], block_hashes: BlockHashes | None = None) -> Rows:
    """One ENGINE row for the options of each deployment; InputError when hashed blocks do not suit KV blocks."""
    rows = np.zeros(len(options), dtype=ENGINE)
    unit_tokens = 0 if block_hashes is None else block_hashes.tokens_per_block
    raise_all([problem for o in options for problem in _unit_problems(o, unit_tokens)])
    for row, o in zip(rows, options):
        row["num_blocks"], row["block_tokens"] = o.num_kv_blocks, o.block_tokens
        row["watermark_blocks"], row["max_sequences"] = o.watermark_blocks, o.max_sequences
        row["budget_tokens"] = o.step_budget_tokens
        row["max_queued"] = _NO_LIMIT if o.max_queued_requests is None else o.max_queued_requests
        row["rows_per_decode"], row["num_drafts"] = 1 + o.num_draft_tokens, o.num_draft_tokens
        row["prefill_first"], row["reserve_full"] = o.batching == "prefill_first", o.reserve_full_input
        row["priority"], row["hashed"] = o.queueing == "priority", o.use_prefix_cache
        row["unit_tokens"], row["unit_blocks"] = unit_tokens, unit_tokens // o.block_tokens
        row["round_tokens"] = o.round_tokens
    return rows


def _unit_problems(options: EngineOptions, unit_tokens: int) -> list[str]:
    if not options.use_prefix_cache:
        return []
    if unit_tokens == 0:
        return ["use_prefix_cache without block hashes; limit=a trace that has them; give cached_input_frac instead"]
    if unit_tokens % options.block_tokens:
        return [
            f"block_tokens={options.block_tokens}; limit=a divisor of the trace's blocks of {unit_tokens} tokens;"
            " choose one that divides them"
        ]
    return []


def coefficient_rows(models: Sequence[StepModel], options: Sequence[EngineOptions]) -> Rows:
    """The coefficients of each deployment; shape (num_deployments, NUM_COEFFICIENTS)."""
    return np.array(
        [
            coefficient_row(
                model,
                num_draft_tokens=o.num_draft_tokens,
                draft_cost=o.draft_cost_ratio,
                round_tokens=o.round_tokens,
            )
            for model, o in zip(models, options)
        ]
    )


def decode_table_s(coefficients: Rows, engines: Rows) -> Floats:
    """Time of a decode step without attention; shape (num_deployments, largest batch + 1)."""
    table = np.zeros((len(engines), int(engines["max_sequences"].max()) + 1))
    fill_decode_table(coefficients, table)
    return table


@compiled
def fill_decode_table(coefficients: Rows, table: Floats) -> None:
    """Fill `table` for every deployment and batch."""
    for kind in range(table.shape[0]):
        for decodes in range(table.shape[1]):
            table[kind, decodes] = decode_base_s(coefficients[kind], float(decodes))


def capped_output_tokens(requests: Requests, options: EngineOptions) -> Ints:
    """Output tokens under the cap of `options`."""
    if options.max_output_tokens is None:
        return requests.output_tokens
    return np.minimum(requests.output_tokens, options.max_output_tokens)


def cached_input_tokens(requests: Requests, options: EngineOptions) -> Ints:
    """Prompt tokens that the hit rate finds in the cache: whole blocks, and never the last token."""
    if options.cached_input_frac == 0.0:
        return np.zeros(requests.num_requests, dtype=np.int64)
    hit = (requests.input_tokens * options.cached_input_frac).astype(np.int64)
    return np.minimum(hit, requests.input_tokens - 1) // options.block_tokens * options.block_tokens


def build_load(requests: Requests, options: EngineOptions) -> Load:
    """The load of one deployment; InputError names requests that can never fit, and priorities out of range."""
    output = capped_output_tokens(requests, options)
    need = requests.input_tokens + output - (0 if options.num_draft_tokens else 1) + options.num_draft_tokens
    room = options.num_kv_blocks * options.block_tokens
    require_that_all_fit(need > room, need, room)
    return Load(
        arrival_s=requests.arrival_s,
        input_tokens=requests.input_tokens,
        output_tokens=output,
        cached_tokens=cached_input_tokens(requests, options),
        level=priority_levels(requests, options),
        session=np.full(requests.num_requests, NONE) if requests.session_index is None else requests.session_index,
    )


def priority_levels(requests: Requests, options: EngineOptions) -> np.typing.NDArray[np.int8]:
    """The queue level of each request: its priority, or 0 for all under first come, first served."""
    if options.queueing == "fcfs" or requests.priority is None:
        return np.zeros(requests.num_requests, dtype=np.int8)
    beyond = requests.priority >= MAX_PRIORITY_LEVELS
    if beyond.any():
        most = MAX_PRIORITY_LEVELS - 1
        raise_all([f"{first_rows(beyond)}: priority is above {most}; limit=0 to {most}; use fewer levels"])
    return requests.priority.astype(np.int8)
