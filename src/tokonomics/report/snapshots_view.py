"""Updates and differences of the catalogue as people read them."""

from collections.abc import Iterator, Sequence
from typing import Any

from tokonomics.catalog.diff import Prices, SnapshotDiff
from tokonomics.catalog.rejected import Rejected
from tokonomics.catalog.update import Update
from tokonomics.catalog.verify import Verdict
from tokonomics.report.numbers import percent
from tokonomics.report.view import Cell, Column, Table, View

_MOST_ROWS = 40
_CHANGES = (
    Column(title="change"),
    Column(title="table", priority=3),
    Column(title="what", key="key"),
    Column(title="price"),
    Column(title="before", key="before_usd", unit="USD", style="number", digits=4),
    Column(title="after", key="after_usd", unit="USD", style="number", digits=4),
    Column(title="by", key="move_frac", priority=2),
)
_CHECKED = (
    Column(title="snapshot"),
    Column(title="offers", key="num_offers", style="count"),
    Column(title="API prices", key="num_api_prices", style="count"),
    Column(title="digest"),
)
_REFUSED = (Column(title="refused", key="key"), Column(title="reason"), Column(title="table", priority=1))


def diff_document(before: str, after: str, diffs: Sequence[SnapshotDiff]) -> dict[str, Any]:
    """The body of the document of a difference."""
    return {"before": before, "after": after, "changes": [_diff_dict(diff) for diff in diffs]}


def diff_view(before: str, after: str, diffs: Sequence[SnapshotDiff]) -> View:
    """Every change between two snapshots."""
    headline = (f"{before} to {after}: {_counts(diffs)}",)
    return View(headline=headline, tables=(_changes(diffs, limit=None),))


def update_document(update: Update) -> dict[str, Any]:
    """The body of the document of an update: what was written, what changed, what was refused and why."""
    rejected = [{name: getattr(one, name) for name in one.__slots__} for one in update.rejected]
    return {
        **diff_document(update.base, update.snapshot, update.diffs),
        "folder": str(update.folder) if update.folder else None,
        "num_offers": update.num_offers,
        "num_api_prices": update.num_api_prices,
        "rejected": rejected,
    }


def update_view(update: Update) -> View:
    """What an update did, the changes first, then what it refused."""
    where = f"wrote {update.folder}" if update.folder else "dry run, nothing written"
    sizes = f"{update.num_offers} offers, {update.num_api_prices} API prices"
    headline = (
        f"{update.base} to {update.snapshot}: {_counts(update.diffs)}, {len(update.rejected)} refused; {where}",
    )
    tables = [_changes(update.diffs, limit=_MOST_ROWS)]
    if update.rejected:
        tables.append(_refused(update.rejected))
    return View(headline=headline, tables=tables, notes=(f"the catalogue now holds {sizes}", *_cut(update)))


def verdict_document(verdict: Verdict) -> dict[str, Any]:
    """The body of the document of a check."""
    names = [column.name for column in _CHECKED]
    rows = [dict(zip(names, row)) for row in _checked_rows(verdict)]
    return {"snapshots": rows, "problems": list(verdict.problems)}


def verdict_view(verdict: Verdict) -> View:
    """What was checked; the problems themselves are told as errors."""
    num_problems = len(verdict.problems)
    said = f"{num_problems} problem{'s' if num_problems > 1 else ''} found" if num_problems else "all is well"
    return View(headline=(said,), tables=(Table(columns=_CHECKED, rows=_checked_rows(verdict)),))


def _checked_rows(verdict: Verdict) -> list[tuple[Cell, ...]]:
    return [(one.snapshot, len(one.offers), len(one.price_book.names()), one.digest[:12]) for one in verdict.catalogs]


def _cut(update: Update) -> Iterator[str]:
    if sum(1 for _ in _change_rows(update.diffs)) > _MOST_ROWS or len(update.rejected) > _MOST_ROWS:
        yield f"the first {_MOST_ROWS} rows of each table are shown; --json holds all, and so does rejected.csv"


def _changes(diffs: Sequence[SnapshotDiff], *, limit: int | None) -> Table:
    return Table(columns=_CHANGES, rows=list(_change_rows(diffs))[:limit])


def _refused(rejected: Sequence[Rejected]) -> Table:
    rows = [(one.key, one.reason, one.table) for one in rejected[:_MOST_ROWS]]
    return Table(columns=_REFUSED, rows=rows, title="refused")


def _change_rows(diffs: Sequence[SnapshotDiff]) -> Iterator[tuple[Cell, ...]]:
    for diff in diffs:
        for move in diff.moved:
            sign = "+" if move.move_frac > 0 else "-"
            by = f"{sign}{percent(abs(move.move_frac))}"
            yield "moved", diff.table, move.key, _price_name(move.column), move.before_usd, move.after_usd, by
        for key, price, usd in _priced(diff.added_usd):
            yield "added", diff.table, key, price, None, usd, None
        for key, price, usd in _priced(diff.removed_usd):
            yield "removed", diff.table, key, price, usd, None, None


def _priced(prices: Prices) -> Iterator[tuple[str, str | None, float | None]]:
    """Key, name and USD of every price; a row without any stands once, without."""
    for key, by_column in prices.items():
        yield from ((key, _price_name(column), usd) for column, usd in by_column.items())
        if not by_column:
            yield key, None, None


def _price_name(column: str) -> str:
    """A column of prices in few words: on_demand_usd_per_hour is "on demand/h"."""
    return column.replace("_usd_per_hour", "/h").replace("_usd_per_mtok", "/Mtok").replace("_", " ")


def _counts(diffs: Sequence[SnapshotDiff]) -> str:
    added, removed = (sum(len(getattr(diff, name)) for diff in diffs) for name in ("added", "removed"))
    moved = sum(len(diff.moved) for diff in diffs)
    return f"{added} added, {removed} removed, {moved} moved by more than 5 %"


def _diff_dict(diff: SnapshotDiff) -> dict[str, Any]:
    moves = [
        {
            "key": move.key,
            "column": move.column,
            "before_usd": move.before_usd,
            "after_usd": move.after_usd,
            "move_frac": move.move_frac,
        }
        for move in diff.moved
    ]
    return {
        "table": diff.table,
        "added": list(diff.added),
        "removed": list(diff.removed),
        "moved": moves,
        "added_usd": {key: dict(prices) for key, prices in diff.added_usd.items()},
        "removed_usd": {key: dict(prices) for key, prices in diff.removed_usd.items()},
    }
