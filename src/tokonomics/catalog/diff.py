"""The difference between two snapshots: what came, what went, what moved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from tokonomics.catalog.api_price import ApiPrice
from tokonomics.catalog.offer import Offer
from tokonomics.catalog.price_book import price_layer
from tokonomics.catalog.validators import limit


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """A price that moved by more than the shown limit: what, which column, from, to (USD, per hour or per Mtok)."""

    key: str
    column: str
    before_usd: float
    after_usd: float

    @property
    def move_frac(self) -> float:
        """The change as a share of the price before."""
        return self.after_usd / self.before_usd - 1.0


Prices = Mapping[str, Mapping[str, float]]
"""By key, then by column: every known price of a row, USD per hour or per Mtok."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotDiff:
    """What came and went, with its prices, and prices that moved, of one table."""

    table: str
    added_usd: Prices
    removed_usd: Prices
    moved: tuple[Move, ...]

    @property
    def added(self) -> tuple[str, ...]:
        """Keys that came."""
        return tuple(self.added_usd)

    @property
    def removed(self) -> tuple[str, ...]:
        """Keys that went."""
        return tuple(self.removed_usd)


def diff_offers(before: Sequence[Offer], after: Sequence[Offer]) -> SnapshotDiff:
    """The difference between two lists of offers, by product and place."""
    columns = ("on_demand_usd_per_hour", "spot_usd_per_hour", "reserved_1yr_usd_per_hour")
    old = {" ".join(offer.key).strip(): offer for offer in before}
    new = {" ".join(offer.key).strip(): offer for offer in after}
    return _diff("offers", old, new, columns)


def diff_api_prices(before: Sequence[ApiPrice], after: Sequence[ApiPrice], *, at: date) -> SnapshotDiff:
    """The difference between two price lists, by endpoint, of the standard prices in force on `at`."""
    columns = ("input_usd_per_mtok", "cached_input_usd_per_mtok", "output_usd_per_mtok")
    return _diff("api_prices", _in_force(before, at), _in_force(after, at), columns)


def _in_force(prices: Sequence[ApiPrice], at: date) -> dict[str, ApiPrice]:
    layer = price_layer("", prices)
    found = (layer.in_force(name, at) for name in layer.rows)
    return {price.name: price for price in found if price is not None}


def _diff(table: str, old: Mapping[str, object], new: Mapping[str, object], columns: Sequence[str]) -> SnapshotDiff:
    moves = (
        _move(key, column, getattr(old[key], column), getattr(new[key], column))
        for key in new
        if key in old
        for column in columns
    )
    return SnapshotDiff(
        table=table,
        added_usd=_prices({key: row for key, row in new.items() if key not in old}, columns),
        removed_usd=_prices({key: row for key, row in old.items() if key not in new}, columns),
        moved=tuple(move for move in moves if move is not None),
    )


def _prices(rows: Mapping[str, object], columns: Sequence[str]) -> Prices:
    return {key: _known_usd(row, columns) for key, row in rows.items()}


def _known_usd(row: object, columns: Sequence[str]) -> dict[str, float]:
    found = ((column, getattr(row, column)) for column in columns)
    return {column: float(str(usd)) for column, usd in found if usd is not None}


def _move(key: str, column: str, before: object, after: object) -> Move | None:
    if not before or not after:
        return None
    move = Move(key=key, column=column, before_usd=float(str(before)), after_usd=float(str(after)))
    return move if abs(move.move_frac) > limit("shown_move_frac") else None
