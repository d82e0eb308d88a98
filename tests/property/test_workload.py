"""What holds for any SLO, any trace and any prefix blocks."""

import json
from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokonomics.errors import InputError
from tokonomics.workload.arrivals import gap_cv, mean_rate_requests_per_s, window_rates_requests_per_s
from tokonomics.workload.lengths import skewed_tokens
from tokonomics.workload.prefix import BlockHashes, lru_block_hit_frac, reusable_input_frac
from tokonomics.workload.slo import MAX_LIMIT_S, METRICS, Slo, SloLimit, parse_slo
from tokonomics.workload.traces import read_trace
from tokonomics.workload.traffic import traffic_from_rate, traffic_from_tokens_per_month, traffic_from_trace

checked = settings(max_examples=60, deadline=None)

MOONCAKE_KEYS = ("timestamp", "input_length", "output_length")

limits = st.builds(
    SloLimit,
    metric=st.sampled_from(METRICS),
    percentile=st.one_of(st.just("mean"), st.floats(0, 100, exclude_min=True, exclude_max=True)),
    limit_s=st.floats(0, MAX_LIMIT_S, exclude_min=True),
)
tokens = st.integers(1, 10**8)
rates = st.floats(1e-6, 1e6)
rows = st.lists(st.tuples(st.integers(0, 10**6), tokens, tokens), min_size=1, max_size=30)


@checked
@given(st.lists(limits, min_size=1, max_size=5, unique_by=lambda one: one.name))
def test_an_slo_reads_back_from_its_text(some):
    slo = Slo(limits=tuple(some))
    assert parse_slo(str(slo)) == slo


def violations_of(text):
    """What is wrong with `text`; an SLO must read back from its own text."""
    try:
        slo = parse_slo(text)
    except InputError as error:
        return error.violations
    assert parse_slo(str(slo)) == slo
    return None


@checked
@given(st.text(max_size=60))
def test_any_text_is_an_slo_or_an_input_error(text):
    assert violations_of(text) != ()


@checked
@given(st.from_regex(r"(ttft|itl|e2e|x)?_?(p[0-9.]{1,4}|mean)?(=|<=)[-0-9.einfa]{0,6}(ms|s)?", fullmatch=True))
def test_near_misses_of_an_slo_are_input_errors_too(text):
    assert violations_of(text) != ()


def _written(folder, requests):
    path = folder.mktemp("t") / "t.csv"
    lines = [f"{arrival / 1000},{inputs},{outputs}" for arrival, inputs, outputs in requests]
    path.write_text("\n".join(["arrival_s,input_tokens,output_tokens", *lines]))
    return path


@checked
@given(rows)
def test_a_written_trace_reads_back(tmp_path_factory, requests):
    ordered = sorted(requests, key=lambda one: one[0])
    trace = read_trace(_written(tmp_path_factory, ordered))
    first = ordered[0][0] / 1000
    assert trace.arrivals_s.tolist() == pytest.approx([one[0] / 1000 - first for one in ordered], abs=1e-9)
    assert trace.input_tokens.tolist() == [one[1] for one in ordered]
    assert trace.output_tokens.tolist() == [one[2] for one in ordered]


@checked
@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter_when_sorting(tmp_path_factory, requests, random):
    shuffled = random.sample(requests, len(requests))
    one = read_trace(_written(tmp_path_factory, requests), sort=True)
    two = read_trace(_written(tmp_path_factory, shuffled), sort=True)
    assert one.arrivals_s.tolist() == two.arrivals_s.tolist()
    assert sorted(zip(one.arrivals_s, one.input_tokens, one.output_tokens)) == sorted(
        zip(two.arrivals_s, two.input_tokens, two.output_tokens)
    )


@checked
@given(rows, st.lists(st.sampled_from(["", "x,1,1", "1,0,1", "1,1", "1,1,nan", "inf,1,1"]), max_size=8))
def test_skipping_bad_rows_gives_the_good_ones(tmp_path_factory, requests, bad):
    ordered = sorted(requests, key=lambda one: one[0])
    path = _written(tmp_path_factory, ordered)
    path.write_text("\n".join([path.read_text(), *bad]))
    trace = read_trace(path, skip_bad=True)
    assert trace.input_tokens.tolist() == [one[1] for one in ordered]
    assert trace.num_skipped == len([one for one in bad if one])


@checked
@given(rows, rates)
def test_a_rescaled_trace_has_the_rate_asked_for_and_the_same_shape(tmp_path_factory, requests, rate):
    trace = read_trace(_written(tmp_path_factory, requests), sort=True)
    traffic = traffic_from_trace(trace, requests_per_s=rate)
    assert traffic.requests_per_s == rate
    assert traffic.peak_requests_per_s >= rate
    assert traffic.mean_input_tokens == trace.input_tokens.mean()
    if traffic.arrivals_s is not None:
        assert mean_rate_requests_per_s(traffic.arrivals_s) == pytest.approx(rate, rel=1e-6)


@checked
@given(st.lists(st.floats(0, 5000), min_size=2, max_size=200), st.floats(1.0, 600.0))
def test_windows_count_every_arrival_but_those_of_the_last_incomplete_one(times, window_s):
    arrivals_s = np.sort(np.array(times))
    series = window_rates_requests_per_s(arrivals_s, window_s)
    since_s = arrivals_s - arrivals_s[0]
    assert series.size == int(since_s[-1] // window_s)
    assert round(float(series.sum() * window_s)) == int((since_s // window_s < series.size).sum())


@checked
@given(st.lists(st.floats(0.001, 100), min_size=3, max_size=50), st.floats(0.01, 100))
def test_burstiness_does_not_depend_on_the_unit_of_time(gaps, factor):
    arrivals_s = np.cumsum(gaps)
    assert gap_cv(arrivals_s * factor) == pytest.approx(gap_cv(arrivals_s), rel=1e-6, abs=1e-6)


@checked
@given(st.floats(1e3, 1e15), st.floats(1, 1e6), st.floats(1, 1e6))
def test_a_monthly_volume_is_kept(volume, inputs, outputs):
    traffic = traffic_from_tokens_per_month(volume, input_tokens=inputs, output_tokens=outputs)
    assert traffic.tokens_per_month == pytest.approx(volume, rel=1e-9)


@checked
@given(rates, rates)
def test_scaling_there_and_back_changes_nothing(one, two):
    traffic = traffic_from_rate(one, 100, 10, peak_ratio=3.0)
    back = traffic.scaled_to(two).scaled_to(one)
    assert back.peak_requests_per_s == pytest.approx(traffic.peak_requests_per_s, rel=1e-9)


@checked
@given(st.floats(20, 5000), st.floats(1.0, 5.0))
def test_a_fitted_sample_has_its_mean_and_median(median, ratio):
    sample = skewed_tokens(median * ratio, median)
    assert sample.mean() == pytest.approx(median * ratio, rel=0.02)
    assert np.median(sample) == pytest.approx(median, rel=0.03)


def _prefix_rows(paths):
    """Ids such that equal ids mean equal prefixes, as a chained hash gives them."""
    known = {}
    return [[known.setdefault(tuple(path[: n + 1]), len(known)) for n in range(len(path))] for path in paths]


@checked
@given(st.lists(st.lists(st.integers(0, 2), max_size=6), min_size=1, max_size=25), st.integers(1, 12))
def test_an_unlimited_cache_is_the_most_that_any_cache_finds(paths, num_blocks):
    held = _prefix_rows(paths)
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in held])]).astype(np.int64)
    ids = np.array([one for row in held for one in row], dtype=np.int64)
    blocks = BlockHashes(offsets=offsets, ids=ids, tokens_per_block=1)
    sizes = np.diff(offsets).astype(float)
    if not sizes.sum():
        return
    seen, expected = set(), 0
    for row in held:
        expected += sum(one in seen for one in row)
        seen |= set(row)
    assert reusable_input_frac(blocks, sizes) == pytest.approx(expected / sizes.sum())
    found = [lru_block_hit_frac(blocks, num) for num in (num_blocks, num_blocks + 1, 10**6)]
    assert found == sorted(found)
    assert found[-1] == pytest.approx(expected / sizes.sum())


ORIGIN = datetime(2024, 5, 10, tzinfo=UTC)


def _as_azure(requests):
    lines = [f"{ORIGIN + timedelta(milliseconds=t)},{i},{o}" for t, i, o in requests]
    return "\n".join(["TIMESTAMP,ContextTokens,GeneratedTokens", *lines])


def _as_burstgpt(requests):
    lines = [f"{t / 1000},s,1,ChatGPT,{i},{o},{i + o},API log" for t, i, o in requests]
    header = "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type"
    return "\n".join([header, *lines])


def _as_mooncake(requests):
    return "\n".join(json.dumps(dict(zip(MOONCAKE_KEYS, one))) for one in requests)


def _as_bailian(requests):
    keys = ("chat_id", *MOONCAKE_KEYS)
    return "\n".join(json.dumps(dict(zip(keys, (7, t / 1000, i, o)))) for t, i, o in requests)


@checked
@given(rows)
@pytest.mark.parametrize("write", [_as_azure, _as_burstgpt, _as_mooncake, _as_bailian])
def test_the_same_requests_are_the_same_trace_in_every_format(tmp_path_factory, write, requests):
    ordered = sorted(requests, key=lambda one: one[0])
    plain = read_trace(_written(tmp_path_factory, ordered))
    path = tmp_path_factory.mktemp("t") / "t"
    path.write_text(write(ordered))
    other = read_trace(path)
    assert other.format != plain.format
    assert other.arrivals_s.tolist() == pytest.approx(plain.arrivals_s.tolist(), abs=2e-6)
    assert other.input_tokens.tolist() == plain.input_tokens.tolist()
    assert other.output_tokens.tolist() == plain.output_tokens.tolist()


@settings(max_examples=15, deadline=None)
@given(rows)
def test_parquet_is_the_same_trace_too(tmp_path_factory, requests):
    source = _written(tmp_path_factory, sorted(requests, key=lambda one: one[0]))
    path = source.with_suffix(".parquet")
    duckdb.read_csv(str(source)).write_parquet(str(path))
    plain, other = read_trace(source), read_trace(path)
    assert other.arrivals_s.tolist() == pytest.approx(plain.arrivals_s.tolist(), abs=1e-9)
    assert other.input_tokens.tolist() == plain.input_tokens.tolist()


cells = st.one_of(st.integers(-2, 30).map(str), st.sampled_from(["", "x", "nan", "3e8", "2.5", "-inf", " 7 "]))


@checked
@given(st.lists(st.lists(cells, min_size=2, max_size=4), max_size=12))
def test_what_is_kept_and_what_is_skipped_agrees_with_a_slow_reader(tmp_path_factory, table):
    """A reader of a few plain lines decides row by row; the fast one must decide the same."""
    kept = [row for row in table if len(row) == 3 and _is_request(*row)]
    bad = [row for row in table if row not in kept and any(cell.strip() for cell in ",".join(row))]
    path = tmp_path_factory.mktemp("t") / "t.csv"
    header = ["arrival_s", "input_tokens", "output_tokens"]
    path.write_text("\n".join(",".join(row) for row in [header, *table]))
    if not kept:
        with pytest.raises(InputError, match="is empty"):
            read_trace(path, skip_bad=True)
        return
    trace = read_trace(path, skip_bad=True, sort=True)
    assert trace.num_skipped == len(bad)
    assert sorted(trace.input_tokens) == sorted(float(row[1]) for row in kept)


def _is_request(*row):
    try:
        arrival, inputs, outputs = map(float, row)
    except ValueError:
        return False
    whole = all(1 <= one <= 1e8 and one == int(one) for one in (inputs, outputs) if np.isfinite(one))
    return bool(np.isfinite([arrival, inputs, outputs]).all() and whole)
