"""The one place that knows the genai-prices package: prices of endpoints that no table of ours holds.

The package is optional, is imported only when a name is asked for that is nowhere else (0.3 s), and is read only as
data: we never ask it for a cost. It is young and its interface moves; if it no longer looks as expected, that is said.
"""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from tokonomics.catalog.api_price import ApiPrice
from tokonomics.catalog.api_price_table import gather_api_prices
from tokonomics.catalog.genai_prices_format import price_rows
from tokonomics.catalog.tables import Row
from tokonomics.errors import MissingFact

_RELEASED_ON = {"0.2.3": "2026-11-10"}
"""Release dates of versions; the package does not say how old its data is, so other versions are undated."""


def find_prices(name: str) -> tuple[ApiPrice, ...]:
    """Every dated price of "provider/model" that the installed package holds; empty without the package.

    Names must be equal but for case: its own fuzzy matching is not used, as it once returned a preview's price.
    MissingFact when the package is there but its data cannot be read.
    """
    provider_id, _, model_id = name.lower().partition("/")
    if not model_id or not is_installed():
        return ()
    release = _release()
    try:
        found = _find_model(provider_id, model_id)
        return () if found is None else _prices(*found, release)
    except (AttributeError, ImportError, KeyError, TypeError, ValueError) as error:
        raise MissingFact(
            f"genai-prices {release} is installed but its data is not as expected ({type(error).__name__}: {error}); "
            "install genai-prices>=0.2.3,<0.3, or remove it to use the shipped prices alone"
        ) from error


def is_installed() -> bool:
    """Whether the optional package is there."""
    return find_spec("genai_prices") is not None


def _release() -> str:
    try:
        return version("genai-prices")
    except PackageNotFoundError:
        return "of unknown version"


def _find_model(provider_id: str, model_id: str) -> tuple[str, Any] | None:
    for provider in _providers():
        if provider.id.lower() == provider_id:
            return next(((provider.id, model) for model in provider.models if model.id.lower() == model_id), None)
    return None


@lru_cache(maxsize=1)
def _providers() -> Any:
    # Imported here: 0.3 s and optional.
    from genai_prices.data import providers

    return providers


def _prices(provider: str, model: Any, release: str) -> tuple[ApiPrice, ...]:
    as_of = _RELEASED_ON.get(release, "")
    source = f"genai-prices-{release}#providers/{provider}.yml"
    # A window has no date of its own; it is read as belonging to the newest price known at release.
    today = date.fromisoformat(as_of) if as_of else date.max
    problems: list[str] = []
    cells = price_rows(provider, _as_json(model), today=today, as_of=as_of, source=source)
    prices = gather_api_prices(Row(where=f"genai-prices {release}", cells=row, problems=problems) for row in cells)
    if problems:
        raise ValueError("; ".join(problems))
    return prices


def _as_json(value: Any) -> Any:
    """Their objects as the JSON they were made from: attributes become keys, unset ones are left out."""
    if isinstance(value, Mapping):
        return {key: _as_json(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(one) for one in value]
    if type(value).__module__.startswith("genai_prices"):
        fields = {name: one for name, one in vars(value).items() if not name.startswith("_") and one is not None}
        return {name: _as_json(one) for name, one in fields.items() if name != "match"}
    return value
