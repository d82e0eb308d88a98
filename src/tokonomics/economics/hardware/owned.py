"""Accelerators that are bought, as offers: an hour of the calendar has a price too."""

from collections.abc import Sequence
from datetime import date

from tokonomics.catalog.load import Catalog
from tokonomics.catalog.offer import Offer
from tokonomics.errors import InputError, raise_all
from tokonomics.workload.scenario import Owned

PROVIDER = "owned"
ANY_SIZE = "per GPU"
"""Name of the instance of an offer that is sold by the accelerator, in any number."""
_FROM_CATALOGUE = frozenset({"purchase_usd", "device_watts"})
_DEFAULTS = ("electricity_usd_per_kwh", "hosting_usd_per_year", "horizon_years")


def owned_offers(catalog: Catalog, owned: Sequence[Owned], *, today: date) -> tuple[Offer, ...]:
    """Turn what the user buys into offers priced by the hour of the calendar, idle hours included.

    The price and the power of the part come from the user, else from the catalogue; electricity, hosting and years
    from the user, else from the table of assumptions. Raises InputError naming each fact that nobody gives.
    """
    problems: list[str] = []
    offers = [_offer(catalog, one, today, problems) for one in owned]
    raise_all(problems, InputError)
    return tuple(offer for offer in offers if offer is not None)


def _offer(catalog: Catalog, owned: Owned, today: date, problems: list[str]) -> Offer | None:
    from tokonomics.economics.figures.assumptions import assumed_values  # loads only for those who own accelerators
    from tokonomics.economics.hardware.on_prem import OnPrem, on_prem_cost

    part = catalog.accelerator(owned.gpu)
    known = {"purchase_usd": part.purchase_usd, "device_watts": part.tdp_watts}
    known |= {name: assumed_values("on_prem")[name] for name in _DEFAULTS}
    stated = {name: value for name, value in owned.model_dump(exclude={"gpu"}).items() if value is not None}
    terms = {name: value for name, value in {**known, **stated}.items() if value is not None}
    missing = sorted(_FROM_CATALOGUE - set(terms))
    if missing:
        problems.append(f"owned {part.id} lacks {' and '.join(missing)} in the catalogue; give it in --owned")
        return None
    cost = on_prem_cost(OnPrem(**terms, utilisation_frac=1.0))
    assumed = sorted(set(terms) - set(stated) - _FROM_CATALOGUE)
    return Offer(
        provider=PROVIDER,
        instance=ANY_SIZE,
        accelerator_id=part.id,
        num_gpus=1,
        region="",
        on_demand_usd_per_hour=cost.owned_usd_per_hour,
        spot_usd_per_hour=None,
        reserved_1yr_usd_per_hour=None,
        as_of=today.isoformat(),
        source=f"on-prem cost of {cost.total_usd:,.0f} USD over {cost.owned_hours:,.0f} h"
        + (f"; assumed {', '.join(assumed)}" if assumed else ""),
    )
