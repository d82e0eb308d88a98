"""Validators of API prices: sentinels, unit mistakes and jumps, each refused with its reason."""

from collections.abc import Callable, Sequence

from tokonomics.catalog.api_price import ApiPrice
from tokonomics.catalog.rejected import Rejected
from tokonomics.catalog.validators import Checked, jump, limit


def check_api_prices(
    prices: Sequence[ApiPrice], before: Callable[[str], ApiPrice | None], *, accept_jumps: bool
) -> Checked[ApiPrice]:
    """Hold fresh API prices to the sentinel, unit and jump checks; one bad row refuses the whole endpoint."""
    rejected = [
        Rejected(table="api_prices", key=price.name, reason=why, values=_api_values(price), source=price.source)
        for price in prices
        if (why := api_problem(price) or (None if accept_jumps else api_jump(price, before(price.name))))
    ]
    bad = {one.key for one in rejected}
    return Checked(kept=tuple(price for price in prices if price.name not in bad), rejected=tuple(rejected))


def api_problem(price: ApiPrice) -> str | None:
    """Why a price cannot be meant: nothing asked at all, or a unit mistake."""
    cards = (price.base, *price.tiers, *price.variants, *price.windows)
    prices = [value for card in cards for value in card.per_class() if value is not None]
    if not any(prices):
        return "every price is zero or missing; a free or automatic route has no list price"
    if max(prices) > limit("max_usd_per_mtok"):
        return f"{max(prices)} USD per million tokens; limit={limit('max_usd_per_mtok'):g}; probably another unit"
    return None


def api_jump(price: ApiPrice, before: ApiPrice | None) -> str | None:
    """A move of the input or output price beyond the limit, against the row in force before."""
    if before is None or (price.effective_from and before.effective_from != price.effective_from):
        return None
    moves = (
        jump(_float(before.input_usd_per_mtok), _float(price.input_usd_per_mtok)),
        jump(_float(before.output_usd_per_mtok), _float(price.output_usd_per_mtok)),
    )
    return next((why for why in moves if why), None)


def _api_values(price: ApiPrice) -> str:
    start = price.effective_from or "always"
    return f"input={price.input_usd_per_mtok} output={price.output_usd_per_mtok} from={start}"


def _float(value: object) -> float | None:
    return None if value is None else float(str(value))
