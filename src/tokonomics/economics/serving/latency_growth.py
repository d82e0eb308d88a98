"""Why a larger batch is slower for each of its sequences: the growth of the gap between tokens, by cause."""

from dataclasses import dataclass

from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.serving.replica import Replica
from tokonomics.physics.steady import steady_batch
from tokonomics.physics.step import step_time


@dataclass(frozen=True, kw_only=True, slots=True)
class LatencyGrowth:
    """By what the gap between tokens grows from one batch to another. The shares add up to 1."""

    low_batch: int
    high_batch: int
    growth_s: float
    kv_frac: float
    gemm_frac: float
    prompts_frac: float
    communication_frac: float
    overhead_frac: float


def latency_growth(replica: Replica, low_batch: int, high_batch: int) -> LatencyGrowth:
    """Divide the growth of the mean gap between two batches among what causes it.

    `kv`: the caches of more sequences are read. `gemm`: weights are multiplied for more rows (or, in a mixture of
    experts, more experts are read). `prompts`: more of them are prefilled beside. `overhead`: work of the scheduler and
    the sampler a sequence.

    Raises: InputError unless 1 <= `low_batch` < `high_batch`.
    """
    Checks().at_least(1, low_batch=low_batch).at_least(low_batch + 1, high_batch=high_batch).done()
    low, high = _gap_terms_s(replica, low_batch), _gap_terms_s(replica, high_batch)
    grown = {name: high[name] - low[name] for name in low}
    total = sum(grown.values())
    shares = {f"{name}_frac": value / total if total > 0 else 0.0 for name, value in grown.items()}
    return LatencyGrowth(low_batch=low_batch, high_batch=high_batch, growth_s=total, **shares)


def _gap_terms_s(replica: Replica, batch: int) -> dict[str, float]:
    shape = replica.load.shape
    time = step_time(replica.step, batch, shape.context_tokens)
    steady = steady_batch(replica.step, batch, shape)
    return {
        "kv": float(time.decode_attention_s),
        "gemm": float(time.gemm_s),
        "prompts": float(steady.mean_step_s - steady.short_step_s),
        "communication": float(time.communication_s),
        "overhead": float(time.overhead_s),
    }
