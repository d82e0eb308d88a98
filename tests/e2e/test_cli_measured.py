"""`tok quote --measured` as a user runs it: flags, file, echo, words, and every kind of mistake."""

import json

import pytest

from tokonomics.cli.main import main

BASE = (
    "quote", "llama-3.3-70b", "--gpu", "h100-sxm", "--num-gpus", "4", "--precision", "fp8",
    "--rps", "3", "--in", "1024", "--out", "1024",
)  # fmt: skip
POINTS = (
    "--measured", "concurrency=4,tpot_ms=11.78", "--measured", "concurrency=16,tpot_ms=13.19",
    "--measured", "concurrency=32,tpot_ms=16.49",
)  # fmt: skip


@pytest.fixture
def run(capsys, monkeypatch):
    """Run `tok` in this process; gives (exit code, stdout, stderr)."""
    monkeypatch.setenv("COLUMNS", "120")

    def call(*args):
        code = main(args)
        out, err = capsys.readouterr()
        return code, out, err

    return call


def self_hosted(answer):
    return [option for option in answer["options"] if option["kind"] == "self_host"]


def test_points_shift_narrow_and_are_told(ask):
    before, after = ask(*BASE), ask(*BASE, *POINTS)
    (told,) = after["measured"]
    assert (told["model"], told["accelerator"], told["num_points"]) == ("llama-3.3-70b", "h100-sxm", 3)
    assert told["layouts"] == ["4x h100-sxm fp8"]
    (effect,) = told["effects"]
    assert effect["metric"] == "tpot_s"
    assert effect["sd_after_log"] < effect["sd_before_log"]
    assert "shifted by your 3 measurements of 4x h100-sxm fp8: TPOT" in told["sentence"]
    assert before["measured"] == []
    for old, new in zip(self_hosted(before), self_hosted(after), strict=True):
        assert old["name"] == new["name"]
        widths = [
            one["usd_per_mtok_range"]["usage"]["p90"] / one["usd_per_mtok_range"]["usage"]["p10"] for one in (old, new)
        ]
        assert widths[1] < widths[0]
        assert new["itl_p95_s"] != old["itl_p95_s"]


def test_the_table_says_it_in_a_sentence(run):
    code, out, err = run(*BASE, *POINTS)
    assert code == 0, err
    text = " ".join(out.split())
    assert "MEASURED llama-3.3-70b on h100-sxm in vllm: shifted by your 3 measurements of 4x h100-sxm fp8" in text
    assert "MEASURED" not in run(*BASE)[1]


def test_flags_equal_the_file_and_the_echo(run, ask, tmp_path):
    page = tmp_path / "tok.yaml"
    page.write_text(
        """
models: [llama-3.3-70b]
gpus: [h100-sxm]
num_gpus: [4]
precisions: [fp8]
traffic: {requests_per_s: 3, input_tokens: 1024, output_tokens: 1024}
measured:
  - {concurrency: 4, tpot_ms: 11.78}
  - {concurrency: 16, tpot_ms: 13.19}
  - concurrency: 32
    tpot_ms: 16.49
"""
    )
    by_flags, by_file = ask(*BASE, *POINTS), ask("quote", "--scenario", str(page))
    assert by_flags == by_file
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    first.write_text(json.dumps(by_flags))
    assert run("quote", "--scenario", str(first), "-o", str(second))[0] == 0
    assert json.loads(second.read_text()) == by_flags
    assert run("validate", str(page))[0] == 0


def test_order_and_spelling_do_not_matter(ask):
    plain = ask(*BASE, "--measured", "concurrency=4,tpot_ms=11.78", "--measured", "rps=2,ttft_ms=150,output_tok_s=2000")
    mixed = ask(
        *BASE, "--measured", " output_tokens_per_s = 2000 , ttft_ms=150, requests_per_s=2.0,in=1024,out=1024,num_gpus=4",
        "--measured", "tpot_ms=11.78,concurrency=4,gpu=h100-sxm,precision=fp8,engine=vllm,model=llama-3.3-70b",
    )  # fmt: skip
    assert plain["options"] == mixed["options"]
    assert plain["measured"] == mixed["measured"]


def test_preset_traffic_and_users_give_the_lengths(ask):
    base = ("quote", "llama-3.1-8b", "--gpu", "h100-sxm", "--num-gpus", "1", "--precision", "bf16")
    load = ("--preset", "chat", "--users", "100", "--think-time", "10")
    assert ask(*base, *load, "--measured", "concurrency=16,tpot_ms=9")["measured"][0]["num_points"] == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--measured", "concurrency=32"), ["measured[0]", "tpot_ms"]),
        (("--measured", "tpot_ms=12"), ["measured[0]", "concurrency"]),
        (("--measured", "tpot_ms"), ["--measured 'tpot_ms' is not KEY=VALUE", "known: concurrency"]),
        (("--measured", "concurrency=4,concurrency=5,tpot_ms=1"), ["each key once"]),
        (("--measured", "concurrency=4,tpot_ms=-1"), ["tpot_ms=-1", "above 0"]),
        (("--measured", "concurrency=4,tpot_ms=nan"), ["tpot_ms"]),
        (("--measured", "concurrency=4,tpot=12"), ["unknown key", "tpot_ms"]),
        (("--measured", "concurrency=4,tpot_ms=1.178"), ["roofline", "check the unit"]),
        (("--measured", "concurrency=4,tpot_ms=1178"), ["times off", "limit=4.5 times"]),
        (("--measured", "concurrency=4,tpot_ms=12,gpu=h100"), ["unknown gpu", "h100-sxm"]),
        (("--gpu", "l40s", "--measured", "concurrency=4,tpot_ms=12"), ["gpu is not stated", "h100-sxm, l40s"]),
        ((*POINTS, "--measured", "concurrency=4,tpot_ms=12,gpu=l40s"), ["measured[3]", "--gpu"]),
    ],
)
def test_mistakes_get_a_sentence_and_exit_2(run, args, words):
    code, out, err = run(*BASE, *args)
    assert code == 2, err
    assert out == ""
    assert "Traceback" not in err
    assert all(word in err for word in words), err


def test_other_commands_refuse_a_scenario_with_points(run, tmp_path):
    """Points that one command would silently pass over are an error there."""
    page = tmp_path / "tok.yaml"
    page.write_text(
        "models: [llama-3.1-8b]\ngpus: [h100-sxm]\ntraffic: {preset: chat, requests_per_s: 1}\n"
        "measured: [{concurrency: 4, tpot_ms: 9}]\n"
    )
    code, _, err = run("simulate", "--scenario", str(page))
    assert code == 2
    assert "takes no measured points" in err


def test_validate_checks_the_names_of_points(run, tmp_path):
    page = tmp_path / "tok.yaml"
    page.write_text(
        "models: [llama-3.1-8b]\ntraffic: {preset: chat, requests_per_s: 1}\n"
        "measured: [{concurrency: 4, tpot_ms: 9, gpu: h100, model: llama-9, precision: fp9, engine: vlm}]\n"
    )
    code, _, err = run("validate", str(page))
    assert code == 2
    assert all(word in err for word in ("h100", "llama-9", "fp9", "vlm"))
