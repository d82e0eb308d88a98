"""`tok accuracy` as a user runs it, on a few made rows and on the real corpus where it is at hand."""

import csv
import json
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tokonomics.cli.main import main

Run = Callable[..., tuple[int, str, str]]
HEADER = "source_id,model,weight_dtype,gpu,num_gpus,engine,mode,isl_mean,osl_mean,concurrency,output_tok_s_total,tpot_ms_p50,note"
ROWS = (
    "lab,meta-llama/Llama-3.1-8B-Instruct,fp8,H100-SXM-80GB,1,vllm,concurrency,1024,256,16,1800,8.5,",
    "lab,meta-llama/Llama-3.1-8B-Instruct,fp8,H100-SXM-80GB,1,vllm,concurrency,1024,256,1,,5.1,",
    "lab,nobody/knows,fp8,H100-SXM-80GB,1,vllm,concurrency,1024,256,16,1500,,",
    "lab,meta-llama/Llama-3.1-8B-Instruct,fp8,H100-SXM-80GB,1,vllm,concurrency,1024,256,16,99999,,EXCEEDS PHYSICS",
)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `tok` in this process; gives (exit code, stdout, stderr)."""
    monkeypatch.setenv("COLUMNS", "120")

    def call(*args: str) -> tuple[int, str, str]:
        code = main(args)
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Four made measurements: two to predict, one unknown, one excluded."""
    path = tmp_path / "made.csv"
    path.write_text("\n".join([HEADER, *ROWS]) + "\n", encoding="utf-8")
    return path


def test_the_report_is_for_people(run: Run, corpus: Path):
    code, out, _ = run("accuracy", str(corpus))
    assert code == 0
    assert "made.csv: 4 measurements; 1 are excluded" in out
    assert "model 'nobody/knows' is not in the catalogue" in out
    assert "exceeds physics" in out


def test_the_document_is_for_programs(run: Run, corpus: Path):
    code, out, _ = run("accuracy", str(corpus), "--json")
    body = json.loads(out)
    assert code == 0
    assert body["kind"] == "accuracy"
    by_metric = {row["metric"]: row for row in body["overall"]}
    assert by_metric["output_tokens_per_s"]["rows"] == 2
    assert by_metric["output_tokens_per_s"]["predicted"] == 0.5
    assert by_metric["tpot_s"]["predicted"] == 1.0
    assert by_metric["tpot_s"]["mdape"] < 0.4
    assert by_metric["tpot_s"]["coverage_10_90"] in (0.0, 0.5, 1.0), "two rows, each inside its interval or not"
    assert {row["by"] for row in body["groups"]} == {
        "source", "accelerator", "model", "precision", "engine", "mode", "exclusion",
    }  # fmt: skip
    assert [row["line"] for row in body["unpredicted"]] == [4]


def test_predictions_go_to_a_file_and_the_report_to_stdout(run: Run, corpus: Path, tmp_path: Path):
    path = tmp_path / "predictions.csv"
    code, out, err = run("accuracy", str(corpus), "-o", str(path), "--json")
    assert code == 0
    assert json.loads(out)["num_rows"] == 4
    assert f"wrote {path}" in err
    rows = list(csv.DictReader(StringIO(path.read_text("utf-8"))))
    assert [row["line"] for row in rows] == ["2", "3", "4", "5"]
    assert float(rows[0]["tpot_s"]) > float(rows[1]["tpot_s"]) > 0
    assert rows[2]["tpot_s"] == ""
    assert rows[2]["reason"]
    assert rows[3]["exclusion"] == "exceeds physics"


def test_without_json_the_report_beside_a_file_is_a_table(run: Run, corpus: Path, tmp_path: Path):
    code, out, _ = run("accuracy", str(corpus), "-o", str(tmp_path / "p.csv"), "-q")
    assert code == 0
    assert out.startswith("made.csv: 4 measurements")


@pytest.mark.parametrize("fmt", ["csv", "md"])
def test_other_formats_work_too(run: Run, corpus: Path, fmt: str):
    code, out, _ = run("accuracy", str(corpus), "-f", fmt)
    assert code == 0
    assert "tpot_s" in out


def test_predictions_are_csv_or_nothing(run: Run, corpus: Path, tmp_path: Path):
    code, _, err = run("accuracy", str(corpus), "-o", str(tmp_path / "p.json"))
    assert code == 2
    assert "end it in .csv" in err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("source_id,model\nx,y\n", "no column 'gpu'"),
        (f"{HEADER}\nlab,m,fp8,g,one,vllm,fast,x,1,1,1,1,\n", "num_gpus='one'"),
        ("", "no column 'source_id'"),
    ],
)
def test_a_bad_file_is_told_and_not_traced(run: Run, tmp_path: Path, text: str, told: str):
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="utf-8")
    code, out, err = run("accuracy", str(path))
    assert (code, out) == (2, "")
    assert told in err
    assert "Traceback" not in err


def test_a_missing_file_is_told(run: Run, tmp_path: Path):
    code, _, err = run("accuracy", str(tmp_path / "none.csv"))
    assert code == 2
    assert "cannot read" in err


@pytest.fixture(scope="module")
def real(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report on the real corpus, and how long it took."""
    from tokonomics.catalog.load import load_catalog
    from tokonomics.measure.corpus import read_corpus
    from tokonomics.measure.predict import predict_corpus
    from tokonomics.report.accuracy_view import accuracy_dict

    rows, catalog = read_corpus(shared_dir / "data/measurements/measurements.csv"), load_catalog()
    few = [next(one for one in rows if one.mode == mode) for mode in ("rate", "concurrency")]
    predict_corpus(few, catalog)  # the compiler's time is none of the answer's
    begin = time.process_time()
    predictions = predict_corpus(rows, catalog)
    return {**accuracy_dict(predictions), "cpu_s": time.process_time() - begin}


def test_the_real_corpus_takes_seconds(real: dict[str, Any]):
    assert real["num_rows"] > 9000
    assert real["cpu_s"] < 30.0


def test_what_the_catalogue_knows_is_predicted(real: dict[str, Any]):
    known_facts = ("has no memory bandwidth", "has no link rate", "has no memory size")
    overall = real["overall"]
    known, predicted = (sum(row[key] for row in overall) for key in ("known_rows", "predicted_rows"))
    lacking = sum(any(words in gap["reason"] for words in known_facts) for gap in real["unpredicted"])
    assert predicted >= 0.98 * (known - lacking)


@pytest.mark.parametrize(
    ("metric", "at_most"),
    [("output_tokens_per_s", 0.20), ("prefill_tokens_per_s", 0.40), ("tpot_s", 0.20), ("ttft_s", 0.40)],
)
def test_the_model_does_not_get_worse_than_it_was(real: dict[str, Any], metric: str, at_most: float):
    (row,) = [row for row in real["overall"] if row["metric"] == metric]
    assert row["mdape"] < at_most
    assert abs(row["bias"]) < 0.15


@pytest.mark.parametrize(("concurrency", "tpot_ms"), [(4, 11.78), (16, 13.19), (32, 16.49), (64, 19.51)])
def test_the_anchor_of_a_70b_on_four_h100(run: Run, tmp_path: Path, concurrency: int, tpot_ms: float):
    path, out = tmp_path / "anchor.csv", tmp_path / "predictions.csv"
    row = f"lab,meta-llama/Llama-3.1-70B-Instruct,fp8,H100-SXM-80GB,4,vllm,concurrency,1024,1024,{concurrency},,{tpot_ms},"
    path.write_text(f"{HEADER}\n{row}\n", encoding="utf-8")
    assert run("accuracy", str(path), "-o", str(out))[0] == 0
    (found,) = csv.DictReader(StringIO(out.read_text("utf-8")))
    assert float(found["tpot_s"]) == pytest.approx(tpot_ms / 1000, rel=0.25)
