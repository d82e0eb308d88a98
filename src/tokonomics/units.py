"""The closed list of units, and the only conversions between them.

Inside the package every quantity is in its base unit (seconds, bytes, FLOP, tokens, USD). The larger units
below are for the edges, where people read and write. Memory and bandwidth are decimal, as vendors quote them.
"""

from typing import Final

GB: Final = 1e9
TB: Final = 1e12
GIB: Final = 2.0**30
TFLOP: Final = 1e12
MS: Final = 1e-3
MTOK: Final = 1e6

SECONDS_PER_HOUR: Final = 3600.0
SECONDS_PER_DAY: Final = 86400.0
HOURS_PER_WEEK: Final = 168
HOURS_PER_MONTH: Final = 730.0
HOURS_PER_YEAR: Final = 8760.0
SECONDS_PER_MONTH: Final = HOURS_PER_MONTH * SECONDS_PER_HOUR
DAYS_PER_MONTH: Final = HOURS_PER_MONTH / 24.0

# A public float says its unit by one of these endings; a test holds every record to the list.
UNIT_SUFFIXES: Final = (
    "_usd_per_useful_mtok", "_usd_per_mtok", "_usd_per_hour", "_usd_per_month", "_usd_per_year", "_usd_per_kwh",
    "_usd_per_request", "_usd_per_day", "_usd", "_tokens_per_s", "_tokens_per_usd", "_tokens_per_gpu_hour",
    "_tokens_per_day", "_tokens_per_month", "_requests_per_s", "_bytes_per_s", "_bytes_per_token", "_bytes",
    "_flop_per_s", "_flop_per_byte", "_flop_per_token", "_flop", "_gb_per_s", "_gb", "_tflops", "_watts", "_kwh",
    "_hours", "_weeks", "_months", "_years", "_days", "_ms", "_s", "_tokens", "_requests", "_frac", "_ratio",
    "_factor", "_usd_per_gpu_hour", "_requests_per_month", "_days_per_month", "_gib", "_bits", "_cv", "_exponent",
    "_sequences", "_percentile", "_log", "_link", "_probability",
)  # fmt: skip


def usd_per_mtok(usd_per_hour: float, tokens_per_s: float) -> float:
    """USD per million tokens of something that costs `usd_per_hour` and yields `tokens_per_s`.

    The fundamental equation: cost per token = cost per GPU-hour / tokens per GPU-hour.

    >>> round(usd_per_mtok(10.0, 1000.0), 2), round(usd_per_mtok(1.0, 200.0), 2)
    (2.78, 1.39)
    """
    return usd_per_hour / (tokens_per_s * SECONDS_PER_HOUR) * MTOK


def tokens_per_gpu_hour(tokens_per_s: float) -> float:
    """Tokens that a rate in tokens/s yields in one hour.

    >>> tokens_per_gpu_hour(1500.0)
    5400000.0
    """
    return tokens_per_s * SECONDS_PER_HOUR
