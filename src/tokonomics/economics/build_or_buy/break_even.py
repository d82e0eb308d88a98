"""The volume at which building beats buying, exact on the staircase of whole replicas.

    V = (n(V) x replica + fixed) / (API price - own price per token)

The rented hours stand on one side only: dividing their sum by a price difference that already contains them
counts them twice. On a staircase the curves can cross more than once, so two volumes are given: the first at
which building wins, and the one from which it wins for good.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from tokonomics.economics.build_or_buy.cost_curve import CostCurve, monthly_cost
from tokonomics.errors import InputError
from tokonomics.units import MTOK


@dataclass(frozen=True, kw_only=True, slots=True)
class BreakEven:
    """Where `build` starts to beat `buy`, or why it never does.

    `volume_tokens_per_day` is the first crossing (None: building never wins), `secure_tokens_per_day` the
    volume from which building wins at every larger one (None: there is none). `replica_margin_usd_per_month`
    is what a full replica saves over buying its tokens; None for a build without replicas.
    """

    build: CostCurve
    buy: CostCurve
    volume_tokens_per_day: float | None
    secure_tokens_per_day: float | None
    num_replicas: int | None
    utilisation_frac: float | None
    total_usd_per_month: float | None
    replica_margin_usd_per_month: float | None
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildOrBuy:
    """Both curves at one volume; `saving_usd_per_month` is what the winner saves over the other."""

    volume_tokens_per_day: float
    build_usd_per_month: float
    buy_usd_per_month: float
    num_replicas: int
    utilisation_frac: float | None
    winner: str
    saving_usd_per_month: float


def break_even(build: CostCurve, buy: CostCurve) -> BreakEven:
    """The exact volume at which `build` (a staircase or a line) costs no more than `buy` (a line).

    Raises: InputError when `buy` has replicas, or the two count different days in a month.

    >>> own = CostCurve(name="H100", fixed_usd_per_month=5000, replica_usd_per_month=1800,
    ...                 replica_tokens_per_day=129.6e6, days_per_month=30)
    >>> api = CostCurve(name="gpt-4o", usd_per_mtok=6.25, days_per_month=30)
    >>> round(break_even(own, api).volume_tokens_per_day / 1e6, 1)
    36.3
    """
    _check_pair(build, buy)
    gap = _Gap.between(build, buy)
    first, secure = gap.first_mtok(), gap.secure_mtok()
    volume = None if first is None else first * MTOK / build.days_per_month
    cost = None if volume is None else monthly_cost(build, volume_tokens_per_day=volume)
    return BreakEven(
        build=build,
        buy=buy,
        volume_tokens_per_day=volume,
        secure_tokens_per_day=None if secure is None else secure * MTOK / build.days_per_month,
        num_replicas=None if cost is None else cost.num_replicas,
        utilisation_frac=None if cost is None else cost.utilisation_frac,
        total_usd_per_month=None if cost is None else cost.total_usd_per_month,
        replica_margin_usd_per_month=gap.margin_usd if gap.has_steps else None,
        reason=_reason(build, buy, gap, first),
    )


def build_or_buy(build: CostCurve, buy: CostCurve, volumes: Iterable[float]) -> tuple[BuildOrBuy, ...]:
    """Both curves at each volume (tokens/day), in that order; a tie goes to buying, which commits to less."""
    return tuple(_row(build, buy, volume) for volume in volumes)


def _row(build: CostCurve, buy: CostCurve, volume_tokens_per_day: float) -> BuildOrBuy:
    own = monthly_cost(build, volume_tokens_per_day=volume_tokens_per_day)
    api = monthly_cost(buy, volume_tokens_per_day=volume_tokens_per_day)
    build_wins = own.total_usd_per_month < api.total_usd_per_month
    return BuildOrBuy(
        volume_tokens_per_day=volume_tokens_per_day,
        build_usd_per_month=own.total_usd_per_month,
        buy_usd_per_month=api.total_usd_per_month,
        num_replicas=own.num_replicas,
        utilisation_frac=own.utilisation_frac,
        winner=build.name if build_wins else buy.name,
        saving_usd_per_month=abs(own.total_usd_per_month - api.total_usd_per_month),
    )


@dataclass(frozen=True, slots=True)
class _Gap:
    """Build minus buy over a month: fixed + step x n - difference x v, with v in Mtok and n = replicas(v)."""

    fixed_usd: float
    step_usd: float
    difference_usd: float
    step_mtok: float
    min_steps: int

    @classmethod
    def between(cls, build: CostCurve, buy: CostCurve) -> Self:
        """The gap of two curves; without replicas one endless step that costs nothing."""
        spares = build.num_spare_replicas * build.replica_usd_per_month
        capacity = build.replica_tokens_per_day
        return cls(
            fixed_usd=build.fixed_usd_per_month + spares - buy.fixed_usd_per_month,
            step_usd=build.replica_usd_per_month,
            difference_usd=buy.usd_per_mtok - build.usd_per_mtok,
            step_mtok=math.inf if capacity is None else capacity * build.days_per_month / MTOK / build.peak_ratio,
            min_steps=1 if capacity is None else build.min_replicas,
        )

    @property
    def has_steps(self) -> bool:
        """Whether building comes in replicas at all."""
        return math.isfinite(self.step_mtok)

    @property
    def margin_usd(self) -> float:
        """What a full replica saves over buying its tokens."""
        return self.difference_usd * self.step_mtok - self.step_usd if self.difference_usd else -self.step_usd

    def first_mtok(self) -> float | None:
        """The smallest volume at which building costs no more, Mtok a month."""
        if self.fixed_usd + self.step_usd * self.min_steps <= 0:
            return 0.0
        steps = self._first_steps()
        return None if steps is None else self._crossing_mtok(steps)

    def secure_mtok(self) -> float | None:
        """The volume from which building costs no more at any larger one."""
        if self.difference_usd < 0 or self.margin_usd <= 0:
            always = self.difference_usd == 0 and self.step_usd == 0 and self.fixed_usd <= 0
            return 0.0 if always else None
        if not self.has_steps:
            return self.first_mtok()
        # The step to n is harmless when the n-1 full replicas before it already save enough to pay for it.
        harmless = _ceil((self.fixed_usd + self.difference_usd * self.step_mtok) / self.margin_usd)
        return max(0.0, self._crossing_mtok(max(harmless - 1, self.min_steps)))

    def _first_steps(self) -> int | None:
        if self.difference_usd <= 0:
            return None
        if not self.has_steps or self.fixed_usd <= self.min_steps * self.margin_usd:
            return self.min_steps
        return None if self.margin_usd <= 0 else _ceil(self.fixed_usd / self.margin_usd)

    def _crossing_mtok(self, steps: int) -> float:
        return (self.fixed_usd + self.step_usd * steps) / self.difference_usd


def _ceil(steps: float) -> int:
    """The next whole number; a value that is whole but for rounding stays."""
    return math.ceil(steps * (1.0 - 1e-12))


def _check_pair(build: CostCurve, buy: CostCurve) -> None:
    if buy.replica_tokens_per_day is not None:
        raise InputError(f"{buy.name} is bought in replicas; compare two fleets with `volume_bands` instead")
    if build.days_per_month != buy.days_per_month:
        raise InputError(
            f"days_per_month={build.days_per_month:g} of {build.name} and "
            f"{buy.days_per_month:g} of {buy.name} differ; give both the same month"
        )


def _reason(build: CostCurve, buy: CostCurve, gap: _Gap, first: float | None) -> str:
    if first is not None:
        return f"{build.name} costs no more than {buy.name} from this volume"
    if gap.difference_usd <= 0:
        return (
            f"never: before any fixed cost {build.name} takes {build.usd_per_mtok:g} USD per million tokens, "
            f"{buy.name} {buy.usd_per_mtok:g}"
        )
    return (
        f"never: a full replica of {build.name} costs {-gap.margin_usd:,.2f} USD a month more than "
        f"its tokens at {buy.name}; raise its throughput or lower its price"
    )
