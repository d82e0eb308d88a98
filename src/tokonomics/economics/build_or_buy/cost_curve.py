"""What a month costs as a function of its volume, for every way to pay: by token, by hour, or both.

    cost(V) = fixed + USD per token x V + (replicas(V) + spares) x USD per replica
    replicas(V) = max(minimum, ceil(V x peak/mean / capacity))

An API is a line through the origin; a pay-per-use endpoint is a line above its fixed costs; a fleet that is
always on is a staircase. Every comparison of building with buying is a comparison of these curves.
"""

import math
from dataclasses import dataclass

from tokonomics.economics.figures.checks import Checks
from tokonomics.units import DAYS_PER_MONTH, HOURS_PER_MONTH, MTOK, SECONDS_PER_DAY


@dataclass(frozen=True, kw_only=True, slots=True)
class CostCurve:
    """One way to pay for tokens.

    `replica_tokens_per_day` is what one replica carries (None: no replicas, any volume); `peak_ratio` is peak
    demand over mean demand, because a fleet is sized for its peak. Volumes are tokens per day, costs per
    month of `days_per_month` days.
    """

    name: str
    fixed_usd_per_month: float = 0.0
    usd_per_mtok: float = 0.0
    replica_usd_per_month: float = 0.0
    replica_tokens_per_day: float | None = None
    min_replicas: int = 1
    num_spare_replicas: int = 0
    peak_ratio: float = 1.0
    days_per_month: float = DAYS_PER_MONTH

    def __post_init__(self) -> None:
        checks = Checks().non_negative(
            fixed_usd_per_month=self.fixed_usd_per_month,
            usd_per_mtok=self.usd_per_mtok,
            replica_usd_per_month=self.replica_usd_per_month,
        )
        checks.positive(replica_tokens_per_day=self.replica_tokens_per_day, days_per_month=self.days_per_month)
        checks.at_least(1.0, peak_ratio=self.peak_ratio)
        checks.count(0, min_replicas=self.min_replicas, num_spare_replicas=self.num_spare_replicas)
        checks.that(
            self.replica_usd_per_month == 0 or self.replica_tokens_per_day is not None,
            f"replica_usd_per_month={self.replica_usd_per_month:g}; its capacity is missing: "
            "give replica_tokens_per_day",
        )
        checks.done()


@dataclass(frozen=True, kw_only=True, slots=True)
class MonthlyCost:
    """A month at one volume, with its terms; `blended_usd_per_mtok` and `utilisation_frac` may be undefined.

    `utilisation_frac` is mean demand over the capacity of every replica paid for, spares included.
    """

    name: str
    volume_tokens_per_day: float
    fixed_usd_per_month: float
    usage_usd_per_month: float
    replicas_usd_per_month: float
    total_usd_per_month: float
    num_replicas: int
    utilisation_frac: float | None
    blended_usd_per_mtok: float | None


def api_curve(name: str, *, usd_per_mtok: float, days_per_month: float = DAYS_PER_MONTH) -> CostCurve:
    """Paying an API by the token: nothing fixed, no replicas."""
    return CostCurve(name=name, usd_per_mtok=usd_per_mtok, days_per_month=days_per_month)


def always_on_curve(
    name: str,
    *,
    gpu_usd_per_hour: float,
    replica_tokens_per_s: float,
    gpus_per_replica: int = 1,
    fixed_usd_per_month: float = 0.0,
    num_spare_replicas: int = 0,
    peak_ratio: float = 1.0,
) -> CostCurve:
    """Renting replicas around the clock (730 hours a month), at a rate each sustains in tokens/s."""
    checks = Checks().positive(gpu_usd_per_hour=gpu_usd_per_hour, replica_tokens_per_s=replica_tokens_per_s)
    checks.count(1, gpus_per_replica=gpus_per_replica).done()
    return CostCurve(
        name=name,
        fixed_usd_per_month=fixed_usd_per_month,
        replica_usd_per_month=gpu_usd_per_hour * gpus_per_replica * HOURS_PER_MONTH,
        replica_tokens_per_day=replica_tokens_per_s * SECONDS_PER_DAY,
        num_spare_replicas=num_spare_replicas,
        peak_ratio=peak_ratio,
    )


def num_replicas(curve: CostCurve, *, volume_tokens_per_day: float) -> int:
    """Replicas paid for at a volume, spares included; 0 for a curve without replicas."""
    Checks().non_negative(volume_tokens_per_day=volume_tokens_per_day).done()
    if curve.replica_tokens_per_day is None:
        return 0
    load = volume_tokens_per_day * curve.peak_ratio / curve.replica_tokens_per_day
    # A volume that fills its replicas exactly must not open another one through rounding.
    return max(curve.min_replicas, math.ceil(load * (1.0 - 1e-12))) + curve.num_spare_replicas


def monthly_cost(curve: CostCurve, *, volume_tokens_per_day: float) -> MonthlyCost:
    """What a month at this volume costs, with its terms.

    >>> gpt4o = api_curve("gpt-4o", usd_per_mtok=6.25, days_per_month=30)
    >>> monthly_cost(gpt4o, volume_tokens_per_day=5e6).total_usd_per_month
    937.5
    """
    replicas = num_replicas(curve, volume_tokens_per_day=volume_tokens_per_day)
    month_mtok = volume_tokens_per_day * curve.days_per_month / MTOK
    usage = month_mtok * curve.usd_per_mtok
    hired = replicas * curve.replica_usd_per_month
    total = curve.fixed_usd_per_month + usage + hired
    capacity = replicas * (curve.replica_tokens_per_day or 0.0)
    return MonthlyCost(
        name=curve.name,
        volume_tokens_per_day=volume_tokens_per_day,
        fixed_usd_per_month=curve.fixed_usd_per_month,
        usage_usd_per_month=usage,
        replicas_usd_per_month=hired,
        total_usd_per_month=total,
        num_replicas=replicas,
        utilisation_frac=volume_tokens_per_day / capacity if capacity else None,
        blended_usd_per_mtok=total / month_mtok if month_mtok else None,
    )
