"""The JSON that genai-prices publishes: a list of providers with their models and dated prices.

Format (github.com/pydantic/genai-prices, v2): see genai_prices_format. A mirror holds data.json. The file carries no
date; downloaded, it counts as of today.
"""

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from tokonomics.catalog.feeds.feed import Feed, Files, Harvest
from tokonomics.catalog.fetch import Fetch
from tokonomics.catalog.genai_prices_format import Cells, price_rows
from tokonomics.catalog.rejected import Rejected
from tokonomics.errors import TokonomicsError

URL = "https://raw.githubusercontent.com/pydantic/genai-prices/refs/heads/main/prices/new_data/v2/data.json"


def download(fetch: Fetch) -> Files:
    """The file."""
    return {"data.json": fetch(URL)}


def read(files: Files, as_of: str, today: date) -> Harvest:
    """Rate-card rows of every text model; a model that cannot be read is refused, with the reason."""
    if "data.json" not in files:
        return Harvest()
    rows: list[Cells] = []
    rejected: list[Rejected] = []
    for provider in _providers(files["data.json"]):
        source = f"genai-prices#providers/{provider['id']}.yml@{as_of or 'undated'}"
        for model in provider.get("models", ()):
            try:
                rows += price_rows(str(provider["id"]), model, today=today, as_of=as_of, source=source)
            except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
                rejected.append(_unreadable(provider, model, error, source))
    return Harvest(price_rows=tuple(rows), rejected=tuple(rejected))


def _providers(data: bytes) -> list[Mapping[str, Any]]:
    try:
        document = json.loads(data, parse_float=Decimal)
        # Newer formats wrap the list, older ones are the list.
        providers = document["providers"] if isinstance(document, dict) else document
        if all(isinstance(one, dict) and "id" in one for one in providers):
            return list(providers)
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise TokonomicsError("genai-prices data.json is not a list of providers; its format has changed; report this")


def _unreadable(provider: Mapping[str, Any], model: Any, error: Exception, source: str) -> Rejected:
    name = model.get("id", "?") if isinstance(model, dict) else "?"
    reason = f"cannot be read ({type(error).__name__}: {error})"
    return Rejected(table="api_prices", key=f"{provider['id']}/{name}", reason=reason, values="", source=source)


FEED = Feed(name="genai-prices", kind="api", folder="genai-prices", download=download, read=read)
