"""The catalogue that gpuhunt publishes: one zipped CSV per provider, with a version that is a date.

Format (github.com/dstackai/gpuhunt, catalogue v3): instance_name, location, price (USD per instance-hour), cpu,
memory, gpu_count, gpu_name, gpu_memory (GB), spot (True/False), flags; spot prices are rows of their own. A mirror
holds PROVIDER.csv, and PROVIDER.version beside it when the version is known.
"""

import re
import zipfile
from collections.abc import Iterable, Mapping
from datetime import date
from io import BytesIO

from tokonomics.catalog.feeds.cells import feed_count, feed_number, feed_rows
from tokonomics.catalog.feeds.feed import Feed, Files, Harvest
from tokonomics.catalog.feeds.gather import Sighting, gather
from tokonomics.catalog.fetch import MAX_FETCH_BYTES, Fetch
from tokonomics.catalog.rejected import Rejected
from tokonomics.errors import TokonomicsError

BASE_URL = "https://dstack-gpu-pricing.s3.eu-west-1.amazonaws.com/v3"
PROVIDERS = {
    "aws": "aws",
    "azure": "azure",
    "gcp": "gcp",
    "lambdalabs": "lambda",
    "nebius": "nebius",
    "oci": "oci",
    "runpod": "runpod",
    "verda": "verda",
}
"""Their name of a provider, and ours."""
_NEEDED = ("instance_name", "location", "price", "gpu_count", "gpu_name", "gpu_memory", "spot")


def download(fetch: Fetch) -> Files:
    """The newest file of every provider, with its version."""
    files: dict[str, bytes] = {}
    for name in PROVIDERS:
        version = fetch(f"{BASE_URL}/{name}/version").decode("ascii", "replace").strip()
        if not re.fullmatch(r"[0-9A-Za-z._-]{1,40}", version):
            raise TokonomicsError(f"gpuhunt gives version {version[:40]!r} for {name}; its format has changed")
        files[f"{name}.csv"] = unzip(fetch(f"{BASE_URL}/{name}/{version}/catalog.zip"), f"{name}.csv")
        files[f"{name}.version"] = version.encode()
    return files


def unzip(data: bytes, member: str) -> bytes:
    """One member of a zip file; TokonomicsError when it is missing, broken, or larger than we read."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            if archive.getinfo(member).file_size > MAX_FETCH_BYTES:
                raise TokonomicsError(f"{member} unpacks to more than {MAX_FETCH_BYTES} bytes; it was not read")
            return archive.read(member)
    except (zipfile.BadZipFile, KeyError) as error:
        raise TokonomicsError(f"the catalogue file for {member} is broken ({error}); try again later") from None


def read(files: Files, as_of: str, _today: date) -> Harvest:
    """Offers of every provider file, gathered over spot and on-demand rows."""
    sightings: list[Sighting] = []
    rejected: list[Rejected] = []
    for theirs, ours in PROVIDERS.items():
        if f"{theirs}.csv" not in files:
            continue
        version = files.get(f"{theirs}.version", b"").decode("ascii", "replace").strip()
        where = f"gpuhunt#{theirs}@{version or as_of or 'undated'}"
        rows = feed_rows(files[f"{theirs}.csv"], where=where, needed=_NEEDED)
        some, refused = _sightings(rows, provider=ours, source=where, as_of=version_date(version) or as_of)
        sightings += some
        rejected += refused
    offers, unknown = gather("gpuhunt", sightings)
    return Harvest(offers=offers, rejected=(*rejected, *unknown))


def version_date(version: str) -> str:
    """The date in a version such as 20261120-431; "" when there is none.

    >>> version_date("20261120-431"), version_date("latest")
    ('2026-11-20', '')
    """
    match = re.match(r"(\d{4})(\d{2})(\d{2})(?:-|$)", version)
    return "-".join(match.groups()) if match else ""


def _sightings(
    rows: Iterable[Mapping[str, str]], *, provider: str, source: str, as_of: str
) -> tuple[list[Sighting], list[Rejected]]:
    seen: list[Sighting] = []
    rejected: list[Rejected] = []
    for row in rows:
        num_gpus = feed_count(row["gpu_count"])
        if num_gpus is None or not row["gpu_name"]:
            continue  # a machine without accelerators is not in our scope
        reason = _special(row)
        if reason:
            key, values = f"{provider} {row['instance_name']} {row['location']}", f"price={row['price']}"
            rejected.append(Rejected(table="offers", key=key, reason=reason, values=values, source=source))
            continue
        is_spot = row["spot"].lower() == "true"
        price = feed_number(row["price"])
        seen.append(
            Sighting(
                provider=provider,
                instance=row["instance_name"],
                gpu_name=row["gpu_name"],
                memory_gib=feed_number(row["gpu_memory"]),
                num_gpus=num_gpus,
                region=row["location"],
                on_demand_usd_per_hour=None if is_spot else price,
                spot_usd_per_hour=price if is_spot else None,
                num_vcpus=feed_count(row.get("cpu", "")),
                memory_gb=feed_number(row.get("memory", "")),
                as_of=as_of,
                source=source,
            )
        )
    return seen, rejected


def _special(row: Mapping[str, str]) -> str | None:
    if "dws" in row.get("flags", "").lower():
        return "calendar-mode price of scheduled capacity, not on-demand"
    if "edgegpu" in row["instance_name"].lower():
        return "appliance in the customer's own hall, not a cloud instance"
    return None


FEED = Feed(name="gpuhunt", kind="gpu", folder="gpuhunt", download=download, read=read)
