import numpy as np
import pytest

from tokonomics.errors import InputError
from tokonomics.workload.arrivals import gap_cv, mean_rate_requests_per_s
from tokonomics.workload.copies import MAX_REQUESTS, checked_num_requests, occurrences
from tokonomics.workload.prefix import BlockHashes, reusable_input_frac
from tokonomics.workload.replay import (
    clock_tick_s,
    merged_trace,
    recorded_arrivals_s,
    repeated_trace,
    rescaled_trace,
    sped_up_trace,
    thinned_trace,
    trace_period_s,
)
from tokonomics.workload.resample import bootstrapped_trace
from tokonomics.workload.trace import Trace, jittered_trace
from tokonomics.workload.traces import read_trace


def rng(seed=1):
    return np.random.default_rng(seed)


def small(**more):
    """Four requests: two sessions of two turns, whose second turn has the first one's blocks."""
    return Trace(
        name="small",
        format="test",
        input_tokens=np.array([10.0, 20.0, 30.0, 40.0]),
        output_tokens=np.array([1.0, 2.0, 3.0, 4.0]),
        arrivals_s=np.array([0.0, 1.0, 2.0, 6.0]),
        block_hashes=BlockHashes(
            offsets=np.array([0, 1, 3, 5, 8]), ids=np.array([0, 5, 6, 0, 1, 5, 6, 7]), tokens_per_block=10
        ),
        session_ids=np.array([0, 1, 0, 1]),
        client_ids=np.array([7, 7, 7, 9]),
        **more,
    )


def bare(arrivals_s):
    ones = np.ones(len(arrivals_s))
    return Trace(
        name="bare",
        format="test",
        input_tokens=ones,
        output_tokens=ones,
        arrivals_s=np.asarray(arrivals_s, dtype=float),
    )


def bursty(num=20_000, cv=4.0, seed=3):
    gaps_s = rng(seed).gamma(cv**-2, cv**2, num)
    arrivals_s = np.cumsum(gaps_s)
    return Trace(
        name="bursty",
        format="test",
        input_tokens=np.arange(1.0, num + 1.0),
        output_tokens=np.full(num, 5.0),
        arrivals_s=arrivals_s - arrivals_s[0],
    )


def test_taking_rows_takes_all_columns():
    taken = small().take(np.array([3, 0]))
    assert taken.input_tokens.tolist() == [40.0, 10.0]
    assert taken.arrivals_s.tolist() == [6.0, 0.0]
    assert taken.session_ids.tolist() == [1, 0]
    assert taken.client_ids.tolist() == [9, 7]
    assert taken.block_hashes.ids.tolist() == [5, 6, 7, 0]
    assert small().take(np.array([0]), np.array([9.0])).arrivals_s.tolist() == [9.0]


class TestSpeed:
    def test_gaps_shrink_alike(self):
        assert sped_up_trace(small(), 2.0).arrivals_s.tolist() == [0.0, 0.5, 1.0, 3.0]

    def test_what_was_done_is_noted(self):
        assert sped_up_trace(small(notes=("first",)), 2.0).notes == ("first", "clock x 2")

    @pytest.mark.parametrize("factor", [0.0, -1.0, np.nan, np.inf, 1e7])
    def test_a_factor_out_of_bounds_is_refused(self, factor):
        with pytest.raises(InputError, match="factor="):
            sped_up_trace(small(), factor)


class TestRepeat:
    def test_the_clock_goes_on_and_keeps_the_rate(self):
        trace = repeated_trace(bare([0.0, 1.0, 2.0]), 3)
        assert trace.arrivals_s.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8]
        assert mean_rate_requests_per_s(repeated_trace(bursty(), 5).arrivals_s) == pytest.approx(1.0, rel=0.05)

    def test_each_play_has_its_own_sessions_and_prefixes(self):
        trace = repeated_trace(small(), 3)
        assert len(set(trace.session_ids.tolist())) == 6
        one = reusable_input_frac(small().block_hashes, small().input_tokens)
        assert reusable_input_frac(trace.block_hashes, trace.input_tokens) == pytest.approx(one)
        assert one > 0

    def test_once_is_the_trace_itself(self):
        trace = small()
        assert repeated_trace(trace, 1) is trace

    @pytest.mark.parametrize("num", [0, -3])
    def test_never_is_refused(self, num):
        with pytest.raises(InputError, match="num_repeats"):
            repeated_trace(small(), num)

    def test_too_often_is_refused_before_the_memory_is_gone(self):
        with pytest.raises(InputError, match="at once"):
            repeated_trace(bursty(), 10**6)


class TestRescale:
    def test_a_request_returns_as_often_as_the_factor_says(self):
        trace = rescaled_trace(bursty(1000), 3.0, rng(), window_s=100.0)
        assert np.bincount(trace.input_tokens.astype(int))[1:].tolist() == [3] * 1000

    def test_windows_keep_their_share(self):
        before, after = bursty(), rescaled_trace(bursty(), 2.0, rng(), window_s=500.0)
        counts = [np.bincount((one.arrivals_s // 500).astype(int)) for one in (before, after)]
        assert counts[1].tolist() == (2 * counts[0]).tolist()

    @pytest.mark.parametrize("factor", [0.2, 0.7, 1.5, 6.0])
    def test_rate_and_burstiness_are_kept(self, factor):
        after = rescaled_trace(bursty(), factor, rng(), window_s=2000.0)
        assert after.num_requests == pytest.approx(20_000 * factor, rel=0.1)
        assert gap_cv(after.arrivals_s) == pytest.approx(gap_cv(bursty().arrivals_s), rel=0.1)
        assert (np.diff(after.arrivals_s) >= 0.0).all()

    def test_copies_share_no_prefix_and_no_session(self):
        trace = rescaled_trace(small(), 2.0, rng(), window_s=100.0)
        assert trace.num_requests == 8
        assert len(set(trace.session_ids.tolist())) == 4
        firsts = trace.block_hashes.ids[trace.block_hashes.offsets[:-1]]
        assert len(set(firsts.tolist())) == 4

    def test_a_window_must_have_a_length(self):
        with pytest.raises(InputError, match="window_s=0"):
            rescaled_trace(small(), 1.0, rng(), window_s=0)


class TestThin:
    def test_single_requests(self):
        kept = thinned_trace(bursty(), 0.3, rng())
        assert kept.num_requests == pytest.approx(6000, rel=0.05)
        assert set(kept.input_tokens) <= set(bursty().input_tokens)

    @pytest.mark.parametrize(("by", "column"), [("session", "session_ids"), ("client", "client_ids")])
    def test_whole_sessions_and_clients(self, by, column):
        for seed in range(20):
            try:
                kept = thinned_trace(small(), 0.5, rng(seed), by=by)
            except InputError:
                continue
            ids, counts = np.unique(getattr(kept, column), return_counts=True)
            full = dict(zip(*np.unique(getattr(small(), column), return_counts=True)))
            assert all(full[one] == count for one, count in zip(ids, counts))

    def test_what_a_trace_does_not_say_cannot_be_kept(self):
        with pytest.raises(InputError, match="which session"):
            thinned_trace(bursty(10), 0.5, rng(), by="session")

    def test_nothing_left_is_an_error(self):
        with pytest.raises(InputError, match="left no request"):
            thinned_trace(small(), 0.0, rng())

    def test_an_unknown_unit_is_refused(self):
        with pytest.raises(InputError, match="by='user'"):
            thinned_trace(small(), 0.5, rng(), by="user")


class TestMerge:
    def test_requests_are_in_order_and_strangers_stay_apart(self):
        merged = merged_trace([small(), small()])
        assert merged.arrivals_s.tolist() == [0, 0, 1, 1, 2, 2, 6, 6]
        assert len(set(merged.session_ids.tolist())) == 4
        assert len(set(merged.block_hashes.ids.tolist())) == 2 * len(set(small().block_hashes.ids.tolist()))
        assert reusable_input_frac(merged.block_hashes, merged.input_tokens) == pytest.approx(
            reusable_input_frac(small().block_hashes, small().input_tokens)
        )

    def test_what_one_lacks_all_lack(self):
        merged = merged_trace([small(), bursty(5)])
        assert merged.session_ids is None
        assert merged.block_hashes is None

    def test_nothing_cannot_be_merged(self):
        with pytest.raises(InputError, match="no trace"):
            merged_trace([])


class TestBootstrap:
    def test_blocks_are_whole_stretches_of_the_trace(self):
        trace = bursty()
        drawn = bootstrapped_trace(trace, rng(), block_s=200.0, span_s=200.0)
        rows = drawn.input_tokens.astype(int) - 1
        assert (np.diff(rows) % trace.num_requests == 1).all()
        assert np.diff(drawn.arrivals_s)[np.diff(rows) == 1] == pytest.approx(
            np.diff(trace.arrivals_s)[rows[:-1][np.diff(rows) == 1]], abs=1e-9
        )

    def test_rate_and_burstiness_are_kept(self):
        drawn = bootstrapped_trace(bursty(), rng(), block_s=1000.0, span_s=100_000.0)
        assert mean_rate_requests_per_s(drawn.arrivals_s) == pytest.approx(1.0, rel=0.1)
        assert gap_cv(drawn.arrivals_s) == pytest.approx(gap_cv(bursty().arrivals_s), rel=0.1)
        assert drawn.arrivals_s[-1] < 100_000.0

    def test_a_season_keeps_its_shape(self):
        day = np.concatenate([np.linspace(0, 10, 100, endpoint=False), np.linspace(10, 20, 900, endpoint=False)])
        trace = bare(np.concatenate([day + 20 * d for d in range(5)]))
        drawn = bootstrapped_trace(trace, rng(), block_s=5.0, span_s=200.0, season_s=20.0)
        counts = np.bincount((drawn.arrivals_s // 10).astype(int), minlength=20).reshape(10, 2)
        assert counts[:, 0] == pytest.approx(100, abs=6)
        assert counts[:, 1] == pytest.approx(900, abs=6)

    def test_a_request_drawn_again_is_another_user_s(self):
        drawn = bootstrapped_trace(small(), rng(), block_s=8.0, span_s=800.0)
        assert len(set(drawn.session_ids.tolist())) >= drawn.num_requests / 2
        assert reusable_input_frac(drawn.block_hashes, drawn.input_tokens) <= 0.5

    @pytest.mark.parametrize(
        "how", [{"block_s": 0.0}, {"block_s": 9.0}, {"block_s": 1.0, "season_s": 100.0}, {"block_s": 1.0, "span_s": -1}]
    )
    def test_what_cannot_be_drawn_is_refused(self, how):
        with pytest.raises(InputError, match="limit="):
            bootstrapped_trace(small(), rng(), **how)


class TestClock:
    @pytest.mark.parametrize("tick_s", [3.0, 1.0, 0.5])
    def test_a_rounded_clock_is_found(self, tick_s):
        true_s = np.sort(rng().uniform(0, 5000, 3000))
        assert clock_tick_s(np.floor(true_s / tick_s) * tick_s) == pytest.approx(tick_s, rel=1e-6)

    def test_a_sparse_rounded_clock_too(self):
        true_s = np.sort(rng().uniform(0, 50_000, 3000))
        assert clock_tick_s(np.floor(true_s)) == pytest.approx(1.0)

    def test_a_fine_clock_has_no_tick(self):
        assert clock_tick_s(np.sort(rng().uniform(0, 5000, 3000))) is None
        assert clock_tick_s(np.zeros(5)) is None
        assert clock_tick_s(np.array([1.0])) is None

    def test_jitter_undoes_it(self):
        true_s = np.sort(rng().uniform(0, 5000, 20_000))
        rounded = bare(np.floor(true_s / 3) * 3)
        jittered = jittered_trace(rounded, rng(2), window_s=clock_tick_s(rounded.arrivals_s))
        assert clock_tick_s(jittered.arrivals_s) is None
        assert gap_cv(jittered.arrivals_s) == pytest.approx(1.0, rel=0.05)

    def test_the_clocks_of_published_traces(self, shared_dir):
        ticks = [
            clock_tick_s(read_trace(shared_dir / f"data/traces/trace_{name}.parquet").arrivals_s)
            for name in ("azure2023_conv", "mooncake_conversation")
        ]
        assert ticks[0] is None
        assert ticks[1] == pytest.approx(3.0, rel=0.01)


def test_a_trace_without_arrivals_cannot_be_replayed():
    lengths = Trace(name="l", format="t", input_tokens=np.ones(2), output_tokens=np.ones(2))
    with pytest.raises(InputError, match="no arrival times"):
        recorded_arrivals_s(lengths)
    with pytest.raises(InputError, match="spans no time"):
        trace_period_s(bare([0.0, 0.0]))
    with pytest.raises(InputError, match="spans no time"):
        repeated_trace(bare([0.0]), 2)


def test_occurrences_count_from_zero():
    assert occurrences(np.array([], dtype=int)).tolist() == []
    assert occurrences(np.array([2, 2, 2])).tolist() == [0, 1, 2]


@pytest.mark.parametrize("num", [MAX_REQUESTS + 1, np.inf, np.nan])
def test_more_than_memory_holds_is_refused(num):
    with pytest.raises(InputError, match="make them in windows"):
        checked_num_requests(num)
