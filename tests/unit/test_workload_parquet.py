import duckdb
import numpy as np
import pytest

from tokonomics.errors import InputError
from tokonomics.workload.trace_statistics import trace_statistics
from tokonomics.workload.traces import read_trace
from tokonomics.workload.traffic import traffic_from_trace

REQUESTS = "select * from (values (0.0, 600, 5), (1.5, 700, 6)) t(arrival_s, input_tokens, output_tokens)"
DEMAND = """select 'm' as model, s::int as window_start_s, r::float as rate_rps, (r * 100)::float as input_tok_per_s,
    (r * 20)::float as output_tok_per_s from (values (0, 1.0), (600, 4.0), (1800, 1.0)) t(s, r)"""
CLIENTS = """select c as client_id, s as window_start_s, r::float as rate_rps, v::float as cv
    from (values (1, 0, 1.0, 2.0), (2, 600, 3.0, 4.0), (1, 600, 1.0, 2.0), (1, 1800, 1.0, null)) t(c, s, r, v)"""
HISTOGRAM = """select field, lo as bin_lo, hi as bin_hi, w as weight_rps from (values
    ('input_tokens', 100, 101, 1.0), ('input_tokens', 300, 301, 3.0), ('output_tokens', 0, 1, 1.0),
    ('output_tokens', 20, 21, 1.0)) t(field, lo, hi, w)"""
RATIO = "select * from (values (0.0, 0.1, 1.0), (0.9, 1.0, 3.0)) t(ratio_lo, ratio_hi, weight_rps)"


@pytest.fixture
def written(tmp_path):
    def write(query: str, name: str = "trace.parquet"):
        path = tmp_path / name
        duckdb.sql(query).write_parquet(str(path))
        return path

    return write


def test_requests_of_any_number_type(written):
    query = """select 0::decimal(9, 3) as ARRIVAL_S, 60::utinyint as x, 600::bigint as Input_Tokens,
        5::hugeint as output_tokens"""
    trace = read_trace(written(query, "no-suffix"))
    assert (trace.format, trace.input_tokens.tolist(), trace.output_tokens.tolist()) == ("parquet", [600.0], [5.0])


def test_lengths_only(written):
    trace = read_trace(written("select 5 as input_tokens, 6 as output_tokens"))
    assert trace.format == "parquet lengths"
    assert traffic_from_trace(trace, requests_per_s=2.0).requests_per_s == 2.0


@pytest.mark.parametrize("name", ["a*b.parquet", "a[1].parquet", "it's.parquet", "sp ace?.parquet", "näme.parquet"])
def test_names_that_mean_something_elsewhere(written, name):
    written(REQUESTS.replace("600", "999"), "a1.parquet")
    assert read_trace(written(REQUESTS, name)).input_tokens.tolist() == [600.0, 700.0]


@pytest.mark.parametrize("kind", ["integer[]", "bigint[]", "ubigint[]"])
def test_block_ids(written, kind):
    query = f"select *, case when arrival_s > 1 then [7, 9] else [7, 8] end::{kind} as block_hashes from ({REQUESTS})"
    trace = read_trace(written(query))
    assert trace.block_hashes.ids.tolist() == [7, 8, 7, 9]
    assert trace_statistics(trace).cached_input_frac == pytest.approx(512 / 1300)


def test_block_ids_beyond_the_signed_range_stay_distinct(written):
    query = f"select *, [18446744073709551615, 18446744073709551614]::ubigint[] as block_hashes from ({REQUESTS})"
    assert len(set(read_trace(written(query)).block_hashes.ids.tolist())) == 2


def test_a_request_without_block_ids(written):
    query = f"select *, case when arrival_s > 1 then null else [7, 8] end as block_hashes from ({REQUESTS})"
    assert read_trace(written(query)).block_hashes.offsets.tolist() == [0, 2, 2]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (
            "select '1' as arrival_s, 5 as input_tokens, 5 as output_tokens",
            "column arrival_s is VARCHAR; write numbers",
        ),
        ("select 1 as arrival_s, interval 1 day as input_tokens, 5 as output_tokens", "input_tokens is INTERVAL"),
        ("select 1 as arrival_s, [5] as input_tokens, 5 as output_tokens", r"input_tokens is INTEGER\[\]"),
        (f"select *, [['a']] as block_hashes from ({REQUESTS})", "write lists of integers"),
        (f"select *, 5 as block_hashes from ({REQUESTS})", "write lists of integers"),
        ("select 1 as a, 2 as b", "is of no known format: it has 'a,b'; expected .*arrival_s,input_tokens"),
        (f"{REQUESTS} limit 0", "is empty: it holds no request"),
        (REQUESTS.replace("600", "null"), r"row 1, column 2 \(input_tokens\): 'nan' is no number"),
        (REQUESTS.replace("1.5", "'nan'::double"), r"row 2, column 1 \(arrival_s\)"),
        (REQUESTS.replace("700", "-3"), r"row 2, column 2 \(input_tokens\): -3 tokens; limit=1 to 1e\+08"),
        (REQUESTS.replace("0.0,", "9.0,"), r"row 2, column 1 \(arrival_s\): arrives before"),
    ],
)
def test_what_is_refused(written, query, said):
    with pytest.raises(InputError, match=said):
        read_trace(written(query))


def test_demand_with_nothing_beside_it(written):
    trace = read_trace(written(DEMAND, "m_demand_10min.parquet"))
    traffic = traffic_from_trace(trace)
    assert trace.rate_series_requests_per_s.tolist() == [1.0, 4.0, 0.0, 1.0]
    assert (traffic.requests_per_s, traffic.peak_requests_per_s, traffic.window_s) == (1.5, 4.0, 600.0)
    assert traffic.input_tokens.tolist() == pytest.approx([100.0])
    assert traffic.output_tokens.tolist() == pytest.approx([20.0])
    for said in ("every request has the mean lengths", "1 windows without", "CV assumed 1", "busiest window"):
        assert said in traffic.source
    assert trace_statistics(trace).span_s == 2400.0


def test_demand_finds_the_tables_beside_it(written):
    for query, kind in [(CLIENTS, "clients_10min"), (HISTOGRAM, "length_hist_6h"), (RATIO, "reason_ratio_6h")]:
        written(query, f"m[1]_{kind}.parquet")
    written(HISTOGRAM.replace("300", "999").replace("301", "1000"), "other_length_hist_6h.parquet")
    traffic = traffic_from_trace(read_trace(written(DEMAND, "m[1]_demand_10min.parquet")))
    assert traffic.arrival_cv == pytest.approx((1 * 2 + 3 * 4 + 1 * 2) / 5)
    assert traffic.reasoning_frac == pytest.approx((0.05 + 3 * 0.95) / 4)
    assert traffic.mean_input_tokens == pytest.approx((100 + 3 * 300) / 4)
    assert set(traffic.output_tokens) == {1.0, 20.0}  # an empty answer counts as one token


def test_clients_are_summed_and_need_lengths(written):
    path = written(CLIENTS, "m_clients_10min.parquet")
    with pytest.raises(InputError, match=r"has no lengths; put m_length_hist\*.parquet beside it"):
        read_trace(path)
    written(HISTOGRAM, "m_length_hist_6h.parquet")
    trace = read_trace(path)
    assert trace.rate_series_requests_per_s.tolist() == [1.0, 4.0, 0.0, 1.0]
    assert traffic_from_trace(trace, requests_per_s=3.0).peak_requests_per_s == pytest.approx(8.0)


def test_multimodal_input_is_the_sum_of_its_kinds(written):
    fields = HISTOGRAM.replace("'input_tokens', 100", "'text_tokens', 100").replace("'input_tokens'", "'image_tokens'")
    written(fields, "m_length_hist_6h.parquet")
    trace = read_trace(written(DEMAND, "m_demand_10min.parquet"))
    assert set(np.unique(trace.input_tokens)) == {400.0}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (DEMAND.replace("(600, 4.0)", "(600, -4.0)"), r"row 2, column rate_rps: -4; limit=finite and 0 or more"),
        (DEMAND.replace("(600, 4.0)", "(600, 'nan'::float)"), "column rate_rps: nan"),
        (DEMAND.replace("(600, 4.0)", "(650, 4.0)"), "is no grid of 650 s"),
        (DEMAND.replace("1800", "900000000"), "is no grid"),
        (DEMAND.replace("'m'", "s::varchar"), "holds 3 models; limit=1"),
        (DEMAND.replace("4.0", "0.0").replace("1.0", "0.0"), "no window with requests"),
        (DEMAND + " limit 1", "has one window"),
        (DEMAND.replace("(r * 100)", "(r / 100)"), "mean lengths are below 1 token"),
    ],
)
def test_tables_of_rates_that_are_refused(written, query, said):
    with pytest.raises(InputError, match=said):
        read_trace(written(query, "m_demand_10min.parquet"))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (HISTOGRAM.replace("100, 101", "100, 100"), "has a bin without"),
        (HISTOGRAM.replace("3.0", "-3.0"), "has a bin without"),
        (HISTOGRAM.replace("'output_tokens'", "'other'"), "lacks field output_tokens"),
        (HISTOGRAM.replace("'input_tokens'", "'input_count'"), "any input field"),
        ("select 1 as field", "lacks column bin_lo; add it"),
    ],
)
def test_histograms_that_are_refused(written, query, said):
    written(query, "m_length_hist_6h.parquet")
    with pytest.raises(InputError, match=said):
        read_trace(written(DEMAND, "m_demand_10min.parquet"))


def test_empty_prompts_of_a_histogram_count_as_one_token(written):
    written(HISTOGRAM.replace("100, 101", "0, 1"), "m_length_hist_6h.parquet")
    assert read_trace(written(DEMAND, "m_demand_10min.parquet")).input_tokens.min() == 1.0


def test_clients_without_requests_do_not_weigh_in_burstiness(written):
    idle = CLIENTS.replace("(1, 0, 1.0, 2.0)", "(1, 0, 1.0, 2.0), (3, 0, -1.0, 9.0), (4, 0, 0.0, 9.0)")
    written(idle, "m_clients_10min.parquet")
    assert read_trace(written(DEMAND, "m_demand_10min.parquet")).arrival_cv == pytest.approx(16 / 5)
    written("select 1 as client_id, 0 as window_start_s, 1.0 as rate_rps, null::float as cv", "m_clients_10min.parquet")
    assert read_trace(written(DEMAND, "m_demand_10min.parquet")).arrival_cv is None


@pytest.mark.parametrize("kind", ["clients_10min", "reason_ratio_6h", "length_hist_6h"])
def test_a_table_beside_that_lacks_its_columns_is_named(written, kind):
    written("select 1 as rate_rps, 2 as weight_rps", f"m_{kind}.parquet")
    with pytest.raises(InputError, match=rf"m_{kind}\.parquet lacks column"):
        read_trace(written(DEMAND, "m_demand_10min.parquet"))


def test_a_share_of_reasoning_without_weight_is_not_known(written):
    written(RATIO.replace("3.0", "0.0").replace("0.1, 1.0", "0.1, 0.0"), "m_reason_ratio_6h.parquet")
    assert read_trace(written(DEMAND, "m_demand_10min.parquet")).reasoning_frac is None
