"""Where every GPU-second, every dollar and every window of a replay went."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal

import numpy as np
import pytest

from tokonomics.catalog.api_price import ApiPrice
from tokonomics.catalog.load import load_catalog
from tokonomics.catalog.price_book import PriceBook, price_layer
from tokonomics.catalog.rates import Rates
from tokonomics.catalog.token_usage import TokenUsage
from tokonomics.errors import MissingFact, UnknownName
from tokonomics.physics.deployment import deployment
from tokonomics.simulation.api_bill import api_bill
from tokonomics.simulation.ask import build_case, replay
from tokonomics.simulation.fleet_price import FleetPrice, fleet_price
from tokonomics.simulation.hours import hours_of_week
from tokonomics.simulation.money import account_money, fleet_bill, gpu_time
from tokonomics.simulation.state import OVERFLOWED
from tokonomics.simulation.summary import is_good, request_latency, spread
from tokonomics.simulation.timeline import timeline
from tokonomics.workload.scenario import Scenario
from tokonomics.workload.slo import Slo, parse_slo

DAY = date(2026, 11, 23)
BEGIN = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)


def scenario(**simulation):
    top = {name: simulation.pop(name) for name in ("slo", "gpus", "owned", "regions") if name in simulation}
    traffic = {"preset": "chat", "requests_per_s": 8.0}
    block = {"span_s": 60.0, "gpu_usd_per_hour": 3.0, **simulation}
    return Scenario.from_dict(
        {"models": ["llama-3.1-8b"], "gpus": ["h100-sxm"], "traffic": traffic, "simulation": block, **top}
    )


def replayed(**simulation):
    case = build_case(scenario(**simulation), today=DAY)
    return case, replay(case, clock=lambda: 0.0)


def priced(*prices):
    """The catalogue with `prices` over its own."""
    catalog = load_catalog()
    return replace(catalog, price_book=PriceBook(layers=(price_layer("test", prices), *catalog.price_book.layers)))


TIERED = ApiPrice(
    provider="acme", model="m", input_usd_per_mtok=Decimal(1), output_usd_per_mtok=Decimal(4),
    cached_input_usd_per_mtok=Decimal("0.5"), source="test",
    tiers=(Rates(input_usd_per_mtok=Decimal(2), output_usd_per_mtok=Decimal(8), above_input_tokens=1000),),
    windows=(
        Rates(input_usd_per_mtok=Decimal("0.1"), output_usd_per_mtok=Decimal("0.4"), utc_from=time(23), utc_to=time(1)),
    ),
)  # fmt: skip


def bill(catalog, arrival_s, inputs, outputs, **more):
    return api_bill(
        catalog, "acme/m", input_tokens=np.asarray(inputs), output_tokens=np.asarray(outputs),
        arrival_s=np.asarray(arrival_s, dtype=float), start_at=BEGIN, **more,
    )  # fmt: skip


class TestApiBill:
    def test_it_is_what_the_price_book_says_of_each_request(self):
        rng = np.random.default_rng(3)
        arrival_s = np.sort(rng.uniform(0, 40 * 3600, 300))
        inputs, outputs = rng.integers(1, 3000, 300), rng.integers(1, 500, 300)
        found = bill(priced(TIERED), arrival_s, inputs, outputs)
        for k in range(300):
            at = datetime.fromtimestamp(BEGIN.timestamp() + arrival_s[k], tz=UTC)
            usage = TokenUsage(input_uncached=int(inputs[k]), output_text=int(outputs[k]))
            expected = TIERED.cost_usd(usage, at=at)
            assert found.input_usd[k] + found.output_usd[k] == pytest.approx(float(expected), rel=1e-12)

    def test_the_hour_decides(self):
        found = bill(priced(TIERED), [0.0, 3600.0, 3 * 3600.0 - 1, 3 * 3600.0], [100] * 4, [0] * 4)
        np.testing.assert_allclose(found.input_usd * 1e6 / 100, [1.0, 0.1, 0.1, 1.0])

    def test_the_day_decides(self):
        later = replace(TIERED, input_usd_per_mtok=Decimal(7), windows=(), effective_from=date(2026, 11, 24))
        found = bill(priced(TIERED, later), [0.0, 2 * 3600.0], [100] * 2, [0] * 2)
        np.testing.assert_allclose(found.input_usd * 1e6 / 100, [1.0, 7.0])

    def test_the_cached_share_is_read_at_its_rate(self):
        found = bill(priced(TIERED), [0.0], [100], [0], cached_input_frac=0.4)
        assert found.total_usd * 1e6 == pytest.approx(100 * (0.6 + 0.4 * 0.5))

    def test_nothing_costs_nothing(self):
        assert bill(priced(TIERED), [], [], []).total_usd == 0.0

    def test_an_unpriced_part_is_a_missing_fact(self):
        with pytest.raises(MissingFact, match="no list price for output"):
            bill(priced(replace(TIERED, output_usd_per_mtok=None, tiers=(), windows=())), [0.0], [1], [1])

    def test_an_unknown_name_is_one(self):
        with pytest.raises(UnknownName):
            api_bill(
                load_catalog(), "acme/none", input_tokens=np.array([1]), output_tokens=np.array([1]),
                arrival_s=np.array([0.0]), start_at=BEGIN,
            )  # fmt: skip


class TestGpuTime:
    @pytest.mark.parametrize(
        "life",
        [
            {},
            {"num_replicas": 3},
            {"autoscale_requests": 2.0, "load_s": 4.0, "autoscale_interval_s": 2.0, "billing_increment_s": 60.0},
            {"num_replicas": 2, "spot_life_hours": 0.005, "spot_notice_s": 1.0, "load_s": 2.0},
            {"num_replicas": 2, "failure_hours": 0.005, "load_s": 2.0, "keep_tokens": True},
            {"capacity_plan": "0=1,0.01=3", "load_s": 3.0, "min_billed_s": 30.0},
        ],
        ids=str,
    )
    def test_parts_sum_to_what_is_leased(self, life):
        _case, one = replayed(**life)
        time = one.money.gpu_time
        parts = time.prefill_s + time.decode_s + time.idle_s + time.loading_s + time.lost_s
        assert parts == pytest.approx(time.leased_s, rel=1e-9)
        assert time.billed_s >= time.leased_s * (1 - 1e-12)
        assert min(time.prefill_s, time.decode_s, time.idle_s, time.loading_s, time.lost_s) >= 0
        assert one.money.usd == pytest.approx(time.billed_s / 3600 * 3.0)

    def test_a_fixed_fleet_leases_wall_times_gpus(self):
        _case, one = replayed(num_replicas=3)
        assert one.money.gpu_time.leased_s == pytest.approx(one.summary.span_s * 3, rel=1e-9)
        twice = gpu_time(one.result.accounts, gpus_per_replica=2)
        assert twice.leased_s == pytest.approx(2 * one.money.gpu_time.leased_s)

    def test_loading_and_losses_cost(self):
        _, plain = replayed(num_replicas=2)
        _, lossy = replayed(num_replicas=2, spot_life_hours=0.003, spot_notice_s=0.0, load_s=5.0)
        assert plain.money.gpu_time.loading_s == plain.money.gpu_time.lost_s == 0
        assert lossy.money.gpu_time.loading_s > 0
        assert lossy.money.gpu_time.lost_s > 0


class TestMoney:
    def test_input_and_output_add_up_to_the_bill(self):
        _case, one = replayed(overflow="openai/gpt-4o", overflow_ttft_s=0.02)
        money, tokens = one.money, one.summary
        assert money.api_usd > 0
        for basis, fleet_usd in (("allocation", money.fleet_usd), ("usage", money.used_usd)):
            cost = getattr(money.usd_per_mtok, basis)
            total = cost.input_usd_per_mtok * tokens.input_tokens + cost.output_usd_per_mtok * tokens.output_tokens
            assert total / 1e6 == pytest.approx(fleet_usd + money.api_usd)
            blended = cost.blended_usd_per_mtok * (tokens.input_tokens + tokens.output_tokens)
            assert blended / 1e6 == pytest.approx(fleet_usd + money.api_usd)

    def test_usage_is_the_share_of_capacity_at_the_listed_price(self):
        """Idle GPUs of a box and idle time are allocation only; more than all of the leases is never used."""
        _case, one = replayed()
        price, time = FleetPrice(usd_per_gpu_hour=4.0, offer_usd_per_gpu_hour=2.0), one.money.gpu_time
        fleet_usd, used_usd = fleet_bill(time, price, 0.25)
        assert fleet_usd == pytest.approx(time.billed_s / 3600 * 4.0)
        assert used_usd == pytest.approx(time.leased_s / 3600 * 0.25 * 2.0)
        assert one.money.used_usd == pytest.approx(time.leased_s / 3600 * one.utilisation.utilisation_frac * 3.0)
        assert one.money.used_usd < 0.5 * one.money.fleet_usd < time.busy_s / 3600 * 3.0
        _, full = replayed(max_sequences=1)
        assert full.utilisation.used_frac <= 1.0

    def test_useful_tokens_cost_more_where_some_miss(self):
        _, easy = replayed(slo="ttft_p95=100s")
        _, hard = replayed(slo="ttft_p95=60ms")
        assert easy.money.usd_per_useful_mtok == pytest.approx(easy.money.usd_per_mtok.allocation.blended_usd_per_mtok)
        assert 0 < hard.summary.goodput_frac < 1
        assert hard.money.usd_per_useful_mtok > easy.money.usd_per_useful_mtok

    def test_unpriced_is_never_zero(self):
        _case, one = replayed()
        money = account_money(
            one.requests, one.result, np.ones(one.requests.num_requests, dtype=bool),
            gpus_per_replica=1, price=FleetPrice(usd_per_gpu_hour=None), used_frac=0.5, bill=None,
        )  # fmt: skip
        assert money.usd is None
        assert money.usd_per_mtok is None
        assert money.usd_per_useful_mtok is None

    def test_classes_share_the_whole_bill(self):
        case, one = replayed(overflow="openai/gpt-4o", overflow_ttft_s=0.02)
        classes = np.arange(one.requests.num_requests) % 3
        requests = replace(one.requests, class_index=classes)
        sent = one.result.status == OVERFLOWED
        fees = api_bill(
            case.catalog, "openai/gpt-4o", input_tokens=requests.input_tokens[sent],
            output_tokens=requests.output_tokens[sent], arrival_s=requests.arrival_s[sent], start_at=BEGIN,
        )  # fmt: skip
        good = np.ones(classes.size, dtype=bool)
        money = account_money(
            requests, one.result, good, gpus_per_replica=1, price=case.price, used_frac=0.5, bill=fees
        )
        assert [part.class_index for part in money.classes] == [0, 1, 2]
        assert sum(part.num_requests for part in money.classes) == classes.size
        assert sum(part.usd for part in money.classes) == pytest.approx(money.usd)
        assert sum(part.output_tokens for part in money.classes) == one.summary.output_tokens


class TestFleetPrice:
    def dep(self, num_gpus=1):
        catalog = load_catalog()
        model, part = catalog.model("llama-3.1-8b"), catalog.accelerator("h100-sxm")
        return deployment(model, part, tensor_parallel=num_gpus)

    def price(self, num_replicas=1, num_gpus=1, **more):
        asked = scenario(gpu_usd_per_hour=None, **more)
        return fleet_price(load_catalog(), asked, self.dep(num_gpus), num_replicas=num_replicas, today=DAY)

    def test_as_stated(self):
        found = fleet_price(load_catalog(), scenario(), self.dep(), num_replicas=1, today=DAY)
        assert (found.usd_per_gpu_hour, found.status) == (3.0, "stated")

    def test_no_box_is_half_paid(self):
        """Two accelerators of a box of eight pay for eight, unless a smaller box costs less."""
        for num_replicas in (1, 2, 3, 8):
            found = self.price(num_replicas)
            assert found.usd_per_gpu_hour >= found.offer_usd_per_gpu_hour
        assert self.price(8).usd_per_gpu_hour <= self.price(1).usd_per_gpu_hour

    def test_nobody_sells_there(self):
        found = self.price(regions=["nowhere"])
        assert found.usd_per_gpu_hour is None
        assert "--usd-per-hour" in found.reason

    def test_owned_stands_before_rented(self):
        found = self.price(owned=[{"gpu": "h100-sxm", "purchase_usd": 30000.0}])
        assert found.provider == "owned"


class TestLatency:
    def test_they_are_what_their_names_say(self):
        _case, one = replayed()
        result, requests = one.result, one.requests
        some = np.flatnonzero(result.output_tokens > 1)[0]
        shown_s = result.first_token_s[some] + result.outside_s[some]
        assert one.latency.ttft_s[some] == pytest.approx(shown_s - requests.arrival_s[some])
        gaps = result.output_tokens[some] - 1
        assert one.latency.itl_s[some] * gaps == pytest.approx(result.finish_s[some] - result.first_token_s[some])
        np.testing.assert_allclose(
            one.latency.e2e_s, one.latency.ttft_s + np.nan_to_num(one.latency.itl_s) * (result.output_tokens - 1)
        )

    def test_one_token_has_no_gap_and_misses_none(self):
        _case, one = replayed(max_output_tokens=1)
        assert np.isnan(one.latency.itl_s).all()
        assert one.summary.itl is None
        assert is_good(one.latency, one.result, parse_slo("itl_p95=1ms")).all()

    def test_goodput_is_by_request(self):
        _case, one = replayed()
        half = float(np.median(one.latency.e2e_s))
        assert is_good(one.latency, one.result, parse_slo(f"e2e_p95={half}s")).mean() == pytest.approx(0.5, abs=0.01)
        assert is_good(one.latency, one.result, Slo(limits=())).all()

    def test_the_api_is_as_stated(self):
        _case, one = replayed(overflow="openai/gpt-4o", overflow_ttft_s=0.02)
        sent = one.result.status == OVERFLOWED
        assert np.isnan(one.latency.e2e_s[sent]).all()
        known = request_latency(one.requests, one.result, api_ttft_s=0.5, api_itl_s=0.01)
        np.testing.assert_allclose(known.e2e_s[sent], 0.5 + 0.01 * (one.requests.output_tokens[sent] - 1))

    def test_nothing_known_has_no_spread(self):
        assert spread(np.array([np.nan])) is None


class TestTimeline:
    def test_its_means_are_those_of_the_account(self):
        _case, one = replayed(num_replicas=2)
        line, accounts = timeline(one.requests, one.result, num_windows=37), one.result.accounts
        span_s = one.summary.span_s
        assert line.batch_sequences.mean() == pytest.approx(accounts.sequence_seconds.sum() / span_s, rel=1e-6)
        busy = accounts.decode_s.sum() + accounts.prefill_s.sum()
        assert line.stepping_frac.mean() == pytest.approx(busy / accounts.leased_s.sum(), rel=1e-6)
        assert line.kv_tokens.mean() == pytest.approx(accounts.kv_token_seconds.sum() / span_s, rel=0.05)
        wait_s = (one.result.scheduled_s - one.requests.arrival_s).sum()
        assert line.queued_requests.mean() == pytest.approx(wait_s / span_s, rel=1e-6)
        assert (line.requests_per_s * line.window_s).sum() == pytest.approx(one.requests.num_requests)

    def test_overflow_shows_when_it_was(self):
        _case, one = replayed(overflow="openai/gpt-4o", overflow_ttft_s=0.02)
        assert 0 < one.timeline.overflow_frac.max() <= 1


class TestHours:
    def test_they_sum_to_the_bill(self):
        for life in ({"num_replicas": 2}, {"autoscale_requests": 2.0, "load_s": 2.0}):
            more = {"overflow": "openai/gpt-4o", "overflow_ttft_s": 0.02, "start_at": "2026-11-22T23:59:30"}
            _, one = replayed(**more, **life)
            assert [hour.hour_of_week for hour in one.hours] == [0, 167]
            assert sum(hour.num_requests for hour in one.hours) == one.requests.num_requests
            assert sum(hour.output_tokens for hour in one.hours) == one.summary.output_tokens
            assert sum(hour.fleet_usd + hour.api_usd for hour in one.hours) == pytest.approx(one.money.usd)

    def test_a_fixed_fleet_pays_by_time(self):
        _, one = replayed(num_replicas=2, start_at="2026-11-22T23:59:30")
        early = next(hour for hour in one.hours if hour.hour_of_week == 167)
        assert early.fleet_usd / one.money.fleet_usd == pytest.approx(30 / one.summary.span_s)

    def test_a_week_later_is_the_same_hour(self):
        begin = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
        assert hours_of_week(np.array([0.0, 7 * 86400.0, 1800.0]), begin).tolist() == [58, 58, 59]
