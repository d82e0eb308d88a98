"""What an hour of a bought accelerator costs: purchase, power, hosting, staff and the price of money.

    USD per used hour = (purchase + interest - resale + electricity + hosting + staff)
                        / (hours owned x utilisation)

Everything is per accelerator: a server of 8 gives an eighth of its price, its power and its rack to each.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tokonomics.economics.figures.checks import Checks
from tokonomics.units import HOURS_PER_YEAR

MONTHS_PER_YEAR = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class OnPrem:
    """One owned accelerator and how it is run; the inputs of `on_prem_cost`.

    `idle_draw_frac` is the share of full power drawn while idle (1: as if always busy, the cautious reading).
    `pue_factor` is the power of the building over the power of its machines. `host_usd` and `host_watts` are
    the share of chassis, processor, network and spares. `capital_cost_frac` is the yearly price of money,
    compounded monthly. `resale_frac` is the share of the purchase price that a sale brings at the end.

    Raises: InputError with every value that is negative, not finite, or out of range.
    """

    purchase_usd: float
    device_watts: float
    electricity_usd_per_kwh: float
    horizon_years: float
    utilisation_frac: float
    hosting_usd_per_year: float = 0.0
    staff_usd_per_year: float = 0.0
    host_usd: float = 0.0
    host_watts: float = 0.0
    pue_factor: float = 1.0
    idle_draw_frac: float = 1.0
    capital_cost_frac: float = 0.0
    resale_frac: float = 0.0

    def __post_init__(self) -> None:
        checks = Checks().positive(purchase_usd=self.purchase_usd, horizon_years=self.horizon_years)
        checks.share(utilisation_frac=self.utilisation_frac).at_least(1.0, pue_factor=self.pue_factor)
        checks.fraction(
            idle_draw_frac=self.idle_draw_frac,
            capital_cost_frac=self.capital_cost_frac,
            resale_frac=self.resale_frac,
        )
        checks.non_negative(
            device_watts=self.device_watts,
            host_watts=self.host_watts,
            electricity_usd_per_kwh=self.electricity_usd_per_kwh,
            hosting_usd_per_year=self.hosting_usd_per_year,
            staff_usd_per_year=self.staff_usd_per_year,
            host_usd=self.host_usd,
        )
        checks.done()


@dataclass(frozen=True, kw_only=True, slots=True)
class OnPremCost:
    """Every term of the cost of one owned accelerator over its horizon.

    `capital_usd` is interest beyond the price; `resale_usd` is received, so it is subtracted.
    `effective_usd_per_hour` is per hour of use, `owned_usd_per_hour` per hour of the calendar.
    """

    upfront_usd: float
    capital_usd: float
    resale_usd: float
    energy_kwh: float
    electricity_usd: float
    hosting_usd: float
    staff_usd: float
    total_usd: float
    owned_hours: float
    used_hours: float
    owned_usd_per_hour: float
    effective_usd_per_hour: float


def annuity_usd_per_month(
    principal_usd: float, *, rate_frac: float, horizon_months: float, residual_usd: float = 0.0
) -> float:
    """The equal monthly payment that repays `principal_usd` down to `residual_usd` at the end.

    payment = (principal - residual x (1+r)^-n) x r / (1 - (1+r)^-n), with r the yearly rate over 12, or
    (principal - residual) / n when money costs nothing.

    >>> round(annuity_usd_per_month(30_000, rate_frac=0.10, horizon_months=36), 2)
    968.02
    """
    checks = Checks().positive(principal_usd=principal_usd, horizon_months=horizon_months)
    checks.fraction(rate_frac=rate_frac).non_negative(residual_usd=residual_usd).done()
    monthly = rate_frac / MONTHS_PER_YEAR
    if monthly * horizon_months < 1e-9:  # below this the closed form loses more digits than interest adds
        return (principal_usd - residual_usd) / horizon_months
    growth = -horizon_months * math.log1p(monthly)
    repaid_frac = -math.expm1(growth)  # 1 - discount, without losing the digits of a small rate
    return (principal_usd - residual_usd * math.exp(growth)) * monthly / repaid_frac


def on_prem_cost(machine: OnPrem) -> OnPremCost:
    """The cost of an hour of an owned accelerator, with its terms.

    Source: the article, section 2, with its electricity recomputed: 0.7 kW for 26,280 hours at 0.10 USD.

    >>> article = OnPrem(purchase_usd=30_000, device_watts=700, electricity_usd_per_kwh=0.10,
    ...                  horizon_years=3, utilisation_frac=0.9, hosting_usd_per_year=5_000 / 3)
    >>> cost = on_prem_cost(article)
    >>> round(cost.total_usd, 2), round(cost.effective_usd_per_hour, 2)
    (36839.6, 1.56)
    """
    owned_hours = machine.horizon_years * HOURS_PER_YEAR
    used_hours = owned_hours * machine.utilisation_frac
    upfront_usd = machine.purchase_usd + machine.host_usd
    resale_usd = machine.purchase_usd * machine.resale_frac
    capital_usd = _interest_usd(machine, upfront_usd, resale_usd)
    energy_kwh = _mean_kilowatts(machine) * owned_hours
    electricity_usd = energy_kwh * machine.electricity_usd_per_kwh
    hosting_usd = machine.hosting_usd_per_year * machine.horizon_years
    staff_usd = machine.staff_usd_per_year * machine.horizon_years
    total_usd = upfront_usd + capital_usd - resale_usd + electricity_usd + hosting_usd + staff_usd
    return OnPremCost(
        upfront_usd=upfront_usd,
        capital_usd=capital_usd,
        resale_usd=resale_usd,
        energy_kwh=energy_kwh,
        electricity_usd=electricity_usd,
        hosting_usd=hosting_usd,
        staff_usd=staff_usd,
        total_usd=total_usd,
        owned_hours=owned_hours,
        used_hours=used_hours,
        owned_usd_per_hour=total_usd / owned_hours,
        effective_usd_per_hour=total_usd / used_hours,
    )


def on_prem_curve(machine: OnPrem, utilisations: Sequence[float]) -> tuple[OnPremCost, ...]:
    """The same machine at each utilisation (0..1) of `utilisations`, in that order."""
    return tuple(on_prem_cost(replace(machine, utilisation_frac=each)) for each in utilisations)


def break_even_utilisation_frac(machine: OnPrem, *, rental_usd_per_hour: float) -> float | None:
    """The utilisation above which owning beats renting by the used hour; None when it never does.

    Total cost is affine in utilisation u (idle hours draw less power), so the equation
    (fixed + slope x u) / (hours x u) = rent is solved exactly; the machine's own utilisation is ignored.
    """
    Checks().positive(rental_usd_per_hour=rental_usd_per_hour).done()
    busy = on_prem_cost(replace(machine, utilisation_frac=1.0))
    at_half = on_prem_cost(replace(machine, utilisation_frac=0.5))
    slope_usd = 2.0 * (busy.total_usd - at_half.total_usd)
    fixed_usd = busy.total_usd - slope_usd
    margin_usd = rental_usd_per_hour * busy.owned_hours - slope_usd
    if margin_usd <= 0 or fixed_usd > margin_usd:
        return None
    return max(fixed_usd, 0.0) / margin_usd


def _interest_usd(machine: OnPrem, upfront_usd: float, resale_usd: float) -> float:
    """What the payments of an annuity add to the price less the resale."""
    months = machine.horizon_years * MONTHS_PER_YEAR
    payment = annuity_usd_per_month(
        upfront_usd, rate_frac=machine.capital_cost_frac, horizon_months=months, residual_usd=resale_usd
    )
    return payment * months - (upfront_usd - resale_usd)


def _mean_kilowatts(machine: OnPrem) -> float:
    """Mean power at the meter of the building, kW."""
    duty = machine.utilisation_frac + (1.0 - machine.utilisation_frac) * machine.idle_draw_frac
    return (machine.device_watts + machine.host_watts) * duty * machine.pue_factor / 1000.0
