"""What every feed is: a name, the files it needs, and a reader of those files into offers or price rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from tokonomics.catalog.fetch import Fetch
from tokonomics.catalog.genai_prices_format import Cells
from tokonomics.catalog.offer import Offer
from tokonomics.catalog.rejected import Rejected

Files = Mapping[str, bytes]
"""Contents by path relative to the feed's folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Harvest:
    """What a feed gave: offers or rows of the API price table, and what could not be read as either."""

    offers: tuple[Offer, ...] = ()
    price_rows: tuple[Cells, ...] = ()
    rejected: tuple[Rejected, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Feed:
    """A public source of prices. `kind` is "gpu" or "api"; `folder` is its place in a mirror folder.

    `download` gets its files from the web; `read` turns files into rows. `read` gets the date that undated files
    count as (`as_of`, "" unknown) and today's date.
    """

    name: str
    kind: str
    folder: str
    download: Callable[[Fetch], Files]
    read: Callable[[Files, str, date], Harvest]
