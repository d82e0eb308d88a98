import itertools

import duckdb
import numpy as np
import pytest

from tokonomics.errors import InputError
from tokonomics.workload.client_gaps import gamma_gap_frac, weibull_gap_frac
from tokonomics.workload.client_mix import ClientMix, client_mix_chunks, client_mix_trace
from tokonomics.workload.traces.servegen_clients import read_client_mix


def rng(seed=1):
    return np.random.default_rng(seed)


def mix(requests=((300, 600, 100), (50, 0, 2000), (1, 2, 3)), cv=(3.0, 1.0, 0.2), weibull=(True, False, False)):
    """Clients (columns) by window (rows) of 100 s; inputs of 10 to 19 tokens in window 0, 110 to 119 from 1 on."""
    num_windows = len(requests)
    return ClientMix(
        name="mix",
        window_s=100.0,
        offsets=np.arange(num_windows + 1) * 3,
        client_ids=np.tile([5, 17, 300], num_windows),
        window_requests=np.array(requests, dtype=float).ravel(),
        gaps_cv=np.tile(np.array(cv, dtype=float), num_windows),
        is_weibull=np.tile(np.array(weibull), num_windows),
        span_input_tokens=np.array([np.arange(10.0, 20.0), np.arange(110.0, 120.0)]),
        span_output_tokens=np.array([np.arange(1.0, 5.0), np.arange(1.0, 5.0)]),
        span_of_window=np.minimum(np.arange(num_windows), 1),
    )


class TestGaps:
    @pytest.mark.parametrize("gaps", [gamma_gap_frac, weibull_gap_frac])
    def test_each_client_s_gaps_add_up_to_one(self, gaps):
        num, cv = np.array([1, 2, 5, 1000]), np.array([4.0, 4.0, 0.0, 3.0])
        parts = np.split(gaps(rng(), num, cv), np.cumsum(num)[:-1])
        assert [part.sum() for part in parts] == pytest.approx([1.0] * 4)
        assert all((part >= 0.0).all() for part in parts)

    @pytest.mark.parametrize("cv", [0.1, 0.5, 1.0, 3.0])
    @pytest.mark.parametrize("num", [20, 200])
    def test_gamma_gaps_have_the_cv_on_average(self, num, cv):
        gaps = gamma_gap_frac(rng(), np.full(3000, num), np.full(3000, cv)).reshape(3000, num)
        assert np.mean(gaps.var(axis=1) * num**2) == pytest.approx(cv**2, rel=0.05)

    @pytest.mark.parametrize("cv", [0.3, 1.0, 3.0, 12.0])
    def test_weibull_gaps_have_the_cv_each(self, cv):
        gaps = weibull_gap_frac(rng(), np.full(50, 1000), np.full(50, cv)).reshape(50, 1000)
        assert gaps.std(axis=1) * 1000 == pytest.approx(np.full(50, cv), rel=0.02)

    @pytest.mark.parametrize("gaps", [gamma_gap_frac, weibull_gap_frac])
    def test_a_cv_out_of_reach_becomes_one_long_gap(self, gaps):
        parts = gaps(rng(), np.full(20, 10), np.full(20, 50.0)).reshape(20, 10)
        assert parts.max(axis=1).mean() > 0.9

    @pytest.mark.parametrize("gaps", [gamma_gap_frac, weibull_gap_frac])
    def test_no_client_no_gap(self, gaps):
        assert gaps(rng(), np.array([], dtype=int), np.array([])).size == 0


class TestMix:
    def test_every_client_has_its_requests_in_every_window(self):
        trace = client_mix_trace(mix(), rng())
        for window, counts in enumerate([(300, 600, 100), (50, 0, 2000), (1, 2, 3)]):
            held = (trace.arrivals_s >= window * 100) & (trace.arrivals_s < (window + 1) * 100)
            assert [(trace.client_ids[held] == one).sum() for one in (5, 17, 300)] == list(counts)

    def test_arrivals_are_sorted_and_spread_over_the_window(self):
        arrivals_s = client_mix_trace(mix(), rng()).arrivals_s
        assert (np.diff(arrivals_s) >= 0.0).all()
        places = np.concatenate([client_mix_trace(mix(), rng(seed)).arrivals_s % 100 for seed in range(40)])
        assert np.histogram(places, 4, (0, 100))[0] / places.size == pytest.approx(np.full(4, 0.25), abs=0.01)

    def test_a_client_keeps_its_burstiness(self):
        found = []
        for seed in range(30):
            trace = client_mix_trace(mix(), rng(seed), span_s=100.0)
            found.append(
                [
                    np.std(gaps) / np.mean(gaps)
                    for gaps in (np.diff(trace.arrivals_s[trace.client_ids == one]) for one in (5, 17, 300))
                ]
            )
        assert np.mean(found, axis=0) == pytest.approx([3.0, 1.0, 0.2], rel=0.05)

    @pytest.mark.parametrize("scale", [0.1, 0.37, 3.0])
    def test_scaling_scales_every_client(self, scale):
        sizes = [client_mix_trace(mix(), rng(seed), scale=scale).num_requests for seed in range(30)]
        assert np.mean(sizes) == pytest.approx(3056 * scale, abs=1.0)
        assert np.ptp(sizes) <= 9

    def test_scaling_keeps_burstiness(self):
        found = []
        for seed in range(30):
            trace = client_mix_trace(mix(), rng(seed), scale=4.0, span_s=100.0)
            gaps = np.diff(trace.arrivals_s[trace.client_ids == 5])
            found.append(gaps.std() / gaps.mean())
        assert np.mean(found) == pytest.approx(3.0, rel=0.05)

    def test_lengths_are_those_of_the_span(self):
        trace = client_mix_trace(mix(), rng())
        first = trace.arrivals_s < 100
        assert set(trace.input_tokens[first]) == set(range(10, 20))
        assert set(trace.input_tokens[~first]) == set(range(110, 120))
        assert set(trace.output_tokens) == {1, 2, 3, 4}

    @pytest.mark.parametrize("chunk_requests", [1, 1200, 10**9])
    def test_chunks_are_the_same_requests(self, chunk_requests):
        whole = client_mix_trace(mix(), rng())
        chunks = list(client_mix_chunks(mix(), rng(), chunk_requests=chunk_requests))
        assert np.concatenate([one.arrivals_s for one in chunks]).tolist() == whole.arrivals_s.tolist()
        assert np.concatenate([one.input_tokens for one in chunks]).tolist() == whole.input_tokens.tolist()
        assert np.concatenate([one.client_ids for one in chunks]).tolist() == whole.client_ids.tolist()
        assert len(chunks) == {1: 3, 1200: 2, 10**9: 1}[chunk_requests]

    def test_a_part_of_the_time_has_the_same_requests(self):
        whole = client_mix_trace(mix(), rng())
        part = client_mix_trace(mix(), rng(), start_s=100.0, span_s=100.0)
        held = (whole.arrivals_s >= 100) & (whole.arrivals_s < 200)
        assert part.arrivals_s == pytest.approx(whole.arrivals_s[held] - 100.0, abs=1e-9)
        assert part.output_tokens.tolist() == whole.output_tokens[held].tolist()

    def test_idle_windows_are_passed_over(self):
        idle = mix(requests=((5, 5, 5), (0, 0, 0), (0, 0, 0), (5, 5, 5), (0, 0, 0)))
        chunks = list(client_mix_chunks(idle, rng(), chunk_requests=1))
        assert [one.num_requests for one in chunks] == [15, 15]
        assert chunks[1].arrivals_s[0] >= 300.0

    def test_another_seed_gives_other_requests(self):
        one, two = (client_mix_trace(mix(), rng(seed)) for seed in (1, 2))
        assert one.arrivals_s.tolist() != two.arrivals_s.tolist()

    @pytest.mark.parametrize(
        "how",
        [
            {"scale": 0.0},
            {"scale": np.nan},
            {"start_s": -100.0},
            {"start_s": 50.0},
            {"start_s": 300.0},
            {"span_s": 400.0},
            {"span_s": 150.0},
            {"span_s": 0.0},
            {"chunk_requests": 0},
        ],
    )
    def test_what_cannot_be_is_refused_before_the_first_chunk(self, how):
        with pytest.raises(InputError, match="limit=|another part"):
            client_mix_chunks(mix(), rng(), **how)

    def test_all_at_once_must_fit_into_memory(self):
        with pytest.raises(InputError, match="make them in windows"):
            client_mix_trace(mix(requests=((1e9, 0, 0),)), rng())


def write(folder, clients, bins):
    """A table of clients and its histogram, as ServeGen's are."""
    files = {
        "x_clients_10min": ("client_id, window_start_s, rate_rps, cv, dist", clients),
        "x_length_hist_6h": ("span_start_s, field, bin_lo, bin_hi, weight_rps", bins),
    }
    for stem, (columns, rows) in files.items():
        values = ", ".join(str(row) for row in rows)
        duckdb.sql(f"copy (select * from (values {values}) t({columns})) to '{folder}/{stem}.parquet' (format parquet)")
    return folder / "x_clients_10min.parquet"


CLIENTS = [(3, 600, 0.5, 2.0, "Weibull"), (1, 0, 1.0, 1.0, "Gamma"), (3, 0, 0.25, 0.5, "Gamma")]
BINS = [
    (start_s, field, low + start_s, low + start_s + 1, 1.0)
    for start_s, (field, low) in itertools.product((0, 600), (("input_tokens", 10), ("output_tokens", 5)))
]


class TestServeGen:
    def test_a_table_is_read_by_window(self, tmp_path):
        read = read_client_mix(write(tmp_path, CLIENTS, BINS))
        assert read.window_s == 600.0
        assert read.offsets.tolist() == [0, 2, 3]
        assert read.client_ids.tolist() == [1, 3, 3]
        assert read.window_requests.tolist() == [600, 150, 300]
        assert read.gaps_cv.tolist() == [1.0, 0.5, 2.0]
        assert read.is_weibull.tolist() == [False, False, True]
        trace = client_mix_trace(read, rng())
        first = trace.arrivals_s < 600
        assert set(trace.input_tokens[first]) == {10.0}
        assert set(trace.input_tokens[~first]) == {610.0}

    def test_inputs_of_several_kinds_add_up(self, tmp_path):
        more = [(0, "image_tokens", 100, 101, 1.0), (0, "image_tokens", 0, 1, 1.0), (0, "image_count", 0, 1, 1.0)]
        read = read_client_mix(write(tmp_path, CLIENTS, [*BINS, *more]))
        assert np.unique(read.span_input_tokens[0]).tolist() == [10.0, 110.0]
        assert read.span_input_tokens[0].mean() == pytest.approx(60.0)

    @pytest.mark.parametrize(
        ("clients", "bins", "words"),
        [
            ([(1, 0, -1.0, 1.0, "Gamma"), *CLIENTS], BINS, "rate_rps: -1"),
            ([(1, 0, 1.0, -1.0, "Gamma"), *CLIENTS], BINS, "cv: -1"),
            ([(1, 7, 1.0, 1.0, "Gamma"), *CLIENTS], BINS, "no grid"),
            (CLIENTS[:1], BINS, "one window"),
            (CLIENTS, BINS[:3], "span 600 s lacks"),
            (CLIENTS, BINS[::2], "lacks field output_tokens"),
            (CLIENTS, [(0, "input_tokens", 5, 5, 1.0), *BINS], "bin without"),
        ],
    )
    def test_a_bad_table_is_refused(self, tmp_path, clients, bins, words):
        with pytest.raises(InputError) as caught:
            read_client_mix(write(tmp_path, clients, bins))
        assert words in str(caught.value)

    def test_lengths_must_lie_beside(self, tmp_path):
        path = write(tmp_path, CLIENTS, BINS)
        (tmp_path / "x_length_hist_6h.parquet").unlink()
        with pytest.raises(InputError, match="has no lengths; put x_length_hist"):
            read_client_mix(path)

    @pytest.mark.parametrize(
        ("stem", "num_requests", "num_clients"),
        [("language_m_large", 236_892_826, 162), ("reason_deepseek_r1", 1_383_669, 73)],
    )
    def test_the_published_mixes(self, shared_dir, stem, num_requests, num_clients):
        read = read_client_mix(shared_dir / f"data/traces/servegen_{stem}_clients_10min.parquet")
        assert read.expected_requests(0, read.num_windows) == pytest.approx(num_requests, abs=1)
        assert np.unique(read.client_ids).size == num_clients
        trace = client_mix_trace(read, rng(), span_s=3600.0, scale=0.2)
        assert trace.num_requests == pytest.approx(0.2 * read.expected_requests(0, 6), rel=0.01)

    def test_lengths_have_the_published_means(self, shared_dir):
        read = read_client_mix(shared_dir / "data/traces/servegen_reason_deepseek_r1_clients_10min.parquet")
        trace = client_mix_trace(read, rng(), scale=0.5)
        assert trace.input_tokens.mean() == pytest.approx(1268, rel=0.05)
        assert trace.output_tokens.mean() == pytest.approx(1527, rel=0.05)

    def test_clients_are_as_bursty_as_recorded(self, shared_dir):
        read = read_client_mix(shared_dir / "data/traces/servegen_reason_deepseek_r1_clients_10min.parquet")
        trace = client_mix_trace(read, rng(), span_s=4 * 3600.0)
        keys = (trace.arrivals_s // 600).astype(int) * 1000 + trace.client_ids
        ratios, weights = [], []
        for row in np.flatnonzero(read.window_requests[: read.offsets[24]] >= 200):
            window = np.searchsorted(read.offsets, row, side="right") - 1
            gaps = np.diff(trace.arrivals_s[keys == window * 1000 + read.client_ids[row]])
            ratios.append(gaps.std() / gaps.mean() / read.gaps_cv[row])
            weights.append(gaps.size)
        assert len(ratios) > 100
        assert np.average(ratios, weights=weights) == pytest.approx(1.0, abs=0.05)
        assert np.quantile(ratios, [0.05, 0.95]) == pytest.approx([1.0, 1.0], abs=0.2)
