"""Section 3: what each optimisation does to the rate of a 70B, and what the H100 allows."""

from tokonomics.economics.optimisation.cross_test import cross_test
from tokonomics.economics.optimisation.levers import step_shares
from tokonomics.economics.optimisation.quantisation import FormatChange, format_change, format_gains
from tokonomics.economics.optimisation.speculative import latency_factor, speculate, speculation_of
from tokonomics.economics.serving.decode_formulas import running_sequences
from tokonomics.economics.serving.replica import replica_of
from tokonomics.economics.serving.roofline import roofline_bound
from tokonomics.economics.serving.steady_load import decode_only
from tokonomics.economics.serving.user_figures import UserFigure
from tokonomics.physics.capacity import memory_box
from tokonomics.units import MS
from tools.article.values import Bound, Range
from tools.article.world import MODEL, PART, catalogue, ideal


def bits_ratio(before: str, after: str) -> float:
    """Bits of a weight in one format over another, as the formats are named."""
    return _change(before, after).bits_ratio


def size_ratio(before: str, after: str) -> float:
    """Bytes of the whole model after over before."""
    return _change(before, after).size_ratio


def compute_dtype(before: str, after: str) -> str:
    """The arithmetic in which weights of the later format are multiplied."""
    return _change(before, after).computes_as


def speedup(before: str, after: str, batch: float, context: float) -> float:
    """Decode bound in one format over another."""
    model, part = catalogue().model(MODEL), catalogue().accelerator(PART)
    [gain] = format_gains(model, part, before, after, batches=[int(batch)], context_tokens=context)
    return gain.bound_ratio


def bound(precision: str, batch: float, context: float, model: str = MODEL) -> Bound:
    """The most that the H100 allows in decode, and whether the batch fits."""
    dep = ideal(model, precision)
    limit = roofline_bound(dep, batch, context).output_tokens_per_s
    return Bound(float(limit), memory_box(dep).max_batch(max(context, 1.0)) >= batch)


def two_bounds(batch: float, context: float) -> Range:
    """That bound for 16-bit weights and for AWQ."""
    low, high = (bound(precision, batch, context).tokens_per_s for precision in ("fp16", "int4-awq"))
    return low, high


def per_gpu_ratio(precision: str, batch: float, other: str, other_batch: float, context: float) -> float:
    """Bound a GPU of one format at a batch over that of another, each on the fewest GPUs that hold it."""
    model, part = catalogue().model(MODEL), catalogue().accelerator(PART)
    first, second = (precision, int(batch)), (other, int(other_batch))
    return cross_test(model, part, decode_only(context), first=first, second=second).bound_ratio or 0.0


def speculation(precision: str, batch: float, context: float) -> float:
    """Throughput with speculative decoding over throughput without, on the ideal H100."""
    replica = replica_of(ideal(precision=precision), decode_only(context))
    return float(speculate(replica, batch, speculation_of()).throughput_factor)


def speculation_latency() -> float:
    """How many times sooner a token comes by speculation at batch 1, at the most."""
    return latency_factor(speculation_of())


def factor(first: float, last: float) -> float:
    """How many times the last rate is the first."""
    return step_shares([("first", first), ("last", last)])[-1].cumulative_factor


def growth_percent(first: float, last: float) -> float:
    """The same, as percent more."""
    return 100.0 * (factor(first, last) - 1.0)


def factor_range(first: float, lasts: tuple[float, ...]) -> Range:
    """The same for two ends."""
    low, high = (factor(first, last) for last in lasts)
    return low, high


def step_range(rates: tuple[float, ...]) -> Range:
    """The first and the last step of a row of rates, each against the one before it."""
    steps = _steps(rates)
    return steps[1], steps[-1]


def batching_over_rest(rates: tuple[float, ...]) -> float:
    """The step by batching (from the third rate to the fourth) over all other steps together."""
    _, quantised, flash, batched, paged = _steps(rates)
    return batched / (quantised * flash * paged)


def gain(batch: float, growth: float) -> float:
    """Gain in rate when a step of `batch` sequences takes `growth` times as long as a step of one."""
    return factor(_rate(1.0, 1.0), _rate(batch, growth))


def rate(batch: float, latency_ms: float) -> float:
    """Tokens/s that a batch and its latency imply."""
    return _rate(batch, latency_ms * MS)


def latency(batch: float, tokens_per_s: float) -> float:
    """Milliseconds a token that a batch and its rate imply."""
    return batch / running_sequences(output_tokens_per_s=tokens_per_s, itl_s=MS)


def _change(before: str, after: str) -> FormatChange:
    return format_change(catalogue().model(MODEL), catalogue().accelerator(PART), before, after)


def _steps(rates: tuple[float, ...]) -> list[float]:
    return [step.step_factor for step in step_shares([(f"{rate:g}", rate) for rate in rates])]


def _rate(batch: float, step_s: float) -> float:
    return UserFigure(num_sequences=batch, itl_s=step_s).tokens_per_s or 0.0
