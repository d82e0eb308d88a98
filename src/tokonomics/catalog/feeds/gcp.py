"""GCP price rows, where a host and its accelerators are billed apart: the two are added, zone by zone."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import resources

from tokonomics.catalog.feeds.cells import feed_count, feed_number
from tokonomics.catalog.rejected import Rejected
from tokonomics.catalog.tables import read_rows

_Zone = tuple[str, str]


def join_hosts(rows: Iterable[Mapping[str, str]], *, source: str) -> tuple[list[Mapping[str, str]], list[Rejected]]:
    """Rows of whole machines, and the accelerator rows that no host of the same zone could be added to.

    A TPU row is a whole machine already; a host that carries no accelerator we know is left out.
    """
    hosts: list[Mapping[str, str]] = []
    parts: dict[tuple[str, int, _Zone], Mapping[str, str]] = {}
    whole: list[Mapping[str, str]] = []
    for row in rows:
        if row["InstanceType"] in host_parts():
            hosts.append(row)
        elif row["AcceleratorName"].startswith("tpu-"):
            whole.append(row)
        elif row["AcceleratorName"] and not row["InstanceType"]:
            parts[(row["AcceleratorName"], feed_count(row["AcceleratorCount"]) or 0, _zone(row))] = row
    used: set[tuple[str, int, _Zone]] = set()
    for host in hosts:
        key = (*host_parts()[host["InstanceType"]], _zone(host))
        if key in parts:
            used.add(key)
            whole.append(_sum(host, parts[key]))
    return whole, [_hostless(row, source) for key, row in parts.items() if key not in used]


@lru_cache(maxsize=1)
def host_parts() -> Mapping[str, tuple[str, int]]:
    """Accelerator name and count of each host type, from data/gcp_hosts.csv."""
    text = resources.files("tokonomics.catalog").joinpath("data/gcp_hosts.csv").read_text("utf-8")
    rows = read_rows(text, where="gcp_hosts.csv", columns=("instance", "gpu_name", "num_gpus"), problems=[])
    return {row.text("instance"): (row.text("gpu_name"), row.count("num_gpus") or 0) for row in rows}


def _sum(host: Mapping[str, str], part: Mapping[str, str]) -> Mapping[str, str]:
    name, num_gpus = host_parts()[host["InstanceType"]]
    return {
        **host,
        "AcceleratorName": name,
        "AcceleratorCount": str(num_gpus),
        "GpuInfo": part.get("GpuInfo", ""),
        "Price": _added(host["Price"], part["Price"]),
        "SpotPrice": _added(host["SpotPrice"], part["SpotPrice"]),
        "notes": "host row plus accelerator row of the source",
    }


def _added(first: str, second: str) -> str:
    one, other = feed_number(first), feed_number(second)
    return "" if one is None or other is None else repr(round(one + other, 6))


def _zone(row: Mapping[str, str]) -> _Zone:
    return (row["Region"], row.get("AvailabilityZone", ""))


def _hostless(row: Mapping[str, str], source: str) -> Rejected:
    return Rejected(
        table="offers",
        key=f"gcp {row['AcceleratorName']}x{row['AcceleratorCount']} {' '.join(_zone(row)).strip()}",
        reason="accelerator row without a host row in its zone; the host is charged on top",
        values=f"Price={row['Price']} SpotPrice={row['SpotPrice']}",
        source=source,
    )
