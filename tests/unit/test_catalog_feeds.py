"""Feeds: small files in the real formats, read into our rows; what is not understood is listed."""

import zipfile
from collections.abc import Mapping
from datetime import date
from io import BytesIO

import pytest

from tokonomics.catalog.feeds import genai_prices, gpuhunt, skypilot
from tokonomics.catalog.feeds.cells import feed_rows
from tokonomics.catalog.feeds.feed import Harvest
from tokonomics.catalog.feeds.gpu_names import accelerator_id, name_rules
from tokonomics.catalog.load import load_catalog
from tokonomics.errors import TokonomicsError

TODAY = date(2026, 12, 15)

GPUHUNT = (
    "instance_name,location,price,cpu,memory,gpu_count,gpu_name,gpu_memory,spot,disk_size,gpu_vendor,flags\n"
    "p5.48xlarge,us-east-1,55.04,192,2048,8,H100,80,False,,nvidia,\n"
    "p5.48xlarge,us-east-1,17.1,192,2048,8,H100,80,True,,nvidia,\n"
    "p5.48xlarge,us-east-1,22.5,192,2048,8,H100,80,True,,nvidia,\n"
    "m7i.large,us-east-1,0.1,2,8,0,,,False,,,\n"
    "g4ad.xlarge,us-east-1,0.38,4,16,1,V520,8,False,,amd,\n"
)
SKY_HEAD = (
    "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region,AvailabilityZone\n"
)


def gpu_info(mib: int, count: int = 1) -> str:
    return f"\"{{'Gpus': [{{'Name': 'X', 'Count': {count}, 'MemoryInfo': {{'SizeInMiB': {mib}}}}}]}}\""


def read(module: object, files: Mapping[str, str], as_of: str = "") -> Harvest:
    return module.read({name: text.encode() for name, text in files.items()}, as_of, TODAY)  # type: ignore[attr-defined, no-any-return]


def test_gpuhunt_spot_and_on_demand_rows_become_one_offer() -> None:
    harvest = read(gpuhunt, {"aws.csv": GPUHUNT, "aws.version": "20261214-77\n"})
    [offer] = harvest.offers
    assert (offer.provider, offer.accelerator_id, offer.num_gpus, offer.region) == ("aws", "h100-sxm", 8, "us-east-1")
    assert (offer.on_demand_usd_per_hour, offer.spot_usd_per_hour, offer.spot_high_usd_per_hour) == (55.04, 17.1, 22.5)
    assert (offer.as_of, offer.source) == ("2026-12-14", "gpuhunt#aws@20261214-77")


def test_gpuhunt_names_what_it_does_not_know() -> None:
    [rejected] = read(gpuhunt, {"aws.csv": GPUHUNT}).rejected
    assert rejected.key == "aws g4ad.xlarge us-east-1"
    assert "'V520' with 8 GiB is no part we know" in rejected.reason


def test_gpuhunt_scheduled_and_edge_rows_are_not_on_demand() -> None:
    head = GPUHUNT.partition("\n")[0] + "\n"
    rows = (
        "a3-highgpu-8g,us-east4-a,43.79,208,1872,8,H100,80,False,,nvidia,gcp-dws-calendar-mode\n"
        "a3-edgegpu-8g,us-east4-a,20,208,1872,8,H100,80,False,,nvidia,\n"
    )
    harvest = read(gpuhunt, {"gcp.csv": head + rows})
    assert harvest.offers == ()
    assert [one.reason.split()[0] for one in harvest.rejected] == ["calendar-mode", "appliance"]


def test_a_form_factor_that_is_not_stated_is_not_guessed() -> None:
    head = GPUHUNT.partition("\n")[0] + "\n"
    rows = "NVIDIA H100 PCIe,CA,2.39,16,188,1,H100,80,False,,,\nNVIDIA H100,CA,2.39,16,188,1,H100,80,False,,,\n"
    harvest = read(gpuhunt, {"runpod.csv": head + rows})
    assert [offer.accelerator_id for offer in harvest.offers] == ["h100-pcie"]
    assert "form factor" in harvest.rejected[0].reason


def test_an_undated_file_is_undated() -> None:
    [offer] = read(gpuhunt, {"aws.csv": GPUHUNT}).offers
    assert offer.as_of == ""
    assert read(gpuhunt, {"aws.csv": GPUHUNT}, as_of="2026-12-01").offers[0].as_of == "2026-12-01"


def test_a_changed_format_is_said_not_misread() -> None:
    with pytest.raises(TokonomicsError, match=r"no column gpu_count, gpu_name.*format has changed"):
        read(gpuhunt, {"aws.csv": "instance_name,location,price,gpu_memory,spot\n"})
    with pytest.raises(TokonomicsError, match="Price"):
        read(skypilot, {"aws/vms.csv": "InstanceType\n"})
    for broken in ("{}", "not json", '["a"]', "[{}]", "1"):
        with pytest.raises(TokonomicsError, match="format has changed"):
            read(genai_prices, {"data.json": broken})


def test_gpuhunt_download_follows_the_version_and_unzips() -> None:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("aws.csv", GPUHUNT)
        for name in gpuhunt.PROVIDERS:
            if name != "aws":
                packed.writestr(f"{name}.csv", GPUHUNT.partition("\n")[0] + "\n")
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return b"20261214-77\n" if url.endswith("/version") else archive.getvalue()

    files = gpuhunt.download(fetch)
    assert f"{gpuhunt.BASE_URL}/aws/20261214-77/catalog.zip" in asked
    assert len(gpuhunt.read(files, "", TODAY).offers) == 1


def test_gpuhunt_refuses_a_strange_version_and_a_broken_zip() -> None:
    with pytest.raises(TokonomicsError, match="version"):
        gpuhunt.download(lambda _: b"../../etc/passwd")
    with pytest.raises(TokonomicsError, match="broken"):
        gpuhunt.unzip(b"not a zip", "aws.csv")


def test_skypilot_zones_become_one_offer_with_a_spot_range() -> None:
    rows = "".join(
        f"p5.48xlarge,H100,8.0,192.0,2048.0,{gpu_info(81920, 8)},55.04,{spot},us-east-1,use1-az{zone}\n"
        for zone, spot in ((1, 16.95), (2, 55.04), (3, ""))
    )
    [offer] = read(skypilot, {"aws/vms.csv": SKY_HEAD + rows}, as_of="2026-12-15").offers
    assert (offer.on_demand_usd_per_hour, offer.spot_usd_per_hour, offer.spot_high_usd_per_hour) == (
        55.04,
        16.95,
        55.04,
    )
    assert (offer.num_vcpus, offer.memory_gb, offer.source) == (192, 2048.0, "skypilot-catalog#v8/aws@2026-12-15")


def test_skypilot_tells_a100_sizes_apart_by_memory() -> None:
    rows = (
        f"p4d.24xlarge,A100,8,96,1152,{gpu_info(40960, 8)},21.96,,us-east-1,a\n"
        f"p4de.24xlarge,A100-80GB,8,96,1152,{gpu_info(81920, 8)},27.45,,us-east-1,a\n"
    )
    offers = read(skypilot, {"aws/vms.csv": SKY_HEAD + rows}).offers
    assert [offer.accelerator_id for offer in offers] == ["a100-sxm-40", "a100-sxm-80"]


def test_gcp_hosts_and_accelerators_are_added_by_zone() -> None:
    rows = (
        "a3-highgpu-1g,,,26,234,,1.18251,0.4601,us-east4,us-east4-a\n"
        f",H100,1,,,{gpu_info(81920)},9.79655,3.81,us-east4,us-east4-a\n"
        f",H100,1,,,{gpu_info(81920)},4.2,5.34,us-central1,us-central1-a\n"
    )
    harvest = read(skypilot, {"gcp/vms.csv": SKY_HEAD + rows})
    [offer] = harvest.offers
    assert (offer.instance, offer.accelerator_id, offer.num_gpus) == ("a3-highgpu-1g", "h100-sxm", 1)
    assert offer.on_demand_usd_per_hour == pytest.approx(10.97906)
    assert offer.spot_usd_per_hour == pytest.approx(4.2701)
    [rejected] = harvest.rejected
    assert "without a host row" in rejected.reason
    assert "us-central1-a" in rejected.key


def test_a_tpu_slice_is_many_chips_and_not_a_gcp_accelerator_row() -> None:
    rows = "TPU-VM,tpu-v6e-8,1,,,,21.6,4.74,us-central1,us-central1-b\n"
    [offer] = read(skypilot, {"gcp/vms.csv": SKY_HEAD + rows}).offers
    assert (offer.instance, offer.accelerator_id, offer.num_gpus) == ("tpu-v6e-8", "tpu-v6e", 8)


def test_gib_under_a_mib_heading_is_refused() -> None:
    rows = f"x,H100,1,8,64,{gpu_info(80)},2,,r,a\n"
    harvest = read(skypilot, {"hyperstack/vms.csv": SKY_HEAD + rows})
    assert harvest.offers == ()
    assert "80 under a MiB heading is GiB" in harvest.rejected[0].reason


def test_a_memory_of_zero_is_unknown_not_tiny() -> None:
    rows = f"gpu-h100-sxm_1gpu,H100,1,16,200,{gpu_info(0)},2.95,1.25,eu-north1,\n"
    [offer] = read(skypilot, {"nebius/vms.csv": SKY_HEAD + rows}).offers
    assert offer.accelerator_id == "h100-sxm"


def test_slices_of_a_card_are_out_of_scope() -> None:
    rows = f"frac,L40S,0.5,8,64,{gpu_info(49152)},1,,r,a\n"
    assert read(skypilot, {"aws/vms.csv": SKY_HEAD + rows}) == Harvest()


GENAI = """[{"id":"openai","models":[
 {"id":"gpt-x","match":{"equals":"gpt-x"},"prices":{"input_mtok":{"base":1,"tiers":[{"start":272000,"price":2}]},"output_mtok":6}},
 {"id":"image-x","prices":{"requests_kcount":40}},
 {"id":"broken"}]}]"""


def test_genai_prices_rows_and_what_cannot_be_read() -> None:
    harvest = read(genai_prices, {"data.json": GENAI}, as_of="2026-12-15")
    assert [(row["model"], row["above_input_tokens"], row["input_usd_per_mtok"]) for row in harvest.price_rows] == [
        ("gpt-x", "", "1"),
        ("gpt-x", "272000", "2"),
    ]
    assert harvest.price_rows[0]["source"] == "genai-prices#providers/openai.yml@2026-12-15"
    assert [one.key for one in harvest.rejected] == ["openai/broken"]


def test_genai_prices_reads_the_newer_wrapping_too() -> None:
    assert len(read(genai_prices, {"data.json": f'{{"units":{{}},"providers":{GENAI}}}'}).price_rows) == 2


def test_downloads_ask_for_the_published_files_only() -> None:
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return b"[]"

    genai_prices.download(fetch)
    skypilot.download(fetch)
    assert len(asked) == 1 + len(skypilot.CLOUDS)
    assert all(url.startswith("https://raw.githubusercontent.com/") for url in asked)


def test_every_name_rule_leads_to_an_accelerator_we_have() -> None:
    known = load_catalog(with_genai_prices=False).accelerators
    assert {rule.accelerator_id for rule in name_rules()} <= set(known)


def test_the_most_particular_rule_wins() -> None:
    def named(memory_gib: float | None) -> str | None:
        return accelerator_id(feed="x", provider="aws", gpu_name="A100", memory_gib=memory_gib, instance="p4")

    assert [named(80), named(79), named(40), named(None)] == [
        "a100-sxm-80",
        "a100-sxm-80",
        "a100-sxm-40",
        "a100-sxm-40",
    ]


def test_too_many_rows_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokonomics.catalog.feeds.cells.MAX_FEED_ROWS", 2)
    with pytest.raises(TokonomicsError, match="more than 2 rows"):
        list(feed_rows(b"a\n1\n2\n3\n", where="x", needed=("a",)))
