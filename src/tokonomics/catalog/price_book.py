"""The price book: layers of dated prices, of which the first that has a price in force on a date answers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from tokonomics.catalog.api_price import ApiPrice

Fallback = Callable[[str], Sequence[ApiPrice]]
"""Finds all dated prices of a name that no layer holds; empty when it knows none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceLayer:
    """The prices of one origin (override, snapshot): every dated row by name in lower case, oldest first."""

    origin: str
    rows: Mapping[str, tuple[ApiPrice, ...]]

    def in_force(self, name: str, at: date) -> ApiPrice | None:
        """The latest row of `name` that has begun by `at`; None when there is none."""
        return in_force(self.rows.get(name.lower(), ()), at)


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceBook:
    """Layers in order of authority: overrides before the snapshot; then a fallback for names that no layer holds."""

    layers: tuple[PriceLayer, ...]
    fallback: Fallback | None = None

    def price(self, name: str, at: date) -> ApiPrice | None:
        """The price of "provider/model" in force on `at`; None is "unpriced", which is not free."""
        for layer in self.layers:
            found = layer.in_force(name, at)
            if found is not None:
                return found
        return None if self.holds(name) else in_force(self._beyond(name), at)

    def holds(self, name: str) -> bool:
        """Whether a layer has a row of `name`, of any date."""
        return any(name.lower() in layer.rows for layer in self.layers)

    def history(self, name: str) -> tuple[ApiPrice, ...]:
        """Every dated row of `name`, the answering layer first, each layer oldest first."""
        own = tuple(row for layer in self.layers for row in layer.rows.get(name.lower(), ()))
        return own or tuple(self._beyond(name))

    def names(self) -> tuple[str, ...]:
        """Every name that the layers hold, as written, in their order."""
        found: dict[str, str] = {}
        for layer in self.layers:
            for key, rows in layer.rows.items():
                found.setdefault(key, rows[0].name)
        return tuple(found.values())

    def _beyond(self, name: str) -> Sequence[ApiPrice]:
        return self.fallback(name) if self.fallback else ()


def price_layer(origin: str, prices: Iterable[ApiPrice]) -> PriceLayer:
    """A layer of `prices` in any order."""
    rows: dict[str, list[ApiPrice]] = {}
    for price in prices:
        rows.setdefault(price.name.lower(), []).append(price)
    return PriceLayer(origin=origin, rows={name: tuple(sorted(some, key=_start)) for name, some in rows.items()})


def in_force(rows: Sequence[ApiPrice], at: date) -> ApiPrice | None:
    """The latest of dated `rows` of one endpoint that has begun by `at`; None when none has."""
    begun = [row for row in rows if _start(row) <= at]
    return max(begun, key=_start, default=None)


def _start(price: ApiPrice) -> date:
    return price.effective_from or date.min
