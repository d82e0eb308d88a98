"""The step time of `physics` as one flat row of numbers a deployment, and compiled functions of it.

A step with D decodes of mean context c and P prompt tokens of mean context p takes

    base(D, P) + D*a(c) + P*b(p) + (prompt step, where P > 0)

where a and b are piecewise affine in the mean context. So n decode steps, each E tokens later than the one before,
take n*first + slope*n*(n-1)/2 as long as the mean context stays inside one piece.
"""

from math import exp, floor, inf, sqrt

import numpy as np

from tokonomics.errors import raise_all
from tokonomics.physics.step import StepModel
from tokonomics.simulation.compiled import compiled
from tokonomics.simulation.state import Row

(
    _OVERHEAD, _SEQUENCE, _STAGES, _DENSE, _EXPERT, _UNTOUCHED, _GEMM, _FLOOR, _COLLECTIVE, _LINK, _KV, _WINDOW_KV,
    _WINDOW, _STATE, _SCORES, _PAIR, _WINDOW_PAIR, _DRAFTS, _DRAFT_COST, _TOKENS, _PROMPT_STEP,
) = range(21)  # fmt: skip
NUM_COEFFICIENTS = 21


def coefficient_row(model: StepModel, *, num_draft_tokens: int, draft_cost: float, round_tokens: float) -> Row:
    """Seconds per row, token and sequence of one deployment; shape (NUM_COEFFICIENTS,).

    Raises InputError that names every coefficient that is not a finite number, or is negative.
    """
    m = model
    raise_all(_coefficient_problems(model))
    row = [
        m.overhead_s, m.sequence_overhead_s, m.num_stages, m.dense_bytes / m.memory_bytes_per_s,
        m.expert_bytes / m.memory_bytes_per_s, np.log1p(-np.minimum(m.routed_frac, 1.0 - 1e-12)),
        m.gemm_flop_per_token / m.gemm_flop_per_s, m.gemm_floor_tokens, m.collective_s,
        m.link_bytes_per_token / m.link_bytes_per_s, m.kv_bytes_per_token / m.kv_bytes_per_s,
        m.window_bytes_per_token / m.kv_bytes_per_s, m.window_tokens, m.state_bytes / m.kv_bytes_per_s,
        m.decode_flop_per_token / m.attention_flop_per_s, m.attention_flop_per_token / m.attention_flop_per_s,
        m.window_flop_per_token / m.attention_flop_per_s, num_draft_tokens, num_draft_tokens * draft_cost,
        round_tokens, m.prompt_overhead_s,
    ]  # fmt: skip
    return np.array([float(np.asarray(value)) for value in row])


def _coefficient_problems(model: StepModel) -> list[str]:
    may_be_infinite = {"link_bytes_per_s"}
    problems = []
    for name in StepModel.__dataclass_fields__:
        value = np.asarray(getattr(model, name))
        if value.size != 1:
            problems.append(f"{name} has shape {value.shape}; limit=one deployment; pick one with StepModel.pick")
        elif np.isnan(value) or value < 0 or (np.isinf(value) and name not in may_be_infinite):
            problems.append(f"{name}={float(value):g}; limit=a finite number, 0 or more; check the facts behind it")
        elif value == 0 and name.endswith("_per_s"):
            problems.append(f"{name}=0; limit=above 0; check the rate in the catalogue")
    return problems


@compiled
def base_s(row: Row, decodes: float, prompt_tokens: float) -> float:
    """Time of a step without attention: overhead, weights, arithmetic and communication."""
    rows = (decodes + prompt_tokens) / row[_STAGES]
    read_s = row[_DENSE]
    if row[_EXPERT] > 0.0:
        read_s += row[_EXPERT] * (1.0 - exp(rows * row[_UNTOUCHED]))
    compute_s = row[_GEMM] * (rows + row[_FLOOR])
    read_s *= read_s
    compute_s *= compute_s
    blend_s = sqrt(sqrt(read_s * read_s + compute_s * compute_s))
    link_s = row[_COLLECTIVE] + rows * row[_LINK]
    return float(row[_OVERHEAD] + row[_SEQUENCE] * decodes + row[_STAGES] * (blend_s + link_s))


@compiled
def prompt_attention_s(row: Row, context: float) -> float:
    """Attention of one prompt token that attends to `context` earlier ones."""
    return float(row[_PAIR] * context + row[_WINDOW_PAIR] * min(context, row[_WINDOW]))


@compiled
def decode_base_s(row: Row, decodes: float) -> float:
    """Time of a decode step without attention: the verification of all drafts, and the drafting."""
    drafting_s = row[_DRAFT_COST] * base_s(row, decodes, 0.0) if row[_DRAFTS] > 0.0 else 0.0
    return base_s(row, decodes, decodes * row[_DRAFTS]) + drafting_s


@compiled
def decode_piece(row: Row, context: float) -> tuple[float, float, float]:
    """Attention of one decoding sequence: (time at `context`, slope a token, tokens until the slope changes)."""
    in_window = context < row[_WINDOW]
    window = context if in_window else row[_WINDOW]
    read_s = row[_KV] * context + row[_WINDOW_KV] * window + row[_STATE]
    read_slope = row[_KV] + row[_WINDOW_KV] if in_window else row[_KV]
    scores_s, scores_slope = row[_SCORES] * context, row[_SCORES]
    has_window = row[_WINDOW_KV] > 0.0 or (row[_DRAFTS] > 0.0 and row[_WINDOW_PAIR] > 0.0)
    room = row[_WINDOW] - context if in_window and has_window else inf
    if read_s >= scores_s:
        time_s, slope = read_s, read_slope
        if scores_slope > read_slope:
            room = min(room, (read_s - scores_s) / (scores_slope - read_slope))
    else:
        time_s, slope = scores_s, scores_slope
        if read_slope > scores_slope:
            room = min(room, (scores_s - read_s) / (read_slope - scores_slope))
    if row[_DRAFTS] > 0.0:
        pair_slope = row[_PAIR] + row[_WINDOW_PAIR] if in_window else row[_PAIR]
        time_s = time_s * (1.0 + row[_DRAFT_COST]) + row[_DRAFTS] * prompt_attention_s(row, context)
        slope = slope * (1.0 + row[_DRAFT_COST]) + row[_DRAFTS] * pair_slope
    return time_s, slope, room


@compiled
def mixed_step_s(row: Row, decodes: float, context_sum: float, prompt_tokens: float, prompt_pairs: float) -> float:
    """Time of one step of decodes and prompt chunks.

    `context_sum` is the sum of the decodes' contexts, `prompt_pairs` the sum over prompt tokens of the earlier tokens
    each attends to. Drafted tokens are verified as prompt tokens at the mean context of the decodes.
    """
    drafts = decodes * row[_DRAFTS]
    extra = prompt_tokens + drafts
    time_s = base_s(row, decodes, extra)
    if prompt_tokens > 0.0:
        time_s += row[_PROMPT_STEP]
    if decodes > 0.0:
        mean = context_sum / decodes
        prompt_pairs += drafts * mean
        window = min(mean, row[_WINDOW])
        read_s = row[_KV] * mean + row[_WINDOW_KV] * window + row[_STATE]
        attention_s = decodes * max(read_s, row[_SCORES] * mean)
        time_s += attention_s
        if drafts > 0.0:
            time_s += row[_DRAFT_COST] * (base_s(row, decodes, 0.0) + attention_s)
    return float(time_s + extra * prompt_attention_s(row, prompt_pairs / extra))


@compiled
def steps_in_piece(room: float, round_tokens: float) -> int:
    """Decode steps whose mean contexts all lie within `room` tokens of the first one's."""
    if room > 1e15:
        return 1 << 60
    return floor(room / round_tokens) + 1


@compiled
def steps_until(first_s: float, slope_s: float, start_s: float, until_s: float, most: int) -> int:
    """Smallest number of steps, at most `most`, after which the clock shows `until_s` or later."""
    wait_s = until_s - start_s
    if wait_s <= first_s or most <= 1:
        return 1
    linear = first_s - 0.5 * slope_s
    guess = 2.0 * wait_s / (linear + sqrt(linear * linear + 2.0 * slope_s * wait_s))
    if guess >= most + 1.0:
        return most
    steps = max(int(guess), 1)
    while steps > 1 and start_s + steps_time_s(first_s, slope_s, steps - 1) >= until_s:
        steps -= 1
    while steps < most and start_s + steps_time_s(first_s, slope_s, steps) < until_s:
        steps += 1
    return steps


@compiled
def steps_time_s(first_s: float, slope_s: float, steps: int) -> float:
    """Time of `steps` steps, the first of which takes `first_s` and each later one `slope_s` more."""
    return steps * (first_s + 0.5 * slope_s * (steps - 1))
