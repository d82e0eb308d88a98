"""Section 5: the batch as a lever, its latency and its price."""

import numpy as np

from tokonomics.economics.serving.roofline import roofline_bound
from tokonomics.units import MS, usd_per_mtok
from tokonomics.workload.slo import parse_slo
from tools.article.stack import factor
from tools.article.values import Range
from tools.article.world import ideal, reference


def compute_bound(precision: str, batch: float, context: float) -> float:
    """Tokens/s if nothing but arithmetic, attention's included, took time."""
    return float(batch / roofline_bound(ideal(precision=precision), batch, context).compute_s)


def cost_range(rates: tuple[float, ...]) -> Range:
    """USD per million tokens at two rates."""
    low, high = (usd_per_mtok(reference()["gpu_usd_per_hour"], rate) for rate in rates)
    return low, high


def shares(parts: tuple[float, ...], whole: float) -> Range:
    """Two parts of a whole, percent."""
    low, high = (100.0 * factor(whole, part) for part in parts)
    return low, high


def slo_batch(batches: tuple[float, ...], latencies_ms: tuple[float, ...], limit_ms: float) -> float:
    """The largest batch whose P99 latency keeps a limit."""
    [limit] = parse_slo(f"itl_p99={limit_ms:g}ms").limits
    kept = [limit.measured_s(np.array([latency * MS])) <= limit.limit_s for latency in latencies_ms]
    return max(batch for batch, is_kept in zip(batches, kept) if is_kept)
