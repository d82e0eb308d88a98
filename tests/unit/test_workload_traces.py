import json
import time

import numpy as np
import pytest

from tokonomics.errors import InputError
from tokonomics.workload.trace import Trace, jittered_trace
from tokonomics.workload.trace_statistics import trace_statistics
from tokonomics.workload.traces import FORMATS, read_trace
from tokonomics.workload.traffic import traffic_from_trace

AZURE_2023 = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:50.9951690,396,109
2023-11-16 18:15:51.2219510,879,55
"""
AZURE_2024 = """TIMESTAMP,ContextTokens,GeneratedTokens
2024-05-10 00:00:00.009930+00:00,2162,5
2024-05-10 02:00:00.017335+02:00,2399,6
2024-05-10 00:00:01.009930Z,76,15
"""
BURSTGPT = """Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type
5,a1,3.2,ChatGPT,472,18,490,Conversation log
45,a2,0,ChatGPT,1087,0,1087,Conversation log
118,,1.5,GPT-4,417,276,693,API log
"""
BURSTGPT_OLD = """Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type
5,ChatGPT,472,18,490,Conversation log
118.5,GPT-4,417,276,693,API log
"""
PLAIN = "arrival_s,input_tokens,output_tokens\n0,10,1\n0.5,20,2\n1.5,30,3\n"
MOONCAKE = "\n".join(
    json.dumps({"timestamp": t, "input_length": i, "output_length": o, "hash_ids": h})
    for t, i, o, h in [(0, 1000, 50, [0, 1]), (3000, 1300, 60, [0, 1, 2]), (3000, 400, 70, [9])]
)
BAILIAN = "\n".join(
    json.dumps({"chat_id": n, "timestamp": t, "input_length": i, "output_length": 5, "hash_ids": h})
    for n, t, i, h in [(1, 0.5, 30, [7, 8]), (2, 61.114, 33, [7, 8, 2**63])]
)


@pytest.fixture
def written(tmp_path):
    def write(content: str, name: str = "trace.txt"):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("content", "found", "arrivals_s", "inputs", "outputs"),
    [
        (AZURE_2023, "azure-csv", [0, 4.314579, 4.541361], [374, 396, 879], [44, 109, 55]),
        (AZURE_2024, "azure-csv", [0, 0.007405, 1.0], [2162, 2399, 76], [5, 6, 15]),
        (BURSTGPT, "burstgpt-csv", [0, 113], [472, 417], [18, 276]),
        (BURSTGPT_OLD, "burstgpt-csv", [0, 113.5], [472, 417], [18, 276]),
        (PLAIN, "csv", [0, 0.5, 1.5], [10, 20, 30], [1, 2, 3]),
        (MOONCAKE, "mooncake-jsonl", [0, 3, 3], [1000, 1300, 400], [50, 60, 70]),
        (BAILIAN, "bailian-jsonl", [0, 60.614], [30, 33], [5, 5]),
    ],
)
def test_every_text_format_is_told_by_its_content(written, content, found, arrivals_s, inputs, outputs):
    trace = read_trace(written(content, "named.like.nothing"))
    assert trace.format == found
    assert trace.arrivals_s.tolist() == pytest.approx(arrivals_s, abs=2e-6)
    assert trace.input_tokens.tolist() == inputs
    assert trace.output_tokens.tolist() == outputs
    assert trace.num_skipped == 0


def test_every_format_has_a_name_of_its_own():
    assert len({one.name for one in FORMATS}) == len(FORMATS)


def test_lengths_without_arrivals_need_a_rate(written):
    trace = read_trace(written("input_tokens,output_tokens\n10,1\n30,3\n"))
    assert trace.arrivals_s is None
    with pytest.raises(InputError, match="has lengths only, so its rate is not known; give requests_per_s"):
        traffic_from_trace(trace)
    traffic = traffic_from_trace(trace, requests_per_s=7.0)
    assert (traffic.requests_per_s, traffic.peak_requests_per_s, traffic.mean_input_tokens) == (7.0, 7.0, 20.0)
    assert "Poisson arrivals and a peak at the mean are assumed" in traffic.source


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.rstrip("\n"),
        lambda text: "\n\n" + text.replace("\n", "\n\n"),
        lambda text: text.replace("TIMESTAMP", "timestamp").replace("ContextTokens", '"contexttokens"'),
        lambda text: text.replace("374", ' "374" '),
    ],
)
def test_ways_to_write_the_same_csv(written, change):
    same, plain = read_trace(written(change(AZURE_2023), "a")), read_trace(written(AZURE_2023, "b"))
    assert same.input_tokens.tolist() == plain.input_tokens.tolist()
    assert same.arrivals_s.tolist() == plain.arrivals_s.tolist()


def test_columns_in_another_order_and_more_of_them(written):
    trace = read_trace(written("x,GeneratedTokens,ContextTokens,TIMESTAMP\n,7,9,2024-05-10 00:00:00\n"))
    assert (trace.output_tokens.tolist(), trace.input_tokens.tolist()) == ([7.0], [9.0])


def test_burstgpt_failures_are_left_out_and_told(written):
    trace = read_trace(written(BURSTGPT))
    assert trace.notes == ("1 failed requests (zero response tokens) of 3 rows left out",)
    assert "1 failed requests" in traffic_from_trace(trace).source
    assert trace.num_skipped == 0  # a failure is a fact of the record, not a bad row


def test_line_numbers_and_rows_survive_many_chunks(written, monkeypatch):
    monkeypatch.setattr("tokonomics.workload.traces.text.CHUNK_BYTES", 64)
    rows = "".join(f"{n},{n + 1},{n + 2}\n" for n in range(500))
    path = written("arrival_s,input_tokens,output_tokens\n" + rows)
    assert read_trace(path).input_tokens.tolist() == [n + 1.0 for n in range(500)]
    path.write_text(path.read_text() + "500,bad,7\n")
    with pytest.raises(InputError, match=r"line 502, column 2 \(input_tokens\): 'bad' is no number"):
        read_trace(path)


def test_block_ids_of_mooncake(written):
    trace = read_trace(written(MOONCAKE))
    assert trace.block_hashes.offsets.tolist() == [0, 2, 5, 6]
    assert trace.block_hashes.tokens_per_block == 512
    assert traffic_from_trace(trace).cached_input_frac == pytest.approx(1024 / 2700)


def test_block_ids_of_bailian_may_be_any_size(written):
    trace = read_trace(written(BAILIAN))
    assert trace.block_hashes.tokens_per_block == 16
    assert trace_statistics(trace).cached_input_frac == pytest.approx(32 / 63)


def test_block_ids_may_be_text_or_missing(written):
    rows = [{"timestamp": n, "input_length": 600, "output_length": 5} for n in range(2)]
    assert read_trace(written("\n".join(map(json.dumps, rows)))).block_hashes is None
    rows[0]["hash_ids"] = ["ab", "cd"]
    rows[1]["hash_ids"] = ["ab", "xx"]
    trace = read_trace(written("\n".join(map(json.dumps, rows))))
    assert trace_statistics(trace).cached_input_frac == pytest.approx(512 / 1200)


def test_an_unexplained_block_length_is_told(written):
    row = {"timestamp": 0, "input_length": 5000, "output_length": 5, "hash_ids": [1] * 17}
    (note,) = read_trace(written(json.dumps(row))).notes
    assert "block length assumed 512 tokens" in note


def test_sorting_on_request_keeps_requests_whole(written):
    path = written("arrival_s,input_tokens,output_tokens\n5,50,5\n1,10,1\n3,30,3\n")
    with pytest.raises(InputError, match=r"line 3, column 1 \(arrival_s\): arrives before .*sort the rows by time"):
        read_trace(path)
    trace = read_trace(path, sort=True)
    assert trace.arrivals_s.tolist() == [0.0, 2.0, 4.0]
    assert trace.input_tokens.tolist() == [10.0, 30.0, 50.0]
    assert trace.notes == ("sorted: 1 rows stood out of order",)


def test_sorting_takes_block_ids_along(written):
    lines = MOONCAKE.split("\n")
    shuffled = read_trace(written("\n".join([lines[1], lines[0], lines[2]])), sort=True)
    assert shuffled.block_hashes.offsets.tolist() == [0, 2, 5, 6]
    assert len(set(shuffled.block_hashes.ids[:2]) & set(shuffled.block_hashes.ids[2:5])) == 2


def test_skipping_bad_rows_counts_and_names_them(written):
    path = written(PLAIN + "2,x,5\n3,40,0\n4,40,4\n")
    trace = read_trace(path, skip_bad=True)
    assert trace.input_tokens.tolist() == [10, 20, 30, 40]
    assert trace.num_skipped == 2
    assert "line 5, column 2 (input_tokens): 'x' is no number" in trace.skipped[0]
    assert "line 6, column 3 (output_tokens): 0 tokens" in trace.skipped[1]
    assert "2 bad rows left out" in traffic_from_trace(trace).source


def test_skipping_takes_block_ids_along(written):
    bad = json.dumps({"timestamp": 0, "input_length": 512, "output_length": 0, "hash_ids": [0]})
    trace = read_trace(written(bad + "\n" + MOONCAKE), skip_bad=True)
    assert trace.block_hashes.offsets.tolist() == [0, 2, 5, 6]


def test_traffic_of_a_minute_and_more(written):
    rows = "".join(f"{t},100,10\n" for t in [0, 10, 20, 30, 59, 60, 120, 125])
    traffic = traffic_from_trace(read_trace(written("arrival_s,input_tokens,output_tokens\n" + rows)))
    assert traffic.requests_per_s == pytest.approx(7 / 125)
    assert traffic.peak_requests_per_s == pytest.approx(5 / 60)
    assert traffic.rate_series_requests_per_s.tolist() == pytest.approx([5 / 60, 1 / 60])
    assert (traffic.window_s, traffic.peak_window_s) == (60.0, 60.0)
    assert "the peak is the busiest whole minute" in traffic.source
    assert "no prefix data" in traffic.source


def test_traffic_of_less_than_a_minute(written):
    traffic = traffic_from_trace(read_trace(written(PLAIN)))
    assert traffic.peak_requests_per_s == traffic.requests_per_s == pytest.approx(2 / 1.5)
    assert traffic.rate_series_requests_per_s is None
    assert traffic.peak_window_s is None
    assert "shorter than a minute: the peak is the mean" in traffic.source


def test_traffic_at_another_rate(written):
    traffic = traffic_from_trace(read_trace(written(PLAIN)), requests_per_s=10.0)
    assert traffic.requests_per_s == 10.0
    assert traffic.arrivals_s[-1] == pytest.approx(0.2)


@pytest.mark.parametrize("content", ["0,10,1\n", "4,10,1\n4,10,1\n"])
def test_a_trace_without_duration_needs_a_rate(written, content):
    trace = read_trace(written("arrival_s,input_tokens,output_tokens\n" + content))
    with pytest.raises(InputError, match="spans no time"):
        traffic_from_trace(trace)
    assert traffic_from_trace(trace, requests_per_s=3.0).requests_per_s == 3.0
    assert trace_statistics(trace).mean_requests_per_s is None


def _rounded() -> Trace:
    arrivals_s = np.repeat(np.arange(0.0, 300.0, 3.0), 10)
    lengths = np.arange(1.0, arrivals_s.size + 1)
    return Trace(name="r", format="t", input_tokens=lengths, output_tokens=lengths, arrivals_s=arrivals_s)


def test_a_rounded_clock_is_told_and_not_taken_for_burstiness(written):
    rows = "".join(f"{3 * (n // 10)},100,10\n" for n in range(100))
    trace = read_trace(written("arrival_s,input_tokens,output_tokens\n" + rows))
    assert trace.is_quantised
    assert "jitter them" in trace.notes[0]
    assert traffic_from_trace(trace).arrival_cv == 1.0
    assert trace_statistics(trace).arrival_cv > 2.5


def test_jitter_undoes_the_rounding_and_keeps_the_order():
    before = _rounded()
    after = jittered_trace(before, np.random.default_rng(1))
    assert not after.is_quantised
    assert (np.diff(after.arrivals_s) >= 0).all()
    assert after.arrivals_s[0] == 0.0
    assert np.abs(after.arrivals_s - before.arrivals_s).max() < 3.0
    assert after.input_tokens.tolist() == before.input_tokens.tolist()
    assert "jittered inside 3 s" in after.notes[-1]
    assert 0.8 < traffic_from_trace(after).arrival_cv < 1.2


def test_jitter_repeats_with_the_same_seed_and_leaves_the_original():
    one, two = (jittered_trace(_rounded(), np.random.default_rng(5)).arrivals_s for _ in range(2))
    assert one.tolist() == two.tolist()
    assert _rounded().is_quantised


def test_jitter_needs_arrivals_and_a_window():
    lengths = np.array([5.0])
    bare = Trace(name="bare", format="t", input_tokens=lengths, output_tokens=lengths)
    with pytest.raises(InputError, match="bare has no arrivals"):
        jittered_trace(bare, np.random.default_rng(1))
    with pytest.raises(InputError, match="window_s=0"):
        jittered_trace(_rounded(), np.random.default_rng(1), window_s=0.0)


def test_requests_of_one_instant_keep_their_order_when_sorting(written):
    rows = [(9, 1)] + [(n % 3, n + 1) for n in range(60)]
    text = "arrival_s,input_tokens,output_tokens\n" + "".join(f"{t},{i},1\n" for t, i in rows)
    expected = [i for _, i in sorted(rows, key=lambda one: one[0])]
    assert read_trace(written(text), sort=True).input_tokens.tolist() == expected


def test_timestamps_without_offset_do_not_depend_on_the_machine(written, monkeypatch):
    across_a_clock_change = "TIMESTAMP,ContextTokens,GeneratedTokens\n" + "".join(
        f"2024-03-31 0{hour}:30:00,5,5\n" for hour in (0, 1, 2, 3)
    )
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        trace = read_trace(written(across_a_clock_change))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert trace.arrivals_s.tolist() == [0.0, 3600.0, 7200.0, 10800.0]
