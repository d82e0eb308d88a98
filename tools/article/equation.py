"""Sections 0 and 1: what a token costs, and what one accelerator can yield at most."""

from tokonomics.economics.optimisation.levers import System, rank_systems
from tokonomics.economics.serving.decode_formulas import compute_use_frac, prefill_tokens_per_s
from tokonomics.economics.serving.roofline import ridge, roofline_bound
from tokonomics.physics.step import step_model, step_time
from tokonomics.units import TFLOP, tokens_per_gpu_hour, usd_per_mtok
from tools.article.world import catalogue, ideal


def cost(usd_per_hour: float, tokens_per_s: float) -> float:
    """USD per million tokens."""
    return usd_per_mtok(usd_per_hour, tokens_per_s)


def saving(fast_usd: float, fast_rate: float, slow_usd: float, slow_rate: float) -> float:
    """What the cheaper of two systems saves, as a share."""
    fast = System(name="fast", usd_per_hour=fast_usd, tokens_per_s=fast_rate)
    slow = System(name="slow", usd_per_hour=slow_usd, tokens_per_s=slow_rate)
    return 1.0 - 1.0 / rank_systems([fast, slow])[-1].dearer_ratio


def hour(tokens_per_s: float) -> float:
    """Tokens of an hour."""
    return tokens_per_gpu_hour(tokens_per_s)


def step_growth(precision: str, batch: float, context: float) -> float:
    """The least time of a step of a batch over that of a step of one sequence."""
    one, many = roofline_bound(ideal(precision=precision), [1.0, batch], context).step_s
    return float(many / one)


def ridge_rows(precision: str) -> float:
    """Rows at which the arithmetic of the weights takes as long as reading them."""
    return ridge(ideal(precision=precision)).num_rows


def peak(part: str) -> float:
    """Dense 16-bit rate, TFLOP/s."""
    return catalogue().accelerator(part).dense_flop_per_s["bf16"] / TFLOP


def prefill_peak(params: float, flop_per_s: float) -> float:
    """Prompt tokens/s when nothing but arithmetic takes time."""
    return prefill_tokens_per_s(peak_flop_per_s=flop_per_s, num_params=params)


def prefill_use(tokens_per_s: float, params: float, flop_per_s: float) -> float:
    """A prefill rate as a share of that peak."""
    return compute_use_frac(prompt_tokens_per_s=tokens_per_s, peak_flop_per_s=flop_per_s, num_params=params)


def attention_share(context: float) -> float:
    """Attention in the arithmetic of a prompt of `context` tokens, percent."""
    step = step_time(step_model(ideal()), 0.0, 0.0, context, context / 2.0)
    return float(100.0 * step.prefill_attention_s / (step.gemm_compute_s + step.prefill_attention_s))
