"""A replay window by window: equal to the unsharded one to the bit, and in shards the same wherever they run."""

import math
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from tokonomics.errors import InputError, TokonomicsError
from tokonomics.simulation import shard as shard_module
from tokonomics.simulation.ask import build_case, replay
from tokonomics.simulation.fleet import simulate_fleet
from tokonomics.simulation.long_replay import LongReplay, answer, put_together
from tokonomics.simulation.many import spread
from tokonomics.simulation.requests import Requests
from tokonomics.simulation.shard import run_shard, shards_of
from tokonomics.simulation.shard_runs import ShardRun, longest_first, make_shard
from tokonomics.simulation.sketch import ERROR_FRAC, FIRST_KEY, NUM_BINS, bin_of, merged, quantile_s, sketch_of
from tokonomics.simulation.stream import begin_stream, end_stream, serve_window
from tokonomics.simulation.windows import TraceWindows, mix_windows, sample_of
from tokonomics.workload.client_mix import ClientMix, client_mix_trace, mix_seed
from tokonomics.workload.scenario import Scenario
from tokonomics.workload.scenario_simulation import SimulationSpec
from tokonomics.workload.trace import Trace

DAY = date(2026, 11, 23)
NUM_WINDOWS = 12


def clock():
    return 0.0


def mix(requests=240.0, num_windows=NUM_WINDOWS):
    """Three clients, one of them bursty and one silent in every third window, in windows of 60 s."""
    counts = np.tile([requests / 2, requests / 3, requests / 6], num_windows).reshape(-1, 3)
    counts[::3, 2] = 0.0
    rng = np.random.default_rng(5)
    return ClientMix(
        name="made",
        window_s=60.0,
        offsets=np.arange(num_windows + 1) * 3,
        client_ids=np.tile([7, 40, 900], num_windows),
        window_requests=counts.ravel(),
        gaps_cv=np.tile([1.0, 3.0, 0.5], num_windows),
        is_weibull=np.tile([False, True, False], num_windows),
        span_input_tokens=rng.integers(20, 1500, (2, 64)).astype(float),
        span_output_tokens=rng.integers(1, 300, (2, 64)).astype(float),
        span_of_window=np.minimum(np.arange(num_windows) // 6, 1),
    )


def windows(**changes):
    return mix_windows(
        mix(), 11, **{"scale": 1.0, "num_windows": NUM_WINDOWS, "rate_ratio": 1.0, "num_repeats": 1, **changes}
    )


def case_of(made=None, **changes):
    """A case whose traffic is the windows `made`."""
    shards = {name: changes.pop(name) for name in ("shard_hours", "warm_up_s") if name in changes}
    slo = changes.pop("slo", "ttft_p95=0.2s,itl_p99=30ms,e2e_mean=5s")
    case = build_case(
        Scenario.from_dict(
            {
                "models": ["llama-3.1-8b"],
                "gpus": ["h100-sxm"],
                "num_gpus": [1],
                "slo": slo,
                "traffic": {"preset": "chat", "requests_per_s": 1.0},
                "simulation": {"span_s": 30.0, "gpu_usd_per_hour": 2.0, "num_replicas": 2, **changes},
            }
        ),
        today=DAY,
    )
    split = case.scenario.model_copy(update={"simulation": case.spec.model_copy(update=shards)})
    case = replace(case, scenario=split)
    made = windows() if made is None else made
    sample = sample_of(made) if hasattr(made, "mix") else made.trace
    fleet = replace(case.fleet, expected_output_tokens=float(sample.output_tokens.mean()))
    return replace(case, fleet=fleet, demand=replace(case.demand, trace=sample, windows=made))


def all_requests(made):
    parts = [one for window in range(made.edges_s.size - 1) if (one := made.make(window)) is not None]
    names = ("arrival_s", "input_tokens", "output_tokens", "class_index")
    return Requests(**{name: np.concatenate([getattr(one, name) for one in parts]) for name in names})


def streamed(made, fleet, *, seed=0):
    """What a stream told of every request, by arrival, and its accounts."""
    told, stream = [], None
    for window in range(made.edges_s.size - 1):
        requests = made.make(window)
        if requests is None:
            continue
        stream = stream or begin_stream(requests, fleet, rng=np.random.default_rng(seed))
        before = stream.last
        served = serve_window(stream, requests)
        told.append(_final(served, first=0 if before is None else 1))
    live = stream.last.live
    served, accounts = end_stream(stream)
    told.append({name: column[live] for name, column in _columns(served).items()})
    joined = {name: np.concatenate([one[name] for one in told]) for name in told[0]}
    order = np.argsort(joined["arrival_s"], kind="stable")
    return {name: column[order] for name, column in joined.items()}, accounts, stream.now_s


def _columns(served):
    rows = served.machine.requests
    return {
        "arrival_s": served.load.arrival_s,
        "scheduled_s": served.told.scheduled_s,
        "first_token_s": served.told.first_token_s,
        "finish_s": served.told.finish_s,
        "status": served.told.status,
        "num_preemptions": rows["preemptions"],
        "num_losses": rows["losses"],
    }


def _final(served, *, first):
    done = np.ones(served.told.status.size, dtype=bool)
    done[served.live] = False
    done[:first] = False
    return {name: column[done] for name, column in _columns(served).items()}


FLEETS = {
    "plain": {},
    "one busy replica": {"num_replicas": 1},
    "round robin": {"router": "round_robin", "num_replicas": 3},
    "shortest wait": {"router": "shortest_predicted_wait", "num_replicas": 3},
    "prefill first": {"batching": "prefill_first"},
    "few sequences": {"max_sequences": 8, "step_budget_tokens": 256},
    "speculative": {"num_draft_tokens": 2, "acceptance_frac": 0.6, "draft_cost_ratio": 0.1},
    "rejecting": {"num_replicas": 1, "max_sequences": 4, "max_queued_requests": 3},
    "pools": {"num_prefill_replicas": 1, "kv_transfer_latency_s": 0.4},
    "autoscaled": {"num_replicas": 1, "autoscale_requests": 3.0, "max_replicas": 4, "load_s": 20.0},
    "planned": {"capacity_plan": "0.05=3,0.1=1", "load_s": 7.0},
    "spot": {"spot_life_hours": 0.02, "spot_notice_s": 5.0, "load_s": 3.0, "keep_tokens": True},
    "failing": {"failure_hours": 0.02, "num_replicas": 3, "load_s": 3.0},
}


@pytest.mark.parametrize("changes", FLEETS.values(), ids=FLEETS.keys())
def test_windows_give_what_one_piece_gives_to_the_bit(changes):
    made = windows()
    case = case_of(made, **changes)
    whole = simulate_fleet(all_requests(made), case.fleet, rng=np.random.default_rng(0))
    told, accounts, end_s = streamed(made, case.fleet)
    assert told["status"].size == whole.status.size
    is_cut = whole.status == 1
    np.testing.assert_array_equal(told["status"][~is_cut], whole.status[~is_cut])
    for name in ("scheduled_s", "first_token_s", "finish_s", "num_preemptions", "num_losses"):
        np.testing.assert_array_equal(told[name], getattr(whole, name), err_msg=name)
    for name in (
        "decode_s",
        "prefill_s",
        "idle_s",
        "loading_s",
        "lost_s",
        "leased_s",
        "billed_s",
        "num_steps",
        "num_done",
    ):
        np.testing.assert_array_equal(getattr(accounts, name), getattr(whole.accounts, name), err_msg=name)
    assert end_s == whole.end_s


def test_preempted_requests_are_carried():
    """A cache of few blocks preempts all the time, across windows too."""
    made = windows()
    case = case_of(made, num_replicas=1)
    (one,) = case.fleet.replicas
    tight = replace(one, options=replace(one.options, num_kv_blocks=140, watermark_frac=0.0))
    fleet = replace(case.fleet, replicas=(tight,))
    whole = simulate_fleet(all_requests(made), fleet, rng=np.random.default_rng(0))
    told, _, _ = streamed(made, fleet)
    assert whole.num_preemptions.sum() > 100
    np.testing.assert_array_equal(told["finish_s"], whole.finish_s)
    np.testing.assert_array_equal(told["num_preemptions"], whole.num_preemptions)
    assert stream_carried(made, fleet) > 20


def stream_carried(made, fleet):
    stream, most = None, 0
    for window in range(made.edges_s.size - 1):
        requests = made.make(window)
        stream = stream or begin_stream(requests, fleet, rng=np.random.default_rng(0))
        serve_window(stream, requests)
        most = max(most, stream.num_in_system)
    return most


def test_a_stream_needs_an_expected_output_and_no_prefix_blocks():
    made = windows()
    fleet = replace(case_of(made).fleet, expected_output_tokens=None)
    with pytest.raises(InputError, match="expected_output_tokens is missing"):
        begin_stream(made.make(0), fleet, rng=np.random.default_rng(0))


class TestNumbers:
    """The sums of a long replay against those of the same requests held at once."""

    def both(self, **changes):
        made = windows()
        case = case_of(made, **changes)
        long = answer(case, clock=clock)
        requests = all_requests(made)
        trace = Trace(
            name="made",
            format="test",
            input_tokens=requests.input_tokens.astype(float),
            output_tokens=requests.output_tokens.astype(float),
            arrivals_s=requests.arrival_s,
            client_ids=np.array([7, 40, 900])[requests.class_index],
        )
        held = replace(case, demand=replace(case.demand, trace=trace, windows=None))
        return long, replay(held, clock=clock)

    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"max_output_tokens": 100},
            {"num_replicas": 1, "max_sequences": 4, "max_queued_requests": 3},
            {"autoscale_requests": 3.0, "max_replicas": 4, "load_s": 20.0, "billing_increment_s": 60.0},
            {
                "num_replicas": 1,
                "max_sequences": 4,
                "overflow": "together/meta-llama/Llama-3.3-70B-Instruct-Turbo",
                "overflow_ttft_s": 0.05,
                "api_ttft_s": 0.4,
                "api_itl_s": 0.01,
            },
        ],
        ids=["plain", "cut", "rejecting", "autoscaled", "overflowing"],
    )
    def test_equal_those_of_one_piece(self, changes):
        long, held = self.both(**changes)
        assert isinstance(long, LongReplay)
        for name in (
            "num_requests", "num_by_status", "output_by_status", "input_tokens", "output_tokens", "num_preemptions",
            "num_losses",
        ):  # fmt: skip
            assert getattr(long.summary, name) == getattr(held.summary, name), name
        for name in (
            "goodput_frac", "overflow_frac", "cached_input_frac", "span_s", "mean_batch_sequences", "mean_kv_tokens",
        ):  # fmt: skip
            assert getattr(long.summary, name) == pytest.approx(getattr(held.summary, name), rel=1e-12), name
        for metric in ("ttft", "itl", "e2e"):
            mine, theirs = (getattr(one.summary, metric) for one in (long, held))
            assert mine.mean_s == pytest.approx(theirs.mean_s, rel=1e-9)
            value_s = held.latency.metric_s(metric)
            value_s = np.sort(value_s[np.isfinite(value_s)])
            for share, got in ((0.5, mine.p50_s), (0.95, mine.p95_s), (0.99, mine.p99_s)):
                at = value_s[math.floor(share * (value_s.size - 1))]
                assert got == pytest.approx(at, rel=ERROR_FRAC * 1.01)
        assert asdict(long.work) == pytest.approx(asdict(held.work), rel=1e-12)
        assert long.money.gpu_time == held.money.gpu_time
        assert long.money.usd == pytest.approx(held.money.usd, rel=1e-12)
        assert long.money.usd_per_mtok.allocation.blended_usd_per_mtok == pytest.approx(
            held.money.usd_per_mtok.allocation.blended_usd_per_mtok, rel=1e-12
        )
        assert long.money.usd_per_useful_mtok == pytest.approx(held.money.usd_per_useful_mtok, rel=1e-12)
        assert [one.class_index for one in long.money.classes] == [7, 40, 900]
        for mine, theirs in zip(long.money.classes, held.money.classes, strict=True):
            assert (mine.num_requests, mine.output_tokens) == (theirs.num_requests, theirs.output_tokens)
            assert (mine.fleet_usd, mine.api_usd) == pytest.approx((theirs.fleet_usd, theirs.api_usd), rel=1e-9)
        for mine, theirs in zip(long.hours, held.hours, strict=True):
            assert (mine.hour_of_week, mine.num_requests) == (theirs.hour_of_week, theirs.num_requests)
            assert (mine.fleet_usd, mine.api_usd) == pytest.approx((theirs.fleet_usd, theirs.api_usd), rel=1e-3)
        assert long.num_asked == held.num_asked
        assert not long.is_partial

    def test_the_time_line_adds_up(self):
        long, held = self.both()
        line = long.timeline
        assert line.start_s.tolist() == [60.0 * at for at in range(NUM_WINDOWS)]
        assert (line.requests_per_s * line.window_s).sum() == pytest.approx(held.summary.num_requests)
        waited_s = (held.result.scheduled_s - held.requests.arrival_s).sum()
        assert (line.queued_requests * line.window_s).sum() == pytest.approx(waited_s, rel=1e-9)
        tail = held.money.gpu_time.leased_s / 2 - 60.0 * NUM_WINDOWS
        sequences = (line.batch_sequences * line.window_s).sum()
        assert sequences == pytest.approx(float(held.result.accounts.sequence_seconds.sum()), rel=0.02)
        assert tail < 10.0


class TestShards:
    """Shards begin warm, count every request once, and give the same bits in any process."""

    def run(self, case, jobs_order=None):
        shards = shards_of(case)
        order = list(range(len(shards))) if jobs_order is None else jobs_order
        made = {at: run_shard(case, shards[at], clock=clock) for at in order}
        return put_together(case, [made.get(at) for at in range(len(shards))])

    def case(self, **changes):
        return case_of(**{"shard_hours": 3 / 60, "warm_up_s": 60.0, **changes})

    def test_they_cover_the_windows(self):
        shards = shards_of(self.case())
        assert [(one.begin, one.end, one.warm_from) for one in shards] == [(0, 3, 0), (3, 6, 2), (6, 9, 5), (9, 12, 8)]

    def test_every_request_is_counted_once_and_nearly_as_in_one_piece(self):
        parts, whole = self.run(self.case()), answer(case_of(), clock=clock)
        assert parts.num_shards == 4
        assert parts.summary.num_requests == whole.summary.num_requests
        assert parts.summary.output_tokens == whole.summary.output_tokens
        assert parts.summary.span_s == pytest.approx(whole.summary.span_s, rel=1e-12)
        assert parts.money.usd == pytest.approx(whole.money.usd, rel=1e-9)
        assert parts.summary.e2e.mean_s == pytest.approx(whole.summary.e2e.mean_s, rel=1e-3)
        assert parts.money.gpu_time.busy_s == pytest.approx(whole.money.gpu_time.busy_s, rel=1e-3)
        assert parts.worst_seam_frac <= 0.25

    def test_any_order_gives_the_same_bits(self):
        case = self.case()
        one, other = self.run(case), self.run(case, [3, 1, 0, 2])
        assert (one.summary, one.money, one.hours) == (other.summary, other.money, other.hours)

    def test_a_shard_that_is_not_made_leaves_a_partial_replay(self):
        case = self.case()
        shards = shards_of(case)
        results = [run_shard(case, one, clock=clock) for one in shards[:2]]
        part = put_together(case, [*results, None, None])
        assert part.is_partial
        assert part.summary.num_requests == sum(one.num_requests for one in results) < part.num_asked
        with pytest.raises(TokonomicsError, match="ended before"):
            put_together(case, [None] * 4)

    def test_a_fleet_that_changes_is_not_cut(self):
        with pytest.raises(InputError, match="a fleet that changes"):
            shards_of(self.case(autoscale_requests=3.0))

    def test_an_unwarmed_fleet_shows_at_the_seam(self):
        """The check can fail: shards that begin empty beside a queue of minutes do not fit together."""
        changes = {"num_replicas": 1, "max_sequences": 2}
        parts = self.run(self.case(**changes))
        assert parts.worst_seam_frac > 0.4


def test_interrupted_it_serves_what_has_arrived():
    case = case_of()
    seen = []

    def watch(num_done, num_all):
        seen.append((num_done, num_all))
        return len(seen) < 4

    one = answer(case, clock=clock, watch=watch)
    assert one.is_partial
    first_four = sum(case.demand.windows.make(at).num_requests for at in range(4))
    assert one.summary.num_requests == first_four < one.num_asked
    assert one.summary.num_by_status["done"] == first_four
    assert seen[-1][0] == first_four


def test_a_request_too_long_is_named_by_its_window(monkeypatch):
    case = case_of()
    (one,) = case.fleet.replicas
    small = replace(one, options=replace(one.options, num_kv_blocks=60))
    with pytest.raises(InputError, match="made, window 0, by arrival request"):
        run_shard(replace(case, fleet=replace(case.fleet, replicas=(small,))), shards_of(case)[0], clock=clock)


class TestWindows:
    """Windows of a mix are those of its trace, and plays of a trace those of one long trace."""

    def test_a_mix_gives_its_trace(self):
        rng = np.random.default_rng(3)
        trace = client_mix_trace(mix(), np.random.default_rng(3))
        made = mix_windows(mix(), mix_seed(rng), scale=1.0, num_windows=NUM_WINDOWS, rate_ratio=1.0, num_repeats=1)
        joined = all_requests(made)
        np.testing.assert_array_equal(joined.arrival_s, trace.arrivals_s)
        np.testing.assert_array_equal(joined.input_tokens, trace.input_tokens)
        np.testing.assert_array_equal(made.class_ids[joined.class_index], trace.client_ids)

    def test_a_window_is_the_same_alone(self):
        one, other = windows().make(7), windows().make(7)
        np.testing.assert_array_equal(one.arrival_s, other.arrival_s)
        edges_s = windows().edges_s
        assert edges_s[7] <= one.arrival_s[0] <= one.arrival_s[-1] <= edges_s[8]

    def test_replications_differ(self):
        one, other = windows().make(2), windows().make(2, replication=1)
        assert one.num_requests != other.num_requests or (one.arrival_s != other.arrival_s).any()

    def test_faster_and_repeated(self):
        plain, fast = windows(), windows(rate_ratio=2.0, num_repeats=3)
        assert fast.expected_requests == 3 * plain.expected_requests
        assert fast.edges_s[-1] == 1.5 * plain.edges_s[-1]
        assert fast.expected_part_requests(NUM_WINDOWS + 3, 2 * NUM_WINDOWS + 3) == pytest.approx(
            plain.expected_requests
        )
        np.testing.assert_allclose(
            fast.make(NUM_WINDOWS + 4).arrival_s, plain.make(4).arrival_s / 2 + 6 * 60, rtol=1e-12
        )

    def test_plays_of_a_trace_are_one_long_trace(self):
        rng = np.random.default_rng(1)
        trace = Trace(
            name="short",
            format="test",
            input_tokens=rng.integers(10, 900, 500).astype(float),
            output_tokens=rng.integers(1, 90, 500).astype(float),
            arrivals_s=np.sort(rng.random(500) * 60.0),
        )
        made = TraceWindows(trace=trace, rate_ratio=1.5, num_repeats=1000)
        assert made.plays_per_window == 400
        assert np.diff(made.edges_s)[-1] == pytest.approx(np.diff(made.edges_s)[0] / 2)
        from tokonomics.simulation.requests import requests_from_trace

        held = requests_from_trace(trace, rate_ratio=1.5, num_repeats=1000)
        parts = [made.make(at) for at in range(3)]
        np.testing.assert_array_equal(np.concatenate([one.arrival_s for one in parts]), held.arrival_s)
        np.testing.assert_array_equal(np.concatenate([one.input_tokens for one in parts]), held.input_tokens)
        assert made.expected_requests == held.num_requests
        assert [made.expected_part_requests(at, at + 1) for at in range(3)] == [one.num_requests for one in parts]

    def test_the_sample_has_the_lengths_and_the_longest(self):
        made = windows()
        sample, joined = sample_of(made), all_requests(made)
        assert sample.output_tokens.mean() == pytest.approx(joined.output_tokens.mean(), rel=0.05)
        tables = made.mix
        longest = tables.span_input_tokens.max() + tables.span_output_tokens.max()
        assert (sample.input_tokens + sample.output_tokens).max() == longest


class TestSketch:
    """The compiled bins are the library's, and its error bound holds."""

    def test_keys_are_those_of_the_library(self):
        mapping = sketch_of(np.zeros(NUM_BINS, dtype=np.int64))._mapping
        for value in np.random.default_rng(2).lognormal(-2.0, 4.0, 3000).tolist():
            assert bin_of(value) + FIRST_KEY == mapping.key(value)

    def test_percentiles_within_the_bound_and_merged_in_any_order(self):
        value_s = np.random.default_rng(4).lognormal(-2.0, 2.0, 30_000)
        parts = [
            sketch_of(np.bincount([bin_of(one) for one in part], minlength=NUM_BINS))
            for part in np.array_split(value_s, 5)
        ]
        one, other = merged(parts), merged(parts[::-1])
        for share in (0.01, 0.5, 0.95, 0.999):
            exact = np.sort(value_s)[math.floor(share * (value_s.size - 1))]
            assert quantile_s(one, share) == pytest.approx(exact, rel=ERROR_FRAC * 1.0001)
            assert quantile_s(one, share) == quantile_s(other, share)

    def test_nothing_and_next_to_nothing(self):
        assert quantile_s(sketch_of(np.zeros(NUM_BINS, dtype=np.int64)), 0.5) is None
        assert bin_of(0.0) == 0
        assert bin_of(1e30) == NUM_BINS - 1


def test_shard_hours_of_a_scenario():
    assert SimulationSpec.model_validate({}).shard_hours is None
    scenario = {
        "models": ["llama-3.1-8b"],
        "gpus": ["h100-sxm"],
        "traffic": {"preset": "chat", "requests_per_s": 1.0},
        "simulation": {"span_s": 30.0, "shard_hours": 1.0},
    }
    with pytest.raises(InputError, match="held at once"):
        build_case(Scenario.from_dict(scenario), today=DAY)


def test_the_longest_part_begins_first():
    """Windows without their silent client are the shorter ones."""
    case = case_of(shard_hours=1.0 / 60.0)
    shards = shards_of(case)
    order = longest_first(case, shards)
    assert sorted(order) == list(range(NUM_WINDOWS))
    assert order[-4:] == [0, 3, 6, 9]
    assert order[:8] == [1, 2, 4, 5, 7, 8, 10, 11]


def test_the_shards_of_a_real_table_over_processes(scenario_in_parts):
    """Two processes give the bits of one, by way of the scenario alone."""
    scenario = Scenario.from_dict(scenario_in_parts)
    case = build_case(scenario, today=DAY)
    runs = [ShardRun(scenario=scenario, today=DAY, shard=one, clock=clock) for one in shards_of(case)]
    here = put_together(case, spread(make_shard, runs))
    there = put_together(case, spread(make_shard, runs, num_jobs=2))
    assert (here.summary, here.money, here.hours) == (there.summary, there.money, there.hours)
    assert shard_module.windows_of(case).name == Path(scenario.traffic.trace).name
