"""The CSV files of the SkyPilot catalogue: one vms.csv per cloud, one row per instance and availability zone.

Format (github.com/skypilot-org/skypilot-catalog, schema v8): InstanceType, AcceleratorName, AcceleratorCount, vCPUs,
MemoryGiB, GpuInfo (a dict in text, with the accelerator's memory in MiB), Price, SpotPrice, Region, often
AvailabilityZone. GCP lists hosts and accelerators apart: they are added here, by zone, with data/gcp_hosts.csv. The
files carry no date. A mirror holds CLOUD/vms.csv.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date

from tokonomics.catalog.feeds.cells import feed_count, feed_number, feed_rows
from tokonomics.catalog.feeds.feed import Feed, Files, Harvest
from tokonomics.catalog.feeds.gather import Sighting, gather
from tokonomics.catalog.feeds.gcp import join_hosts
from tokonomics.catalog.fetch import Fetch
from tokonomics.catalog.rejected import Rejected
from tokonomics.catalog.validators import limit

BASE_URL = "https://raw.githubusercontent.com/skypilot-org/skypilot-catalog/master/catalogs/v8"
CLOUDS = ("aws", "gcp", "lambda", "nebius", "runpod", "vast", "verda", "hyperstack", "jarvislabs", "seeweb")
_NEEDED = ("InstanceType", "AcceleratorName", "AcceleratorCount", "Price", "SpotPrice", "Region")
_MEMORY = re.compile(r"'SizeInMiB':\s*([0-9.]+)")
_TPU = re.compile(r"(tpu-v\d+[ep]?)-(\d+)")


def download(fetch: Fetch) -> Files:
    """The file of every cloud."""
    return {f"{cloud}/vms.csv": fetch(f"{BASE_URL}/{cloud}/vms.csv") for cloud in CLOUDS}


def read(files: Files, as_of: str, _today: date) -> Harvest:
    """Offers of every cloud's file, gathered over availability zones."""
    sightings: list[Sighting] = []
    rejected: list[Rejected] = []
    for cloud in CLOUDS:
        if f"{cloud}/vms.csv" not in files:
            continue
        source = f"skypilot-catalog#v8/{cloud}@{as_of or 'undated'}"
        rows: Iterable[Mapping[str, str]] = feed_rows(files[f"{cloud}/vms.csv"], where=source, needed=_NEEDED)
        if cloud == "gcp":
            rows, refused = join_hosts(rows, source=source)
            rejected += refused
        some, refused = _sightings(rows, cloud=cloud, source=source, as_of=as_of)
        sightings += some
        rejected += refused
    offers, unknown = gather("skypilot", sightings)
    return Harvest(offers=offers, rejected=(*rejected, *unknown))


def _sightings(
    rows: Iterable[Mapping[str, str]], *, cloud: str, source: str, as_of: str
) -> tuple[list[Sighting], list[Rejected]]:
    seen: list[Sighting] = []
    rejected: list[Rejected] = []
    for row in rows:
        num_gpus = feed_count(row["AcceleratorCount"])
        if not row["AcceleratorName"] or num_gpus is None:
            continue  # a machine without accelerators, or with a slice of one, is not in our scope
        memory_mib = _memory_mib(row.get("GpuInfo", ""))
        if memory_mib is not None and 0 < memory_mib < limit("min_memory_mib"):
            rejected.append(_mislabelled(row, memory_mib, cloud=cloud, source=source))
            continue
        name, num_gpus = _slice(row["AcceleratorName"], num_gpus)
        is_slice = name != row["AcceleratorName"]
        seen.append(
            Sighting(
                provider=cloud,
                instance=row["AcceleratorName"] if is_slice else row["InstanceType"],
                gpu_name=name,
                memory_gib=memory_mib / 1024 if memory_mib else None,
                num_gpus=num_gpus,
                region=row["Region"],
                on_demand_usd_per_hour=feed_number(row["Price"]),
                spot_usd_per_hour=feed_number(row["SpotPrice"]),
                num_vcpus=feed_count(row.get("vCPUs", "")),
                memory_gb=feed_number(row.get("MemoryGiB", "")),
                as_of=as_of,
                source=source,
                notes=row.get("notes", ""),
            )
        )
    return seen, rejected


def _slice(name: str, num_gpus: int) -> tuple[str, int]:
    """A TPU slice is one thing of many chips: tpu-v6e-8 is 8 of tpu-v6e."""
    match = _TPU.fullmatch(name)
    return (match[1], int(match[2])) if match else (name, num_gpus)


def _memory_mib(gpu_info: str) -> float | None:
    match = _MEMORY.search(gpu_info)
    return feed_number(match[1]) if match else None


def _mislabelled(row: Mapping[str, str], memory_mib: float, *, cloud: str, source: str) -> Rejected:
    return Rejected(
        table="offers",
        key=f"{cloud} {row['InstanceType']} {row['Region']}",
        reason=f"accelerator memory of {memory_mib:g} under a MiB heading is GiB; the row is not trusted",
        values=f"Price={row['Price']} SpotPrice={row['SpotPrice']}",
        source=source,
    )


FEED = Feed(name="skypilot", kind="gpu", folder="skypilot", download=download, read=read)
