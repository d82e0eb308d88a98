"""Reading a corpus of measurements: units, missing cells, and every mistake at once."""

from pathlib import Path

import pytest

from tokonomics.errors import InputError
from tokonomics.measure.corpus import MODES, parse_corpus, read_corpus

HEADER = (
    "source_id,model,weight_dtype,kv_dtype,gpu,num_gpus,tp,pp,ep,engine,engine_version,mode,isl_mean,osl_mean,dataset,"
    "concurrency,batch,request_rate,prefill_tok_s,output_tok_s_total,ttft_ms_mean,ttft_ms_p50,tpot_ms_mean,tpot_ms_p50,note"
)


def text(**cells: str) -> str:
    usual = {"source_id": "here", "model": "m", "gpu": "g", "engine": "vllm", "mode": "concurrency"}
    row = usual | cells
    return f"{HEADER}\n{','.join(row.get(name, '') for name in HEADER.split(','))}\n"


def test_quantities_come_in_base_units():
    (row,) = parse_corpus(text(ttft_ms_p50="250", tpot_ms_p50="12.5", output_tok_s_total="900.5", isl_mean="1024.0"))
    assert (row.ttft_s, row.tpot_s) == (0.25, 0.0125)
    assert (row.output_tokens_per_s, row.input_tokens) == (900.5, 1024.0)


def test_the_median_stands_before_the_mean():
    (both,) = parse_corpus(text(ttft_ms_mean="300", ttft_ms_p50="250", tpot_ms_mean="12.5"))
    assert (both.ttft_s, both.tpot_s) == (0.25, 0.0125)


def test_an_empty_cell_is_not_known_and_a_zero_was_not_measured():
    (row,) = parse_corpus(text(output_tok_s_total="0.0", ep="0.0"))
    assert (row.output_tokens_per_s, row.ttft_s, row.num_gpus, row.ep) == (None, None, None, None)


def test_a_prompt_may_be_empty():
    (row,) = parse_corpus(text(mode="single-decode", isl_mean="0.0", osl_mean="128"))
    assert (row.input_tokens, row.output_tokens) == (0.0, 128.0)


def test_counts_may_be_written_as_floats():
    (row,) = parse_corpus(text(num_gpus="8.0", tp="4.0", concurrency="32"))
    assert (row.num_gpus, row.tp, row.num_in_flight) == (8, 4, 32)


def test_a_row_knows_its_line_even_below_blank_ones_and_quoted_breaks():
    first = text(note='"two\nlines"')
    rows = parse_corpus(first + "\n,,\n" + first.split("\n", 1)[1])
    assert [row.line for row in rows] == [3, 7]
    assert rows[0].note == "two\nlines"


def test_columns_that_nothing_needs_are_passed_over():
    (row,) = parse_corpus("source_id,model,gpu,engine,mode,color\nhere,m,g,vllm,rate,red\n")
    assert row.mode == "rate"


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_known(mode: str):
    assert parse_corpus(text(mode=mode))[0].mode == mode


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("isl_mean", "long"),
        ("osl_mean", "-1"),
        ("ttft_ms_p50", "nan"),
        ("output_tok_s_total", "inf"),
        ("num_gpus", "1.5"),
        ("mode", "fast"),
        ("mode", ""),
    ],
)
def test_a_bad_cell_is_named_with_its_place(cell: str, value: str):
    with pytest.raises(InputError) as caught:
        parse_corpus(text(**{cell: value}), where="mine.csv")
    assert caught.value.violations[0].startswith(f"mine.csv:2: {cell}={value!r} must")


def test_all_bad_cells_are_told_at_once():
    with pytest.raises(InputError) as caught:
        parse_corpus(text(isl_mean="x", osl_mean="y", mode="z"))
    assert len(caught.value.violations) == 3


def test_very_many_bad_cells_are_counted():
    head, row = text(isl_mean="x").splitlines()
    with pytest.raises(InputError) as caught:
        parse_corpus("\n".join([head, *[row] * 50]))
    assert len(caught.value.violations) == 21
    assert "30 more bad cells" in caught.value.violations[-1]


def test_missing_columns_are_all_named():
    with pytest.raises(InputError) as caught:
        parse_corpus("source_id,model\nx,y\n")
    assert [word in str(caught.value) for word in ("'gpu'", "'engine'", "'mode'")] == [True] * 3


def test_a_column_may_not_appear_twice():
    with pytest.raises(InputError, match="appears twice"):
        parse_corpus("source_id,model,gpu,engine,mode,mode\n")


def test_a_short_row_is_an_error_and_not_a_guess():
    with pytest.raises(InputError, match="3 cells under 5 columns"):
        parse_corpus("source_id,model,gpu,engine,mode\nhere,m,rate\n")


def test_a_broken_quote_is_told():
    with pytest.raises(InputError, match="not readable as CSV"):
        parse_corpus('source_id,model,gpu,engine,mode\n"here"x,m,g,vllm,rate\n')


def test_an_empty_corpus_has_no_rows():
    assert parse_corpus(HEADER) == ()


def test_a_file_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(InputError, match="cannot read"):
        read_corpus(tmp_path / "none.csv")


def test_a_file_that_is_not_text_is_told(tmp_path: Path):
    path = tmp_path / "image.csv"
    path.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(InputError, match="not UTF-8"):
        read_corpus(path)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path):
    path = tmp_path / "bom.csv"
    path.write_text(text(), encoding="utf-8-sig")
    assert len(read_corpus(path)) == 1
