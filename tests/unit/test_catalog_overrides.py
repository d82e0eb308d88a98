"""Overrides: the user's own facts in YAML or CSV, on top of everything, with their date."""

from pathlib import Path

import pytest

from tokonomics.catalog.load import load_catalog
from tokonomics.catalog.overrides import MAX_OVERRIDE_BYTES, read_overrides
from tokonomics.errors import InputError

YAML = """
offers:
  - provider: aws
    instance: p5.48xlarge
    accelerator_id: h100-sxm
    num_gpus: 8
    region: us-east-1
    on_demand_usd_per_hour: 30.5
    as_of: 2026-11-01
    notes: contract 17
api_prices:
  - {provider: openai, model: gpt-4o, input_usd_per_mtok: 2.0, output_usd_per_mtok: 8, as_of: 2026-11}
accelerators:
  - {id: b-next, name: Next, vendor: V, family: next, memory_gb: 288, memory_bandwidth_gb_per_s: 8000,
     bf16_tflops: 2500, as_of: 2026-11-01, source: vendor sheet}
"""


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_overrides_beat_the_snapshot(tmp_path: Path) -> None:
    catalog = load_catalog(home=tmp_path, overrides=write(tmp_path, "mine.yaml", YAML))
    box = {offer.key: offer for offer in catalog.offers_of("h100-sxm")}
    east = box["aws", "p5.48xlarge", "h100-sxm", "us-east-1"]
    assert (east.on_demand_usd_per_hour, east.source, east.as_of) == (30.5, "override:mine.yaml", "2026-11-01")
    assert str(catalog.api_price("openai/gpt-4o").output_usd_per_mtok) == "8"
    assert catalog.accelerator("b-next").memory_bytes == 288e9
    west = box["aws", "p5.48xlarge", "h100-sxm", "us-west-1"]
    assert west.on_demand_usd_per_hour == 68.8, "another region is another product"


def test_a_csv_is_told_by_its_header(tmp_path: Path) -> None:
    offers = "provider,instance,accelerator_id,num_gpus,on_demand_usd_per_hour,as_of\na,b,l4,1,1,2026\n"
    prices = "provider,model,input_usd_per_mtok,as_of\na,b,1,2026\n"
    parts = "id,name,vendor,family,as_of,source\nx,X,V,f,2026,s\n"
    assert len(read_overrides(write(tmp_path, "o.csv", offers)).offers) == 1
    assert len(read_overrides(write(tmp_path, "p.csv", prices)).api_prices) == 1
    assert len(read_overrides(write(tmp_path, "g.csv", parts)).accelerators) == 1


def test_a_date_is_required(tmp_path: Path) -> None:
    text = "api_prices: [{provider: a, model: b, input_usd_per_mtok: 1}]"
    with pytest.raises(InputError, match=r"mine\.yaml:api_prices\[1\]: as_of='' is empty"):
        read_overrides(write(tmp_path, "mine.yaml", text))


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    text = """
offers: [{provider: a, instance: b, accelerator_id: l4, num_gpus: 0, on_demand_usd_per_hour: -1, as_of: 2026}]
api_prices: [{provider: a, model: b, input_usd_per_mtok: cheap, output_usd_per_mtok: .nan, as_of: 2026}]
"""
    with pytest.raises(InputError) as caught:
        read_overrides(write(tmp_path, "mine.yaml", text))
    assert len(caught.value.violations) == 5


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "offers: {a: 1}", "must be a list"),
        ("a.yaml", "offers: text", "must be a list"),
        ("a.yaml", "offers: [1]", "not a set of"),
        ("a.yaml", "prices: []", "lists under offers, api_prices, accelerators"),
        ("a.yaml", "- 1", "lists under"),
        ("a.yaml", "", "lists under"),
        ("a.yaml", "offers: [{provider: a, prise: 2}]", "unknown column 'prise'"),
        ("a.yaml", "offers: [", "not readable as YAML"),
        ("a.yaml", "offers: !!python/object/apply:os.system [echo]", "not readable as YAML|must be a list"),
        ("a.csv", "provider,model\nx,y\n", "cannot tell the table"),
        ("a.csv", "", "cannot tell the table"),
        ("a.yaml", b"\xff\xfe\x00", "not UTF-8"),
        ("a.yaml", "#" * (MAX_OVERRIDE_BYTES + 1), "larger than"),
    ],
)
def test_a_broken_file_is_advice_not_a_traceback(tmp_path: Path, name: str, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_overrides(write(tmp_path, name, text))


def test_deep_nesting_and_aliases_do_no_harm(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_overrides(write(tmp_path, "deep.yaml", "offers: " + "[" * 5000 + "]" * 5000))
    bomb = "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\noffers: [*c]\n"
    with pytest.raises(InputError):
        read_overrides(write(tmp_path, "bomb.yaml", bomb))
