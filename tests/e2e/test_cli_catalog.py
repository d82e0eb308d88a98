"""`tok gpus`, `models`, `prices` and `catalog` as a user runs them: every format, every filter, every mistake."""

import csv
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

COLUMNS = 80
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """The same with a home of its own."""
    monkeypatch.setenv("TOKONOMICS_HOME", str(tmp_path / "home"))
    return run


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


LISTS = [
    ("gpus", "list"),
    ("models", "list"),
    ("prices", "list"),
    ("catalog", "verify"),
    ("catalog", "diff", "2025-03-31"),
]
SHOWS = [("gpus", "show", "h100-sxm"), ("models", "show", "gemma-3-27b"), ("prices", "show", "openai/gpt-5.6-luna")]


@pytest.mark.parametrize("command", [*LISTS, *SHOWS], ids=" ".join)
@pytest.mark.parametrize("fmt", ["table", "json", "csv", "md"])
def test_every_command_speaks_every_format(run: Run, command: tuple[str, ...], fmt: str) -> None:
    code, out, err = run(*command, "--format", fmt)
    assert (code, err.replace("tok: csv holds the first of 2 tables; --format json holds everything\n", "")) == (0, "")
    assert out.endswith("\n")
    if fmt == "json":
        body = json.loads(out)
        assert body["schema"] == f"tokonomics/{body['kind']}/1"
    if fmt == "csv":
        assert len(rows_of(out)) >= 1


@pytest.mark.parametrize("command", [*LISTS, *SHOWS], ids=" ".join)
def test_tables_fit_a_terminal_of_80_columns(run: Run, command: tuple[str, ...]) -> None:
    _, out, _ = run(*command)
    assert max(len(line) for line in out.splitlines()) <= 80


@pytest.mark.parametrize("command", [("gpus", "list"), ("prices", "list"), ("gpus", "show", "h100-sxm")], ids=" ".join)
def test_prices_end_with_their_oldest_date_and_the_catalogue(run: Run, command: tuple[str, ...]) -> None:
    _, out, _ = run(*command, "--format", "md")
    last = out.strip().splitlines()[-1]
    assert "prices as of 20" in last
    assert "catalogue 2026-11-23 " in last


def test_gpus_of_a_provider(ask: Callable[..., Any]) -> None:
    [h100] = ask("gpus", "list", "--gpu", "h100-sxm", "--provider", "aws")["gpus"]
    assert h100["usd_per_gpu_hour"] == 6.88
    assert h100["cheapest"]["provider"] == "aws"
    assert h100["num_offers"] == 3
    spot = ask("gpus", "list", "--gpu", "h100-sxm", "--provider", "aws", "--purchase", "spot")["gpus"][0]
    assert spot["usd_per_gpu_hour"] == pytest.approx(16.1978 / 8)


def test_the_cheapest_hour_is_of_an_offer_in_good_standing(ask: Callable[..., Any]) -> None:
    h100 = ask("gpus", "list", "--gpu", "h100-sxm")["gpus"][0]
    assert (h100["cheapest"]["provider"], h100["usd_per_gpu_hour"]) == ("vast", 1.8)
    named = ask("gpus", "list", "--gpu", "h100-sxm", "--provider", "gpuaas.com")["gpus"][0]
    assert (named["cheapest"]["status"], named["usd_per_gpu_hour"]) == ("indicative", 1.49)


def test_gpus_by_family_and_vendor(ask: Callable[..., Any]) -> None:
    assert {gpu["vendor"] for gpu in ask("gpus", "list", "--vendor", "amd")["gpus"]} == {"AMD"}
    families = {gpu["family"] for gpu in ask("gpus", "list", "--family", "hopper,blackwell")["gpus"]}
    assert families == {"hopper", "blackwell"}


def test_a_part_without_an_offer_is_unpriced_and_not_free(run: Run, ask: Callable[..., Any]) -> None:
    _, out, _ = run("gpus", "list", "--gpu", "h20", "--format", "csv")
    assert rows_of(out)[0]["usd_per_gpu_hour"] == "unpriced"
    assert ask("gpus", "list", "--gpu", "h20")["gpus"][0]["usd_per_gpu_hour"] is None
    _, out, _ = run("gpus", "show", "h20", "--format", "md")
    assert "unpriced; add one in an override file" in out


def test_a_fact_that_is_not_known_says_so(run: Run) -> None:
    _, out, _ = run("gpus", "show", "h100-nvl")
    assert "memory bandwidth               not known" in " ".join(out.split("\n")) or "not known" in out
    _, out, _ = run("gpus", "list", "--gpu", "h100-nvl", "--format", "csv")
    assert rows_of(out)[0]["memory_bandwidth_bytes_per_s"] == ""


def test_disputed_and_estimated_figures_are_marked(run: Run) -> None:
    _, out, _ = run("gpus", "show", "b300-sxm", "--format", "md")
    assert "another source says: 8 TB/s" in out
    _, out, _ = run("gpus", "show", "rtx6000-ada", "--format", "md")
    assert "estimated" in out


def test_csv_holds_base_units(run: Run) -> None:
    _, out, _ = run("gpus", "list", "--gpu", "h100-sxm", "--format", "csv")
    row = rows_of(out)[0]
    assert float(row["memory_bytes"]) == 80e9
    assert float(row["memory_bandwidth_bytes_per_s"]) == 3.35e12
    _, out, _ = run("models", "list", "--match", "llama-3.3", "--format", "csv")
    row = rows_of(out)[0]
    assert (row["params_total"], row["kv_bytes_per_token_16bit"]) == ("70553706496", "327680")


def test_models_by_name_kind_and_api(ask: Callable[..., Any]) -> None:
    assert [model["id"] for model in ask("models", "list", "--match", "GPT-OSS")["models"]] == [
        "gpt-oss-20b",
        "gpt-oss-120b",
    ]
    moe, dense = (len(ask("models", "list", flag)["models"]) for flag in ("--moe", "--dense"))
    assert moe + dense == len(ask("models", "list")["models"])
    served = ask("models", "list", "--with-api")["models"]
    assert all(model["num_api_endpoints"] >= 1 for model in served)


def test_a_model_by_its_parts(ask: Callable[..., Any]) -> None:
    answer = ask("models", "show", "llama-3.3-70b")
    params = answer["model"]["params"]
    assert params["backbone"] == sum(
        params[name] for name in ("embedding", "head", "attention", "mlp", "router", "experts", "norms")
    )
    assert answer["model"]["kv"]["full_elements_per_token"] * 2 == 327_680
    assert "groq/llama-3.3-70b-versatile" in answer["api_endpoints"]


def test_a_config_file_instead_of_a_name(run: Run, ask: Callable[..., Any], tmp_path: Path) -> None:
    config = {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 8192, "intermediate_size": 28672,
        "num_attention_heads": 64, "num_hidden_layers": 80, "num_key_value_heads": 8, "vocab_size": 128256,
        "max_position_embeddings": 131072, "tie_word_embeddings": False, "torch_dtype": "bfloat16", "head_dim": 128,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    by_file = ask("models", "show", str(tmp_path / "config.json"))
    by_folder = ask("models", "show", str(tmp_path))
    by_name = ask("models", "show", "llama-3.3-70b")
    assert by_file["model"]["params"] == by_folder["model"]["params"] == by_name["model"]["params"]
    code, _, err = run("models", "show", str(tmp_path / "absent.json"))
    assert code == 2
    assert "absent.json" in err


def test_prices_that_serve_open_weights(ask: Callable[..., Any]) -> None:
    found = ask("prices", "list", "--model", "meta-llama/Llama-3.3-70B-Instruct")["prices"]
    assert {price["model_id"] for price in found} == {"llama-3.3-70b"}
    assert len(found) == 4


def test_disputed_prices_show_both_opinions(run: Run, ask: Callable[..., Any]) -> None:
    found = ask("prices", "list", "--disputed")["prices"]
    assert len(found) == 4
    assert all(price["second_opinion"]["agrees"] is False for price in found)
    _, out, _ = run("prices", "list", "--disputed", "--format", "md")
    assert "| mistral/mistral-large-4 | 0.7 |" in out
    assert "1.36/4.18" in out


def test_the_price_of_a_date(ask: Callable[..., Any]) -> None:
    now = ask("prices", "show", "google/gemini-4-argon")["current"]
    then = ask("prices", "show", "google/gemini-4-argon", "--today", "2026-12-01")["current"]
    assert (now["input_usd_per_mtok"], then["input_usd_per_mtok"]) == (2, 4)
    listed = ask("prices", "list", "--provider", "google", "--match", "argon", "--today", "2026-12-01")["prices"]
    assert listed[0]["output_usd_per_mtok"] == 20


def test_a_price_by_cards(ask: Callable[..., Any], run: Run) -> None:
    answer = ask("prices", "show", "openai/gpt-5.6-luna")
    cards = answer["current"]["cards"]
    assert {(card["variant"], card["above_input_tokens"]) for card in cards} >= {("standard", 272000), ("batch", 0)}
    assert len(answer["history"]) == 2
    _, out, _ = run("prices", "show", "deepseek/deepseek-v4-pro", "--format", "csv")
    assert [row["condition"] for row in rows_of(out)] == ["", "", "01:00-04:00 UTC", "06:00-10:00 UTC"]


def test_own_prices_stand_over_the_list(run: Run, ask: Callable[..., Any], tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "api_prices: [{provider: openai, model: gpt-4o, input_usd_per_mtok: 2, output_usd_per_mtok: 7, as_of: 2026-11-20}]\n"
        "offers: [{provider: us, instance: rack, accelerator_id: h20, num_gpus: 8, on_demand_usd_per_hour: 8, as_of: 2026-11}]\n"
    )
    price = ask("prices", "show", "openai/gpt-4o", "--price-overrides", str(mine))["current"]
    assert (price["output_usd_per_mtok"], price["source"]) == (7, "override:mine.yaml")
    assert ask("gpus", "list", "--gpu", "h20", "--price-overrides", str(mine))["gpus"][0]["usd_per_gpu_hour"] == 1
    mine.write_text("api_prices: [{provider: openai, model: gpt-4o, input_usd_per_mtok: free}]\n")
    code, _, err = run("prices", "list", "--price-overrides", str(mine))
    assert code == 2
    assert len(err.splitlines()) == 3, "no number, no output price, no date: all at once"


def test_an_unpriced_date_is_said_so(run: Run, tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text(
        "provider,model,input_usd_per_mtok,output_usd_per_mtok,effective_from,as_of\nx,y,1,2,2027-01-01,2026-11\n"
    )
    code, out, _ = run("prices", "show", "x/y", "--price-overrides", str(mine))
    assert code == 0
    assert out.startswith("x/y: unpriced on 2026-11-23")


def test_an_old_snapshot_can_be_asked(ask: Callable[..., Any]) -> None:
    old = ask("gpus", "list", "--gpu", "h100-sxm", "--snapshot", "2025-03-31")
    assert old["catalog_snapshot"] == "2025-03-31"
    assert old["gpus"][0]["usd_per_gpu_hour"] == 2.23
    reserved = ask("gpus", "list", "--gpu", "h100-sxm", "--snapshot", "2025-03-31", "--purchase", "reserved_1yr")
    assert reserved["gpus"][0]["usd_per_gpu_hour"] == 1.79


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("gpus", "show", "h100"), "nearest: h100-sxm"),
        (("gpus", "list", "--gpu", "h100"), "tok gpus list"),
        (("gpus", "list", "--provider", "awss"), "no offer of provider awss; known: aws,"),
        (("gpus", "list", "--family", "voodoo"), "no accelerator is left; widen --gpu"),
        (("gpus", "list", "--purchase", "barter"), "on_demand"),
        (("models", "show", "llama-9"), "tok models list"),
        (("models", "list", "--match", "zzz"), "no model is left"),
        (("prices", "show", "openai/gpt-99"), "tok prices list"),
        (("prices", "list", "--provider", "nobody"), "no price of provider nobody; known: anthropic"),
        (("prices", "list", "--match", "zzz"), "no price is left"),
        (("prices", "list", "--snapshot", "1999-01-01"), "known: 2025-03-31, 2026-11-23"),
        (("prices", "list", "--price-overrides", "/nowhere.yaml"), "cannot read /nowhere.yaml"),
        (("prices", "list", "--today", "soon"), "soon"),
        (("catalog", "diff", "2020-01-01"), "unknown snapshot"),
        (("catalog", "update", "--from", "/nowhere"), "no folder"),
        (("catalog", "update", "--feed", "rumours", "--from", "/nowhere"), "unknown feed: 'rumours'"),
        (("catalog", "update", "--as-of", "soon"), "names no date"),
    ],
)
def test_a_mistake_is_one_line_of_advice(run: Run, args: tuple[str, ...], message: str) -> None:
    code, out, err = run(*args)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def mirror(folder: Path, usd: float) -> Path:
    (folder / "gpuhunt").mkdir(parents=True, exist_ok=True)
    (folder / "gpuhunt" / "aws.csv").write_text(
        "instance_name,location,price,cpu,memory,gpu_count,gpu_name,gpu_memory,spot,flags\n"
        f"p5.48xlarge,us-east-1,{usd},192,2048,8,H100,80,False,\n"
        "p6-b200.48xlarge,us-east-1,5600,192,2048,8,B200,180,False,\n"
    )
    (folder / "gpuhunt" / "aws.version").write_text("20261123-1")
    return folder


def test_update_diff_and_verify_from_a_mirror(run: Run, ask: Callable[..., Any], tmp_path: Path) -> None:
    args = (
        "catalog",
        "update",
        "--from",
        str(mirror(tmp_path / "m", 44.0)),
        "--feed",
        "gpuhunt",
        "--name",
        "2026-11-23-2",
    )
    tried = ask(*args, "--dry-run")
    assert tried["folder"] is None
    code, out, err = run(*args)
    assert code == 0, err
    said = " ".join(out.split())
    assert said.startswith("2026-11-23 to 2026-11-23-2: 0 added, 0 removed, 1 moved by more than 5 %, 1 refused; wrote")
    assert "placeholder" in said
    assert ask("gpus", "list", "--gpu", "h100-sxm", "--provider", "aws")["gpus"][0]["usd_per_gpu_hour"] == 5.5
    [offers, prices] = ask("catalog", "diff", "2026-11-23", "2026-11-23-2")["changes"]
    assert [(move["before_usd"], move["after_usd"]) for move in offers["moved"]] == [(55.04, 44.0)]
    nothing = {"added": [], "removed": [], "moved": [], "added_usd": {}, "removed_usd": {}}
    assert prices == {"table": "api_prices", **nothing}
    assert len(ask("catalog", "verify")["snapshots"]) == 3
    again, _, err = run(*args)
    assert again == 2
    assert "never overwritten" in err


def test_diff_shows_what_came_with_its_prices(run: Run, ask: Callable[..., Any]) -> None:
    new = ask("catalog", "diff", "2025-03-31")["changes"]
    offers, prices = (change["added_usd"] for change in new)
    assert list(offers) == new[0]["added"]
    assert offers["aws p5.48xlarge h100-sxm us-east-1"] == {
        "on_demand_usd_per_hour": 55.04,
        "spot_usd_per_hour": pytest.approx(16.9508),
    }
    assert all(costs for costs in prices.values())
    _, out, _ = run("catalog", "diff", "2025-03-31", "-f", "csv")
    rows = [row for row in rows_of(out) if row["key"] == "aws p5.48xlarge h100-sxm us-east-1"]
    assert [(row["change"], row["price"], row["after_usd"]) for row in rows] == [
        ("added", "on demand/h", "55.04"),
        ("added", "spot/h", "16.9508"),
    ]


def test_verify_fails_aloud_when_a_file_was_edited(run: Run, tmp_path: Path) -> None:
    run("catalog", "update", "--from", str(mirror(tmp_path / "m", 44.0)), "--feed", "gpuhunt", "--name", "2026-11-23-2")
    table = tmp_path / "home" / "snapshots" / "2026-11-23-2" / "offers.csv"
    table.write_text(table.read_text().replace("us-east-1,44,", "us-east-1,45,"))
    code, out, err = run("catalog", "verify")
    assert code == 1
    assert "1 problem found" in out
    assert "offers.csv is not the file that was published" in err


def test_verify_goes_on_past_a_snapshot_that_cannot_be_read(run: Run, tmp_path: Path) -> None:
    run("catalog", "update", "--from", str(mirror(tmp_path / "m", 44.0)), "--feed", "gpuhunt", "--name", "2026-11-23-2")
    table = tmp_path / "home" / "snapshots" / "2026-11-23-2" / "offers.csv"
    table.write_text("provider,instance\nx\n")
    code, out, err = run("catalog", "verify")
    assert code == 1
    assert "2026-11-23  " in out
    assert "snapshot 2026-11-23-2: 2026-11-23-2/offers.csv:2: instance='' is empty" in err
    assert run("catalog", "verify", "--snapshot", "2026-11-23")[0] == 0


def test_a_jump_needs_accept(ask: Callable[..., Any], tmp_path: Path) -> None:
    args = ("catalog", "update", "--from", str(mirror(tmp_path / "m", 5.0)), "--feed", "gpuhunt", "--dry-run")
    refused = ask(*args)
    assert refused["changes"][0]["moved"] == []
    assert any("--accept" in one["reason"] for one in refused["rejected"])
    assert ask(*args, "--accept")["changes"][0]["moved"][0]["after_usd"] == 5.0


def test_update_without_a_network_says_what_to_do(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import urllib.error
    import urllib.request

    def offline(*_: object, **__: object) -> object:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", offline)
    code, out, err = run("catalog", "update")
    assert (code, out) == (1, "")
    assert "--from DIR" in err


def test_nothing_but_update_opens_a_connection(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refused(*_: object, **__: object) -> object:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refused)
    for command in (*LISTS, *SHOWS):
        assert run(*command)[0] == 0
