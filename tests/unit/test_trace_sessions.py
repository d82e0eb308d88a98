"""Which session a request of a trace is of: every format that can say, what counts as none, and what keeps them."""

import json
from dataclasses import replace

import duckdb
import numpy as np
import pytest

from tokonomics.errors import InputError
from tokonomics.simulation.requests import requests_from_trace
from tokonomics.workload.replay import merged_trace, repeated_trace, rescaled_trace, sped_up_trace, thinned_trace
from tokonomics.workload.resample import bootstrapped_trace
from tokonomics.workload.sessions import SessionShape, session_trace
from tokonomics.workload.trace import NO_SESSION, Trace, jittered_trace
from tokonomics.workload.traces import read_trace
from tokonomics.workload.traces.sessions import chained_sessions

PLAIN = "arrival_s,input_tokens,output_tokens,session_id\n0,10,1,b\n1,20,2,\n2,30,3,a\n3,40,4, b \n"
BURSTGPT = """Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type
5,a1,3.2,ChatGPT,472,18,490,Conversation log
45,a2,0,ChatGPT,1087,0,1087,Conversation log
60,a1,2,ChatGPT,1087,7,1094,Conversation log
118,,1.5,GPT-4,417,276,693,API log
"""
COLUMNS = ("timestamp", "input_length", "output_length")


def lines_of(*rows):
    return "\n".join(json.dumps(dict(zip(COLUMNS, (place, 10, 5))) | row) for place, row in enumerate(rows))


@pytest.fixture
def read(tmp_path):
    def read(content, **how):
        path = tmp_path / "trace"
        path.write_text(content, encoding="utf-8")
        return read_trace(path, **how)

    return read


@pytest.fixture
def written(tmp_path):
    """A Parquet trace whose session_id is the SQL expression, of n = 0, 1, 2, 3."""

    def write(session):
        path = tmp_path / "t.parquet"
        columns = f"n::double as arrival_s, 10 as input_tokens, 5 as output_tokens, {session} as session_id"
        duckdb.sql(f"copy (select {columns} from range(4) t(n)) to '{path}' (format parquet)")
        return path

    return write


def ids_of(trace):
    return None if trace.session_ids is None else trace.session_ids.tolist()


@pytest.mark.parametrize(
    ("content", "ids"),
    [
        (PLAIN, [0, -1, 1, 0]),
        (PLAIN.replace("session_id", "Session_ID"), [0, -1, 1, 0]),
        (PLAIN.replace("0,10,1,b", '0,10,1,"b"'), [0, -1, 1, 0]),
        (PLAIN.replace(",session_id", ",other"), None),
        (PLAIN.replace(",b", ",").replace(",a", ",").replace(", b ", ",  "), None),
        (BURSTGPT, [0, 0, -1]),
        (lines_of({"session_id": "x"}, {}, {"session_id": None}, {"session_id": ""}, {"session_id": "x"}), [0, -1, -1, -1, 0]),
        (lines_of({"session_id": 7}, {"session_id": 8}, {"session_id": 7}), [0, 1, 0]),
        (lines_of({}, {}), None),
    ],
    ids=["csv", "any case", "quotes", "no column", "all empty", "burstgpt", "text", "numbers", "no key"],
)  # fmt: skip
def test_who_names_sessions(read, content, ids):
    assert ids_of(read(content)) == ids


@pytest.mark.parametrize(
    ("session", "ids"),
    [
        ("n // 2", [0, 0, 1, 1]),
        ("nullif(n // 2, 1)", [0, 0, -1, -1]),
        ("case when n < 2 then n::double end", [0, 1, -1, -1]),
        ("case when n < 2 then 3.0 else 'nan'::double end", [0, 0, -1, -1]),
        ("case n when 0 then '' when 1 then ' a' else 'a' end", [-1, 0, 0, 0]),
        ("('00000000-0000-0000-0000-00000000000' || n % 2)::uuid", [0, 1, 0, 1]),
        ("null::varchar", None),
    ],
    ids=["numbers", "missing", "missing as pandas has it", "nan", "text", "uuid", "none at all"],
)
def test_sessions_of_parquet(written, session, ids):
    assert ids_of(read_trace(written(session))) == ids


@pytest.mark.parametrize("session", ["[n]", "{'a': n}", "n > 1"])
def test_what_is_no_name_is_refused_in_parquet(written, session):
    with pytest.raises(InputError, match=r"column session_id is .*; write text or whole numbers"):
        read_trace(written(session))


@pytest.mark.parametrize("wrong", [[1], {"a": 1}, True])
def test_what_is_no_name_is_a_bad_line(read, wrong):
    text = lines_of({"session_id": "a"}, {"session_id": wrong}, {"session_id": "a"})
    with pytest.raises(InputError, match="line 2: session_id is no text or number"):
        read(text)
    assert ids_of(read(text, skip_bad=True)) == [0, 0]


def test_turns_of_bailian_follow_their_parents(read):
    chats = [(5, -1), (9, 5), (2, -1), (7, 9), (3, 2), (8, 100), (6, 100)]
    trace = read(lines_of(*({"chat_id": chat, "parent_chat_id": parent} for chat, parent in chats)))
    assert trace.format == "bailian-jsonl"
    first, second, cut = (trace.session_ids[row] for row in (0, 2, 5))
    assert ids_of(trace) == [first, first, second, first, second, cut, cut]
    assert len({first, second, cut}) == 3


def test_turns_of_bailian_without_parents_are_of_no_known_session(read):
    assert ids_of(read(lines_of({"chat_id": 1}, {"chat_id": 2}))) is None
    assert ids_of(read(lines_of({"chat_id": 1, "parent_chat_id": -1}, {"chat_id": 2}))) == [0, -1]


def test_a_chain_is_followed_in_any_order_and_a_ring_ends():
    turns, parents = ["4", "3", "2", "1", "0"], ["3", "2", "1", "0", "-1"]
    assert len(set(chained_sessions(turns, parents).tolist())) == 1
    assert chained_sessions(["1", "2"], ["2", "1"]).size == 2
    assert chained_sessions([], []).size == 0
    assert chained_sessions(["", "1"], ["", "-1"]).tolist() == [NO_SESSION, 0]


def test_sessions_stay_with_their_rows(read):
    text = PLAIN.replace("2,30,3,a", "9,30,3,a").replace("1,20,2,", "1,x,2,c")
    trace = read(text, skip_bad=True, sort=True)
    assert trace.input_tokens.tolist() == [10, 40, 30]
    first, second = trace.session_ids[0], trace.session_ids[2]
    assert ids_of(trace) == [first, first, second]
    assert first != second


def test_names_are_numbered_alike_across_chunks(read, monkeypatch):
    monkeypatch.setattr("tokonomics.workload.traces.text.CHUNK_BYTES", 64)
    rows = "".join(f"{n},1,1,s{n % 7}\n" for n in range(300))
    trace = read("arrival_s,input_tokens,output_tokens,session_id\n" + rows)
    assert ids_of(trace) == [n % 7 for n in range(300)]


def talk(session_ids=(3, NO_SESSION, 3, 5)):
    num = len(session_ids)
    return Trace(
        name="talk",
        format="test",
        input_tokens=np.arange(1.0, num + 1),
        output_tokens=np.ones(num),
        arrivals_s=np.arange(num, dtype=float),
        session_ids=np.array(session_ids),
    )


def test_who_is_of_no_session_stays_so():
    rng = np.random.default_rng(1)
    made = {
        "repeated": repeated_trace(talk(), 3),
        "rescaled": rescaled_trace(talk(), 3.0, rng, window_s=100.0),
        "resampled": bootstrapped_trace(talk(), rng, block_s=2.0, span_s=40.0),
        "merged": merged_trace([talk(), talk()]),
        "faster": sped_up_trace(talk(), 2.0),
        "jittered": jittered_trace(talk(), rng),
    }
    for how, trace in made.items():
        is_alone = trace.input_tokens == 2.0
        assert is_alone.any(), how
        assert (trace.session_ids[is_alone] == NO_SESSION).all(), how
        assert (trace.session_ids[~is_alone] >= 0).all(), how


def test_no_two_traces_share_a_session_when_merged():
    merged = merged_trace([talk(), talk((NO_SESSION, 0, 0, 1))])
    assert len(set(merged.session_ids.tolist()) - {NO_SESSION}) == 4


def test_requests_of_no_session_are_thinned_one_by_one():
    trace = talk([NO_SESSION] * 1000 + [0] * 1000)
    kept = thinned_trace(trace, 0.5, np.random.default_rng(0), by="session").session_ids
    assert 400 < (kept == NO_SESSION).sum() < 600
    assert (kept == 0).sum() in (0, 1000)


class TestRequests:
    def test_sessions_are_numbered_from_zero(self):
        assert requests_from_trace(talk()).session_index.tolist() == [0, -1, 0, 1]

    def test_a_repeated_play_has_its_own(self):
        assert requests_from_trace(talk(), num_repeats=2).session_index.tolist() == [0, -1, 0, 1, 2, -1, 2, 3]

    def test_none_named_after_a_cut_is_no_error(self):
        one = talk().take(np.array([1]))
        assert requests_from_trace(one, num_repeats=2).session_index.tolist() == [-1, -1]

    def test_a_trace_without_them_has_none(self):
        assert requests_from_trace(replace(talk(), session_ids=None)).session_index is None

    def test_conversations_that_are_made_up_know_theirs(self):
        rng = np.random.default_rng(2)
        shape = SessionShape(mean_turns_ratio=3.0, turn_gap_s=5.0)
        one = np.array([9.0])
        trace = session_trace(np.sort(rng.random(50)), shape, rng, prompt_tokens=one, answer_tokens=one)
        assert (requests_from_trace(trace).session_index == trace.session_ids).all()
