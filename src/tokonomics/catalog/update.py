"""The update: fetch public price files, hold them to the validators, and write a new dated snapshot beside the old."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tokonomics.catalog.api_price import ApiPrice
from tokonomics.catalog.api_price_rows import api_prices_csv
from tokonomics.catalog.api_price_table import gather_api_prices, read_api_prices
from tokonomics.catalog.api_validators import check_api_prices
from tokonomics.catalog.diff import SnapshotDiff, diff_api_prices, diff_offers
from tokonomics.catalog.feeds import genai_prices, gpuhunt, skypilot
from tokonomics.catalog.feeds.feed import Feed, Files, Harvest
from tokonomics.catalog.fetch import MAX_FETCH_BYTES, Fetch
from tokonomics.catalog.genai_prices_format import Cells
from tokonomics.catalog.merge import merge_api_prices, merge_offers
from tokonomics.catalog.offer import Offer, read_offers
from tokonomics.catalog.offer_rows import offers_csv
from tokonomics.catalog.price_book import price_layer
from tokonomics.catalog.rejected import Rejected, rejected_csv
from tokonomics.catalog.snapshot import find_snapshot, write_snapshot
from tokonomics.catalog.tables import Row
from tokonomics.catalog.validators import check_offers
from tokonomics.errors import InputError

FEEDS: Mapping[str, Feed] = {feed.name: feed for feed in (gpuhunt.FEED, skypilot.FEED, genai_prices.FEED)}
DEFAULT_FEEDS = ("gpuhunt", "genai-prices")


@dataclass(frozen=True, kw_only=True, slots=True)
class Update:
    """What an update did: the snapshot it wrote and the one it began from, the differences, and what it refused."""

    snapshot: str
    base: str
    folder: Path | None
    diffs: tuple[SnapshotDiff, ...]
    rejected: tuple[Rejected, ...]
    num_offers: int
    num_api_prices: int


def update_catalog(
    *,
    home: Path,
    today: date,
    feeds: Sequence[str] = DEFAULT_FEEDS,
    from_dir: Path | None = None,
    fetch: Fetch | None = None,
    as_of: str = "",
    name: str = "",
    accept_jumps: bool = False,
    is_dry_run: bool = False,
) -> Update:
    """Read `feeds`, validate them, and write snapshot `name` (today's date when left out) under `home`.

    Files come from the mirror folder `from_dir` (FEED/...), else from the web through `fetch`. `as_of` dates files
    that carry no date: give it for a mirror; a download counts as of today. Prices that moved beyond the limit are
    refused unless `accept_jumps`. Nothing is written in a dry run. Raises InputError when a feed is unknown, the
    snapshot exists or the mirror holds no file, TokonomicsError when a file cannot be read.
    """
    base = find_snapshot(None, home)
    date_of_files = as_of or (today.isoformat() if from_dir is None else "")
    harvests = [_harvest(_feed(one), from_dir, fetch, date_of_files, today) for one in feeds]
    old_offers = read_offers(base.read("offers.csv"), where=f"{base.name}/offers.csv")
    old_prices = read_api_prices(base.read("api_prices.csv"), where=f"{base.name}/api_prices.csv")
    offers, refused_offers = _new_offers(harvests, old_offers, accept_jumps)
    prices, refused_prices = _new_prices(harvests, old_prices, today, accept_jumps)
    rejected = (*(one for harvest in harvests for one in harvest.rejected), *refused_offers, *refused_prices)
    tables = {
        "offers.csv": offers_csv(offers),
        "api_prices.csv": api_prices_csv(prices),
        "rejected.csv": rejected_csv(rejected),
    }
    read_offers(tables["offers.csv"])
    read_api_prices(tables["api_prices.csv"])
    label = name or today.isoformat()
    return Update(
        snapshot=label,
        base=base.name,
        folder=None if is_dry_run else write_snapshot(home, label, tables),
        diffs=(diff_offers(old_offers, offers), diff_api_prices(old_prices, prices, at=today)),
        rejected=rejected,
        num_offers=len(offers),
        num_api_prices=len({price.name for price in prices}),
    )


def _feed(name: str) -> Feed:
    if name not in FEEDS:
        raise InputError(f"unknown feed: {name!r}; known: {', '.join(FEEDS)}")
    return FEEDS[name]


def _harvest(feed: Feed, from_dir: Path | None, fetch: Fetch | None, as_of: str, today: date) -> Harvest:
    if from_dir is not None:
        return feed.read(mirror_files(from_dir / feed.folder), as_of, today)
    if fetch is None:
        raise InputError("an update needs a folder or the network; give --from DIR")
    return feed.read(feed.download(fetch), as_of, today)


def mirror_files(folder: Path) -> Files:
    """Every file under a feed's folder of a mirror, by relative path; InputError when there is none."""
    if not folder.is_dir():
        raise InputError(f"the mirror has no folder {folder}; it must hold the feed's files")
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    large = [name for name, path in files.items() if path.stat().st_size > MAX_FETCH_BYTES]
    if large or not files:
        raise InputError(
            *(f"{folder / name}: more than {MAX_FETCH_BYTES} bytes; it is not a price file" for name in large),
            *(() if files else (f"{folder} is empty; it must hold the feed's files",)),
        )
    return {name: path.read_bytes() for name, path in files.items()}


def _new_offers(
    harvests: Sequence[Harvest], old: Sequence[Offer], accept_jumps: bool
) -> tuple[tuple[Offer, ...], tuple[Rejected, ...]]:
    """Offers of the first feed that has a product win over later feeds."""
    found = {offer.key: offer for harvest in reversed(harvests) for offer in reversed(harvest.offers)}
    checked = check_offers(list(found.values()), {offer.key: offer for offer in old}, accept_jumps=accept_jumps)
    return merge_offers(old, checked.kept), checked.rejected


def _new_prices(
    harvests: Sequence[Harvest], old: Sequence[ApiPrice], today: date, accept_jumps: bool
) -> tuple[tuple[ApiPrice, ...], tuple[Rejected, ...]]:
    """Prices of every provider that we hold already; routers and resellers beyond them are left to genai-prices."""
    providers = {price.provider for price in old}
    rows = [row for harvest in harvests for row in harvest.price_rows if row["provider"] in providers]
    prices, unreadable = _gather(rows)
    layer = price_layer("", old)
    checked = check_api_prices(prices, lambda name: layer.in_force(name, today), accept_jumps=accept_jumps)
    return merge_api_prices(old, checked.kept, today=today), (*unreadable, *checked.rejected)


def _gather(rows: Sequence[Cells]) -> tuple[tuple[ApiPrice, ...], tuple[Rejected, ...]]:
    """Prices endpoint by endpoint, so that one bad cell refuses one endpoint and not the feed."""
    groups: dict[tuple[str, str], list[Cells]] = {}
    for row in rows:
        groups.setdefault((row["provider"], row["model"]), []).append(row)
    prices: list[ApiPrice] = []
    rejected: list[Rejected] = []
    for (provider, model), group in groups.items():
        problems: list[str] = []
        found = gather_api_prices(Row(where=f"{provider}/{model}", cells=row, problems=problems) for row in group)
        if problems:
            key, source = f"{provider}/{model}", group[0]["source"]
            rejected.append(Rejected(table="api_prices", key=key, reason="; ".join(problems), values="", source=source))
        else:
            prices += found
    return tuple(prices), tuple(rejected)
