"""Every broken file is one error with advice, never a traceback of another kind and never a silent wrong number."""

import gzip
import json
import os
import re

import duckdb
import numpy as np
import pytest

from tokonomics.errors import InputError
from tokonomics.workload.traces import read_trace
from tokonomics.workload.traffic import traffic_from_trace

HEADER = "arrival_s,input_tokens,output_tokens\n"


@pytest.fixture
def written(tmp_path):
    def write(content: str | bytes, name: str = "trace.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(InputError, match=r"no file .*gone\.csv; check the path"):
        read_trace(tmp_path / "gone.csv")
    with pytest.raises(InputError, match="is a folder; name one trace file"):
        read_trace(tmp_path)
    with pytest.raises(InputError, match="no file"):
        read_trace(str(tmp_path / "a" / "b"))


def test_a_pipe_is_no_trace(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="no plain file"):
        read_trace(tmp_path / "pipe")


def test_a_file_the_system_keeps_shut(written, monkeypatch):
    path = written(HEADER)

    def refuse(*_args, **_more):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(InputError, match="cannot read .*: Permission denied; check the path and its permissions"):
        read_trace(path)


def test_a_file_beyond_the_bound_is_not_opened(tmp_path, monkeypatch):
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.truncate((4 << 30) + 1)  # sparse: takes no disk
    with pytest.raises(InputError, match=r"huge\.csv: 4294967297 bytes; limit=4294967296 bytes"):
        read_trace(path)


def test_more_rows_than_memory_should_hold(written, tmp_path, monkeypatch):
    monkeypatch.setattr("tokonomics.workload.traces.raw.MAX_ROWS", 3)
    assert read_trace(written(HEADER + "1,5,5\n" * 3)).num_requests == 3
    with pytest.raises(InputError, match=r"trace\.csv: 4 rows or more; limit=3; cut the trace into parts"):
        read_trace(written(HEADER + "1,5,5\n" * 4))
    with pytest.raises(InputError, match="4 hash ids or more"):
        read_trace(written(f"{line()}\n{line()}\n"))
    path = tmp_path / "t.parquet"
    duckdb.sql("select 1 as input_tokens, 1 as output_tokens from range(4)").write_parquet(str(path))
    with pytest.raises(InputError, match="4 rows or more"):
        read_trace(path)
    query = "select 1 as input_tokens, 1 as output_tokens, [1, 2] as block_hashes from range(2)"
    duckdb.sql(query).write_parquet(str(path))
    with pytest.raises(InputError, match="4 block ids or more"):
        read_trace(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty; give a trace"),
        (b" \n\n\t\n", "is empty; give a trace"),
        (b"\xef\xbb\xbf", "is empty; give a trace"),
        (HEADER.encode(), "is empty: it holds no request"),
        (gzip.compress(HEADER.encode(), mtime=0), "is packed with gzip; unpack it first"),
        (b"PK\x03\x04xl/workbook", "is packed with zip"),
        (b"\x28\xb5\x2f\xfd....", "is packed with zstd"),
        ((HEADER + "1,2,3\n").encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
        (HEADER.encode() + b"1,2,3\n1,\xff,3\n", "line 3: byte 0xff is no UTF-8"),
        (b"Z\xfcrich,b\n", "line 1: byte 0xfc is no UTF-8"),
        (b'[{"timestamp": 0}]', "is one JSON array; write one JSON object on a line"),
        (b'{"timestamp": 0,\n"input_length": 5}', "the first line is no JSON object"),
        (b'{"a": ' * 100_000, "the first line is no JSON object"),
        (b'{"timestamp": 0, "input_length": 5}', "expected .*timestamp,input_length,output_length"),
        (b"PAR1", "is a Parquet file that was cut off"),
        (b"PAR1" + b"x" * 100, "is a Parquet file that was cut off"),
        (b"PAR1" + b"x" * 100 + b"PAR1", "is not readable as Parquet"),
        (b"\x00\x01\x02\x03" * 50, "is of no known format"),
        (b"just some words\n", "is of no known format"),
        (b"arrival_s;input_tokens;output_tokens\n1;2;3\n", "whose cells no comma separates"),
        (b"TIMESTAMP,ContextTokens\n1,2\n", "expected TIMESTAMP,ContextTokens,GeneratedTokens"),
        (HEADER.encode() + b"x" * (17 << 20), "line 2: too long; limit=16777216 bytes"),
    ],
)
def test_what_is_no_trace_at_all(written, content, said):
    with pytest.raises(InputError, match=said):
        read_trace(written(content))


def test_an_unknown_header_lists_every_known_format(written):
    with pytest.raises(InputError) as caught:
        read_trace(written("time,prompt,completion\n1,2,3\n"))
    (said,) = caught.value.violations
    for known in ("azure-csv", "burstgpt-csv", "Request tokens", "arrival_s", "input_tokens"):
        assert known in said
    assert "it has 'time,prompt,completion'" in said


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("abc,5,5", "column 1 (arrival_s): 'abc' is no number; write a time"),
        ("nan,5,5", "column 1 (arrival_s): 'nan' is no number"),
        ("inf,5,5", "column 1 (arrival_s): 'inf' is no number"),
        (",5,5", "column 1 (arrival_s): is empty; write a time"),
        ("1,,5", "column 2 (input_tokens): is empty; write whole tokens"),
        ("1,NaN,5", "column 2 (input_tokens): 'nan' is no number"),
        ("1,-7,5", "column 2 (input_tokens): -7 tokens; limit=1 to 1e+08"),
        ("1,0,5", "column 2 (input_tokens): 0 tokens; limit=1"),
        ("1,5,0", "column 3 (output_tokens): 0 tokens; limit=1"),
        ("1,5,100000001", "column 3 (output_tokens): 100000001 tokens; limit=1 to 1e+08"),
        ("1,1e300,5", "column 2 (input_tokens): 1e+300 tokens; limit=1 to 1e+08"),
        ("1,5.5,5", "column 2 (input_tokens): 5.5 is no whole number of tokens"),
        ("1,5", "2 cells; the header has 3; write it like the other rows"),
        ("1,5,5,5", "4 cells; the header has 3"),
        ("1,x" + "y" * 500 + ",5", f"column 2 (input_tokens): '{'x' + 'y' * 39}' is no number"),
        ("1,\x1b[31m,5", r"column 2 (input_tokens): '\x1b[31m' is no number"),
    ],
)
def test_a_bad_cell_is_named_by_line_and_column(written, row, said):
    with pytest.raises(InputError) as caught:
        read_trace(written(HEADER + "0,5,5\n\n" + row + "\n9,5,5\n"))
    assert caught.value.violations[0].startswith("trace.csv line 4")
    assert said in caught.value.violations[0]
    assert "1 bad rows in all; correct them, or leave them out with --skip-bad" in caught.value.violations[1]


@pytest.mark.parametrize("row", ["abc,5,5", "1,-7,5", "1,5,0", "1,5", "1,nan,nan", ",,"])
def test_the_same_rows_can_be_left_out(written, row):
    trace = read_trace(written(HEADER + "0,5,5\n" + row + "\n9,6,5\n"), skip_bad=True)
    assert trace.input_tokens.tolist() == [5.0, 6.0]
    assert trace.num_skipped == 1
    assert len(trace.skipped) >= 1


def test_two_wrong_cells_in_one_row_are_two_problems_and_one_row(written):
    with pytest.raises(InputError) as caught:
        read_trace(written(HEADER + "x,y,0\n"))
    assert len(caught.value.violations) == 4
    assert caught.value.violations[-1].startswith("1 bad rows")


@pytest.mark.parametrize("row", ["1,x,5", "1,5"])
def test_twenty_problems_then_a_count(written, row):
    path = written(HEADER + "0,5,5\n" + f"{row}\n" * 57)
    with pytest.raises(InputError) as caught:
        read_trace(path)
    assert len(caught.value.violations) == 21
    assert caught.value.violations[-1].startswith("57 bad rows in all; the first 20 problems are listed")
    assert all(re.match(rf"trace.csv line {n}[:,]", one) for n, one in enumerate(caught.value.violations[:20], 3))
    trace = read_trace(path, skip_bad=True)
    assert (trace.num_skipped, len(trace.skipped)) == (57, 20)


def test_when_every_row_is_bad_nothing_is_left_to_skip_to(written):
    with pytest.raises(InputError, match="is empty: all 2 rows are bad"):
        read_trace(written(HEADER + "1,x,5\n2,5,0\n"), skip_bad=True)


def test_a_clock_in_another_unit_is_noticed(written):
    rows = "".join(f"{n},5,5\n" for n in range(5))
    with pytest.raises(InputError, match=r"line 7, column 1 \(arrival_s\): 1.79e\+12 s away .*check the unit"):
        read_trace(written(HEADER + rows + "1790000000000,5,5\n"))


def test_huge_times_take_no_memory(written):
    with pytest.raises(InputError, match="away from the other requests"):
        read_trace(written(HEADER + "-1e300,5,5\n0,5,5\n1e300,5,5\n"))


def test_the_longest_trace_that_is_allowed_can_be_used(written):
    trace = read_trace(written(HEADER + "0,5,5\n150000000,5,5\n300000000,5,5\n"))
    assert traffic_from_trace(trace).rate_series_requests_per_s.size == 5_000_000


@pytest.mark.parametrize(
    ("stamp", "is_read"),
    [
        ("2024-05-10 00:00:01.5+00:00", True),
        ("2024-05-10T00:00:01Z", True),
        ("10/05/2024 00:00", False),
        ("1715299200", False),
        ("2024-13-10 00:00:00", False),
        ("", False),
    ],
)
def test_timestamps(written, stamp, is_read):
    path = written("TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00,5,5\n" + stamp + ",5,5\n")
    if is_read:
        assert read_trace(path).num_requests == 2
        return
    with pytest.raises(InputError, match=r"line 3, column 1 \(TIMESTAMP\): .*write a time"):
        read_trace(path)


def outcome(path):
    try:
        read_trace(path)
    except InputError as error:
        return str(error)
    return "read"


def line(**changes):
    row = {"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [1, 2]}
    return json.dumps(row | changes)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("{", "line 2: is no JSON"),
        ("[1, 2]", "line 2: is no JSON object"),
        ("7", "line 2: is no JSON object"),
        ('{"a": ' * 50_000, "line 2: is no JSON"),
        ('{"timestamp": ' + "9" * 5000 + "}", "line 2: is no JSON"),
        ("{}", "line 2, key timestamp: is empty"),
        (line(input_length=None), "line 2, key input_length: is empty"),
        (line(input_length=True), "line 2, key input_length: 'true' is no number"),
        (line(input_length=[5]), "line 2, key input_length: '[5]' is no number"),
        (line(input_length="many"), "line 2, key input_length: 'many' is no number"),
        (line(output_length=0), "line 2, key output_length: 0 tokens"),
        (line(output_length=float("nan")), "line 2, key output_length: 'nan' is no number"),
        (line(timestamp=10**400), "line 2, key timestamp: 'inf' is no number"),
        (line(hash_ids=[[1]]), "line 2: hash_ids is no list of ids"),
        (line(hash_ids="abc"), "line 2: hash_ids is no list of ids"),
        (line(hash_ids={"a": 1}), "line 2: hash_ids is no list of ids"),
    ],
)
def test_bad_json_lines(written, bad, said):
    path = written(f"{line()}\n{bad}\n{line(timestamp=9)}\n")
    with pytest.raises(InputError) as caught:
        read_trace(path)
    assert said in caught.value.violations[0]
    trace = read_trace(path, skip_bad=True)
    assert trace.num_skipped == 1
    assert trace.block_hashes.offsets.tolist() == [0, 2, 4]


def test_a_parquet_file_cut_anywhere_is_refused(tmp_path):
    whole = tmp_path / "whole.parquet"
    query = "select i::double as arrival_s, 5 as input_tokens, 5 as output_tokens from range(2000) t(i)"
    duckdb.sql(query).write_parquet(str(whole))
    content = whole.read_bytes()
    part = tmp_path / "part.parquet"
    for size in np.linspace(4, len(content) - 1, 12).astype(int):
        part.write_bytes(content[:size])
        with pytest.raises(InputError, match=r"part\.parquet is"):
            read_trace(part)


def test_a_parquet_file_damaged_inside_is_refused_or_read_but_never_crashes(tmp_path):
    path = tmp_path / "t.parquet"
    query = "select i::double as arrival_s, 5 as input_tokens, 5 as output_tokens from range(300) t(i)"
    duckdb.sql(query).write_parquet(str(path))
    content = path.read_bytes()
    rng = np.random.default_rng(11)
    for _ in range(30):
        damaged = bytearray(content)
        for place in rng.integers(4, len(content) - 8, 3):
            damaged[place] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        said = outcome(path)
        assert said == "read" or "t.parquet" in said


def test_no_error_says_where_the_file_lies_beyond_what_the_user_typed(tmp_path):
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1" + b"x" * 100 + b"PAR1")
    with pytest.raises(InputError) as caught:
        read_trace(path)
    assert str(tmp_path) not in str(caught.value)
