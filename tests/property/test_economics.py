"""Laws that every money function keeps, whatever the figures."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tokonomics.economics.build_or_buy.break_even import break_even
from tokonomics.economics.build_or_buy.cost_curve import CostCurve, api_curve, monthly_cost
from tokonomics.economics.build_or_buy.volume_bands import volume_bands
from tokonomics.economics.hardware.bundle_tax import Box, bundle_tax, num_boxes
from tokonomics.economics.hardware.hourly_rates import price_spread, reserved_saving
from tokonomics.economics.hardware.on_prem import (
    OnPrem,
    annuity_usd_per_month,
    break_even_utilisation_frac,
    on_prem_cost,
)
from tokonomics.economics.hardware.spot import spot_rate
from tokonomics.economics.tokens.blended import blended_tokens_per_s, blended_usd_per_mtok

law = settings(max_examples=60, deadline=None)

usd = st.floats(0.01, 1e6)
prices = st.floats(0.01, 1000.0)
fractions = st.floats(0.0, 1.0)
shares = st.floats(0.01, 1.0)
factors = st.floats(1.0, 20.0)

machines = st.builds(
    OnPrem,
    purchase_usd=st.floats(100, 1e6),
    device_watts=st.floats(0, 3000),
    electricity_usd_per_kwh=st.floats(0, 1),
    horizon_years=st.floats(0.5, 10),
    utilisation_frac=shares,
    hosting_usd_per_year=st.floats(0, 1e5),
    staff_usd_per_year=st.floats(0, 1e5),
    host_usd=st.floats(0, 1e5),
    host_watts=st.floats(0, 1000),
    pue_factor=st.floats(1, 3),
    idle_draw_frac=fractions,
    capital_cost_frac=st.floats(0, 0.5),
    resale_frac=fractions,
)


@law
@given(machine=machines, more=shares)
def test_on_prem_hour_falls_with_utilisation_and_is_never_negative(machine: OnPrem, more: float) -> None:
    busier = replace(machine, utilisation_frac=max(machine.utilisation_frac, more))
    quiet, busy = on_prem_cost(machine), on_prem_cost(busier)
    assert busy.effective_usd_per_hour <= quiet.effective_usd_per_hour * (1 + 1e-9)
    assert quiet.total_usd > 0
    assert quiet.capital_usd >= -1e-6 * machine.purchase_usd


@law
@given(machine=machines, factor=factors)
def test_on_prem_scales_with_every_price_together(machine: OnPrem, factor: float) -> None:
    names = (
        "purchase_usd",
        "host_usd",
        "electricity_usd_per_kwh",
        "hosting_usd_per_year",
        "staff_usd_per_year",
    )
    dearer = replace(machine, **{name: factor * getattr(machine, name) for name in names})
    left, right = on_prem_cost(dearer).total_usd, factor * on_prem_cost(machine).total_usd
    assert abs(left - right) <= 1e-6 * right


@law
@given(machine=machines, rent=prices)
def test_on_prem_break_even_substitutes_back(machine: OnPrem, rent: float) -> None:
    share = break_even_utilisation_frac(machine, rental_usd_per_hour=rent)
    busy = on_prem_cost(replace(machine, utilisation_frac=1.0)).effective_usd_per_hour
    if share is None:
        assert busy >= rent * (1 - 1e-6)
    elif share > 1e-6:
        cost = on_prem_cost(replace(machine, utilisation_frac=share)).effective_usd_per_hour
        assert abs(cost - rent) <= 1e-6 * rent


@law
@given(principal=usd, rate=fractions, months=st.floats(1, 240), residual=fractions)
def test_annuity_pays_at_least_the_principal_less_the_residual(
    principal: float, rate: float, months: float, residual: float
) -> None:
    payment = annuity_usd_per_month(principal, rate_frac=rate, horizon_months=months, residual_usd=residual * principal)
    assert payment * months >= principal * (1 - residual) - 1e-6 * principal


@law
@given(
    gpus=st.integers(1, 16),
    price=prices,
    replicas=st.integers(1, 40),
    per_replica=st.integers(1, 8),
    extra=factors,
)
def test_bundle_tax_never_bills_less_than_is_used(
    gpus: int, price: float, replicas: int, per_replica: int, extra: float
) -> None:
    per_replica = per_replica if per_replica <= gpus else gpus * per_replica
    tax = bundle_tax(
        Box(name="b", num_gpus=gpus, usd_per_hour=price), num_replicas=replicas, gpus_per_replica=per_replica
    )
    dearer = bundle_tax(
        Box(name="b", num_gpus=gpus, usd_per_hour=price * extra),
        num_replicas=replicas,
        gpus_per_replica=per_replica,
    )
    assert tax.num_billed_gpus >= tax.num_used_gpus
    assert tax.effective_usd_per_hour >= tax.list_usd_per_hour * (1 - 1e-12)
    assert dearer.total_usd_per_hour >= tax.total_usd_per_hour
    assert tax.num_billed_gpus == tax.num_boxes * gpus
    more = num_boxes(num_replicas=replicas + 1, gpus_per_replica=per_replica, gpus_per_box=gpus)
    assert more >= tax.num_boxes


@law
@given(rates=st.dictionaries(st.text(min_size=1, max_size=5), prices, min_size=1, max_size=6))
def test_spread_brackets_every_price(rates: dict[str, float]) -> None:
    spread = price_spread(rates)
    assert all(spread.low_usd_per_hour <= rate <= spread.high_usd_per_hour for rate in rates.values())
    assert 0 <= spread.saving_frac < 1


@law
@given(on_demand=prices, reserved=prices, used=shares)
def test_reservation_is_worthwhile_exactly_above_its_ratio(on_demand: float, reserved: float, used: float) -> None:
    saving = reserved_saving(on_demand_usd_per_hour=on_demand, reserved_usd_per_hour=reserved)
    if abs(used - saving.worthwhile_use_frac) > 1e-9:
        assert (reserved < used * on_demand) == (used > saving.worthwhile_use_frac)


@law
@given(low=prices, width=st.floats(0, 100), rework=st.floats(0, 0.9))
def test_rework_never_makes_spot_cheaper(low: float, width: float, rework: float) -> None:
    spot = spot_rate(low_usd_per_hour=low, high_usd_per_hour=low + width, rework_frac=rework)
    assert spot.midpoint_usd_per_hour is not None
    assert spot.effective_usd_per_hour is not None
    assert low <= spot.midpoint_usd_per_hour <= low + width + 1e-9
    assert spot.effective_usd_per_hour >= spot.midpoint_usd_per_hour


curves = st.builds(
    CostCurve,
    name=st.just("build"),
    fixed_usd_per_month=st.floats(0, 1e5),
    usd_per_mtok=st.floats(0, 20),
    replica_usd_per_month=st.floats(1, 1e5),
    replica_tokens_per_day=st.floats(1e5, 1e9),
    min_replicas=st.integers(0, 4),
    num_spare_replicas=st.integers(0, 3),
    peak_ratio=st.floats(1, 10),
)
lines = st.builds(
    CostCurve, name=st.just("buy"), fixed_usd_per_month=st.floats(0, 1e4), usd_per_mtok=st.floats(0.01, 100)
)
volumes = st.floats(0, 1e11)


def total(curve: CostCurve, volume: float) -> float:
    return monthly_cost(curve, volume_tokens_per_day=volume).total_usd_per_month


@law
@given(price=prices, volume=st.floats(1, 1e11), factor=factors)
def test_api_cost_is_linear_in_volume_and_in_price(price: float, volume: float, factor: float) -> None:
    api = api_curve("api", usd_per_mtok=price)
    assert abs(total(api, factor * volume) - factor * total(api, volume)) <= 1e-9 * total(api, factor * volume)
    dearer = api_curve("api", usd_per_mtok=price * factor)
    assert abs(total(dearer, volume) - factor * total(api, volume)) <= 1e-9 * total(dearer, volume)


@law
@given(curve=curves, low=volumes, high=volumes, factor=factors)
def test_cost_rises_with_volume_and_with_every_price(curve: CostCurve, low: float, high: float, factor: float) -> None:
    low, high = sorted((low, high))
    assert 0 <= total(curve, low) <= total(curve, high)
    for name in ("fixed_usd_per_month", "usd_per_mtok", "replica_usd_per_month"):
        dearer = replace(curve, **{name: factor * getattr(curve, name)})
        assert total(dearer, high) >= total(curve, high)


@law
@given(curve=curves, buy=lines, share=fractions)
def test_break_even_substitutes_back(curve: CostCurve, buy: CostCurve, share: float) -> None:
    point = break_even(curve, buy)
    volume = point.volume_tokens_per_day
    if volume is None:
        assert total(curve, share * 1e12) >= total(buy, share * 1e12) * (1 - 1e-9)
        return
    own, api = total(curve, volume), total(buy, volume)
    assert own <= api * (1 + 1e-9) + 1e-9
    if volume > 0:
        assert abs(own - api) <= 1e-6 * api
        below = volume * share * 0.999
        assert total(curve, below) >= total(buy, below) * (1 - 1e-9)


@law
@given(curve=curves, buy=lines, beyond=st.floats(0, 50))
def test_beyond_the_secure_volume_building_always_wins(curve: CostCurve, buy: CostCurve, beyond: float) -> None:
    secure = break_even(curve, buy).secure_tokens_per_day
    if secure is not None and secure < 1e15:
        volume = secure * (1 + 1e-9) + beyond * (curve.replica_tokens_per_day or 0.0)
        assert total(curve, volume) <= total(buy, volume) * (1 + 1e-9) + 1e-6


@law
@given(curve=curves, buy=lines, share=fractions)
def test_bands_cover_everything_and_name_the_cheapest(curve: CostCurve, buy: CostCurve, share: float) -> None:
    limit = 20 * (curve.replica_tokens_per_day or 0.0)
    bands = volume_bands([buy, curve], up_to_tokens_per_day=limit)
    assert bands[0].low_tokens_per_day == 0
    assert bands[-1].high_tokens_per_day == limit
    for left, right in pairwise(bands):
        assert left.high_tokens_per_day == right.low_tokens_per_day
        assert left.name != right.name
    for band in bands:
        inside = band.low_tokens_per_day + share * (band.high_tokens_per_day - band.low_tokens_per_day)
        if band.low_tokens_per_day < inside:
            chosen = curve if band.name == "build" else buy
            assert total(chosen, inside) <= min(total(curve, inside), total(buy, inside)) * (1 + 1e-6) + 1e-6


@law
@given(one=prices, other=prices, share=fractions)
def test_a_blend_lies_between(one: float, other: float, share: float) -> None:
    low, high = sorted((one, other))
    price = blended_usd_per_mtok(input_usd_per_mtok=one, output_usd_per_mtok=other, input_frac=share)
    rate = blended_tokens_per_s(prefill_tokens_per_s=one, decode_tokens_per_s=other, input_frac=share)
    assert low * (1 - 1e-9) <= price <= high * (1 + 1e-9)
    assert low * (1 - 1e-9) <= rate <= high * (1 + 1e-9)
