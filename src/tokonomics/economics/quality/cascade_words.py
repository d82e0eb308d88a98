"""Tiers and single models as a user writes them, `name=7b,usd_per_mtok=0.05,share=0.3`, made into records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.quality.cascade import Tier
from tokonomics.errors import InputError, raise_all

Block = Mapping[str, float | str]

_TIER_KEYS: Final = {
    "name": "name",
    "usd_per_mtok": "tier_usd_per_mtok",
    "share": "share_frac",
    "quality": "quality_frac",
    "length": "length_ratio",
    "sampling": "sampling_ratio",
    "verifier": "verifier_usd_per_mtok",
    "floor": "floor_usd_per_month",
}
_TIER_NEEDS: Final = ("name", "usd_per_mtok", "share")
_SINGLE_KEYS: Final = {key: _TIER_KEYS[key] for key in ("name", "usd_per_mtok", "quality", "floor")}


@dataclass(frozen=True, kw_only=True, slots=True)
class Single:
    """One model for every request; `standing` is what physics says of the row it comes from, empty when stated."""

    name: str
    tier_usd_per_mtok: float
    quality_frac: float | None = None
    floor_usd_per_month: float = 0.0
    standing: str = ""


def tiers_of(blocks: Sequence[Block]) -> tuple[Tier, ...]:
    """Tiers from blocks of key and value.

    Raises: InputError with everything that is wrong with any of them.
    """
    raise_all(_problems(blocks, "--tier", _TIER_KEYS, _TIER_NEEDS))
    tiers, problems = [], list[str]()
    for block in blocks:
        try:
            tiers.append(Tier(**_fields(block, _TIER_KEYS)))  # type: ignore[arg-type]  # keys and kinds were checked
        except InputError as error:
            problems += [f"tier {block['name']}: {one}" for one in error.violations]
    raise_all(problems)
    return tuple(tiers)


def singles_of(blocks: Sequence[Block]) -> tuple[Single, ...]:
    """Models that the user sets against the cascade."""
    raise_all(_problems(blocks, "--single", _SINGLE_KEYS, ("name", "usd_per_mtok")))
    stated = tuple(Single(**_fields(block, _SINGLE_KEYS)) for block in blocks)  # type: ignore[arg-type]
    checks = Checks()
    for one in stated:
        checks.non_negative(**{f"{one.name}: usd_per_mtok": one.tier_usd_per_mtok})
        checks.non_negative(**{f"{one.name}: floor": one.floor_usd_per_month})
        checks.fraction(**{f"{one.name}: quality": one.quality_frac})
    checks.done()
    return stated


def _fields(block: Block, keys: Mapping[str, str]) -> dict[str, float | str]:
    return {keys[key]: str(value) if key == "name" else value for key, value in block.items()}


def _problems(blocks: Sequence[Block], flag: str, keys: Mapping[str, str], needs: Sequence[str]) -> list[str]:
    found = []
    for number, block in enumerate(blocks, start=1):
        where = f"{flag} {block.get('name', number)}"
        found += [f"{where}: unknown key {key}; known: {', '.join(keys)}" for key in block if key not in keys]
        found += [f"{where}: lacks {key}=; add it" for key in needs if key not in block]
        found += [
            f"{where}: {key}={value!r} is no number"
            for key, value in block.items()
            if key in keys and key != "name" and isinstance(value, str)
        ]
    return found
