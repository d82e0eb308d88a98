"""What every listing of facts shares: the mark of a stale price, and the line that says how old the oldest is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from tokonomics.catalog.freshness import freshness_of, oldest_date
from tokonomics.catalog.load import Catalog

STALE_MARK = " †"
UNPRICED = "unpriced"
_OLD = ("stale", "unknown")


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """A catalogue, and the date against which its facts age and whose prices hold."""

    catalog: Catalog
    today: date

    def level(self, as_of: str, kind: str) -> str:
        """How fresh a date is: fresh, aging, stale or unknown."""
        return freshness_of(as_of, kind=kind, today=self.today).level

    def dated(self, as_of: str, kind: str) -> str:
        """The date as given, "unknown" without one, with the mark of a stale price."""
        return (as_of or "unknown") + (STALE_MARK if self.level(as_of, kind) in _OLD else "")

    def envelope(self) -> dict[str, str]:
        """What every document of facts says first."""
        return {
            "catalog_digest": self.catalog.digest,
            "catalog_snapshot": self.catalog.snapshot,
            "today": self.today.isoformat(),
        }

    def notes(self, as_ofs: Sequence[str], kind: str) -> list[str]:
        """The closing lines: how many of the prices shown are stale, the oldest date, the catalogue."""
        num_old = sum(self.level(one, kind) in _OLD for one in as_ofs)
        stamp = f"catalogue {self.catalog.snapshot} {self.catalog.digest[:12]}"
        if not as_ofs:
            return [stamp]
        oldest = f"prices as of {oldest_date(as_ofs)} (oldest shown); {stamp}"
        mark = (
            f"† marks a price that is stale or undated ({num_old} of {len(as_ofs)}); `tok catalog update` renews them"
        )
        return [mark, oldest] if num_old else [oldest]


def described(catalog: Catalog, reference: str) -> str:
    """A source as people read it: what it is and where; the reference itself when it is the user's own."""
    source = catalog.source(reference)
    part = reference.partition("#")[2]
    if source is None:
        return reference
    return f"{source.title} ({source.where}{', ' + part if part else ''}; {source.licence})"
