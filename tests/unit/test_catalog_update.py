"""The update, end to end from a mirror folder: a new snapshot beside the old, a difference, and what was refused."""

import csv
import json
from datetime import date
from io import StringIO
from pathlib import Path

import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.catalog.snapshot import broken_files, find_snapshot
from tokonomics.catalog.update import FEEDS, Update, mirror_files, update_catalog
from tokonomics.catalog.verify import verify_catalog
from tokonomics.errors import InputError, TokonomicsError

TODAY = date(2026, 12, 15)
HEAD = "instance_name,location,price,cpu,memory,gpu_count,gpu_name,gpu_memory,spot,flags\n"


def mirror(folder: Path, *, aws: str = "", prices: object = None) -> Path:
    root = folder / "mirror"
    (root / "gpuhunt").mkdir(parents=True, exist_ok=True)
    (root / "gpuhunt" / "aws.csv").write_text(HEAD + aws)
    (root / "gpuhunt" / "aws.version").write_text("20261214-9")
    (root / "genai-prices").mkdir(exist_ok=True)
    (root / "genai-prices" / "data.json").write_text(json.dumps(prices if prices is not None else []))
    return root


def run(tmp_path: Path, root: Path, **other: object) -> Update:
    return update_catalog(home=tmp_path / "home", today=TODAY, from_dir=root, as_of="2026-12-14", **other)  # type: ignore[arg-type]


def gpt4o(**prices: object) -> object:
    model = {"id": "gpt-4o", "prices": {"input_mtok": 2.5, "cache_read_mtok": 1.25, "output_mtok": 10, **prices}}
    return [{"id": "openai", "models": [model]}]


P5 = "p5.48xlarge,us-east-1,50.0,192,2048,8,H100,80,False,\np5.48xlarge,us-east-1,20,192,2048,8,H100,80,True,\n"


def test_an_update_writes_a_new_snapshot_that_is_then_the_default(tmp_path: Path) -> None:
    done = run(tmp_path, mirror(tmp_path, aws=P5, prices=gpt4o(input_mtok=2.0)))
    assert (done.snapshot, done.base, done.folder) == (
        "2026-12-15",
        "2026-11-23",
        tmp_path / "home/snapshots/2026-12-15",
    )
    catalog = load_catalog(home=tmp_path / "home", with_genai_prices=False)
    assert catalog.snapshot == "2026-12-15"
    box = {offer.key: offer for offer in catalog.offers}["aws", "p5.48xlarge", "h100-sxm", "us-east-1"]
    assert (box.on_demand_usd_per_hour, box.as_of, box.source) == (50.0, "2026-12-14", "gpuhunt#aws@20261214-9")
    assert str(catalog.api_price("openai/gpt-4o").input_usd_per_mtok) == "2"
    assert str(catalog.api_price("openai/gpt-4o", at=date(2026, 12, 14)).input_usd_per_mtok) == "2.5"
    assert verify_catalog(catalog, home=tmp_path / "home") == []


def test_the_difference_and_the_refused_rows_are_reported(tmp_path: Path) -> None:
    aws = (
        P5
        + "p6-b200.48xlarge,us-east-1,700.0,192,2048,1,B200,180,False,\ng6.xlarge,us-east-1,0.8048,4,16,1,L4,22,False,\n"
    )
    done = run(tmp_path, mirror(tmp_path, aws=aws, prices=gpt4o(input_mtok=2.0)))
    offers, prices = done.diffs
    assert offers.added == ("aws g6.xlarge l4 us-east-1",)
    assert [(move.column, move.before_usd, move.after_usd) for move in offers.moved] == [
        ("on_demand_usd_per_hour", 55.04, 50.0),
        ("spot_usd_per_hour", 16.9508, 20.0),
    ]
    assert [(move.key, move.after_usd) for move in prices.moved] == [("openai/gpt-4o", 2.0)]
    assert any("placeholder" in one.reason for one in done.rejected)
    listed = list(csv.DictReader(StringIO(find_snapshot("2026-12-15", tmp_path / "home").read("rejected.csv"))))
    assert [row["reason"] for row in listed] == [one.reason for one in done.rejected]


def test_rows_that_no_feed_has_keep_their_old_date(tmp_path: Path) -> None:
    run(tmp_path, mirror(tmp_path, aws=P5))
    catalog = load_catalog(home=tmp_path / "home")
    assert len(catalog.offers) == 144
    lambda_rows = [offer for offer in catalog.offers if offer.provider == "lambda"]
    assert lambda_rows
    assert all(offer.as_of != "2026-12-14" for offer in lambda_rows)


def test_a_snapshot_is_never_overwritten_and_a_second_name_works(tmp_path: Path) -> None:
    root = mirror(tmp_path, aws=P5)
    run(tmp_path, root)
    with pytest.raises(InputError, match="2026-12-15 exists already"):
        run(tmp_path, root)
    assert run(tmp_path, root, name="2026-12-15-2").base == "2026-12-15"


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, mirror(tmp_path, aws=P5), is_dry_run=True)
    assert done.folder is None
    assert done.diffs[0].moved
    assert not (tmp_path / "home").exists()


def test_a_jump_is_refused_until_accepted(tmp_path: Path) -> None:
    jumped = "p5.48xlarge,us-east-1,400,192,2048,8,H100,80,False,\n"
    root = mirror(tmp_path, aws=jumped, prices=gpt4o(output_mtok=0.1))
    refused = run(tmp_path, root, is_dry_run=True)
    assert sum("moved" in one.reason for one in refused.rejected) == 2
    assert refused.diffs[0].moved == refused.diffs[1].moved == ()
    accepted = run(tmp_path, root, is_dry_run=True, accept_jumps=True)
    assert accepted.diffs[0].moved
    assert accepted.diffs[1].moved


def test_a_scheduled_change_in_the_feed_is_taken_with_its_date(tmp_path: Path) -> None:
    now = {"input_mtok": 2.5, "output_mtok": 10}
    later = {"constraint": {"start_date": "2027-02-01"}, "prices": {"input_mtok": 5, "output_mtok": 20}}
    feed = [{"id": "openai", "models": [{"id": "gpt-4o", "prices": [{"prices": now}, later]}]}]
    run(tmp_path, mirror(tmp_path, prices=feed))
    catalog = load_catalog(home=tmp_path / "home", with_genai_prices=False)
    assert str(catalog.api_price("openai/gpt-4o", at=date(2027, 2, 1)).input_usd_per_mtok) == "5"
    assert str(catalog.api_price("openai/gpt-4o").input_usd_per_mtok) == "2.5"


def test_new_models_of_known_providers_come_in_and_other_providers_do_not(tmp_path: Path) -> None:
    feed = [
        {"id": "openai", "models": [{"id": "gpt-next", "prices": {"input_mtok": 1, "output_mtok": 4}}]},
        {"id": "openrouter", "models": [{"id": "auto", "prices": {"input_mtok": -1, "output_mtok": -1}}]},
    ]
    done = run(tmp_path, mirror(tmp_path, prices=feed))
    assert done.diffs[1].added == ("openai/gpt-next",)
    assert done.num_api_prices == 139


def test_the_minus_one_sentinel_refuses_its_endpoint_only(tmp_path: Path) -> None:
    feed = [
        {
            "id": "openai",
            "models": [
                {"id": "auto", "prices": {"input_mtok": -1, "output_mtok": -1}},
                {"id": "gpt-next", "prices": {"input_mtok": 1, "output_mtok": 4}},
            ],
        }
    ]
    done = run(tmp_path, mirror(tmp_path, prices=feed))
    assert done.diffs[1].added == ("openai/gpt-next",)
    [rejected] = [one for one in done.rejected if one.table == "api_prices"]
    assert rejected.key == "openai/auto"


def test_only_the_feeds_asked_for_are_read(tmp_path: Path) -> None:
    root = mirror(tmp_path, aws=P5, prices=gpt4o(input_mtok=2.0))
    done = run(tmp_path, root, feeds=("genai-prices",))
    assert done.diffs[0].moved == ()
    assert done.diffs[1].moved


def test_from_the_web_through_the_port(tmp_path: Path) -> None:
    def fetch(url: str) -> bytes:
        assert (
            url
            == "https://raw.githubusercontent.com/pydantic/genai-prices/refs/heads/main/prices/new_data/v2/data.json"
        )
        return json.dumps(gpt4o(input_mtok=2.0)).encode()

    done = update_catalog(home=tmp_path, today=TODAY, fetch=fetch, feeds=("genai-prices",))
    assert done.folder is not None
    price = load_catalog(home=tmp_path).api_price("openai/gpt-4o")
    assert price.as_of == "2026-12-15", "a download counts as of the day it was made"


def test_mistakes_are_advice(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="known: gpuhunt"):
        update_catalog(home=tmp_path, today=TODAY, feeds=("gpuhant",), from_dir=tmp_path)
    with pytest.raises(InputError, match="no folder"):
        update_catalog(home=tmp_path, today=TODAY, from_dir=tmp_path / "nowhere")
    with pytest.raises(InputError, match="--from DIR"):
        update_catalog(home=tmp_path, today=TODAY)
    (tmp_path / "gpuhunt").mkdir()
    with pytest.raises(InputError, match="is empty"):
        mirror_files(tmp_path / "gpuhunt")


def test_a_failing_feed_leaves_no_snapshot(tmp_path: Path) -> None:
    root = mirror(tmp_path, aws=P5)
    (root / "genai-prices" / "data.json").write_text("<html>not here</html>")
    with pytest.raises(TokonomicsError, match="format has changed"):
        run(tmp_path, root)
    assert not (tmp_path / "home").exists()


def test_a_snapshot_of_an_update_is_sealed_too(tmp_path: Path) -> None:
    done = run(tmp_path, mirror(tmp_path, aws=P5))
    assert done.folder is not None
    (done.folder / "offers.csv").write_text("provider\n")
    assert broken_files(find_snapshot(done.snapshot, tmp_path / "home"))


def test_every_feed_says_what_it_is() -> None:
    assert {feed.kind for feed in FEEDS.values()} == {"gpu", "api"}
    assert all(name == feed.name for name, feed in FEEDS.items())
