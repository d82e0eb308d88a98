"""Limits that a change must keep: what a team allows, as a small file or as flags."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import Field, ValidationError
from pydantic import model_validator as validates_model

from tokonomics.errors import InputError
from tokonomics.workload.scenario_errors import Places, sentences
from tokonomics.workload.scenario_file import read_scenario_file
from tokonomics.workload.strict_record import StrictRecord

_Money = Annotated[float, Field(ge=0, le=1e15)]
_Positive = Annotated[float, Field(gt=0, le=1e15)]
_Share = Annotated[float, Field(ge=0, le=1)]


class Limits(StrictRecord):
    """What must hold of a result, and of its difference to a base; what is not given is not asked."""

    max_usd_per_month: _Money | None = Field(None, description="Most that a month may cost, USD.")
    max_usd_per_mtok: _Money | None = Field(
        None, description="Most that a million tokens may cost, USD, all that is paid over all tokens."
    )
    max_increase_usd_per_month: _Money | None = Field(
        None, description="Most that a month may cost more than at the base, USD."
    )
    max_increase_frac: Annotated[float, Field(ge=0, le=1e6)] | None = Field(
        None, description="Most that a month may cost more than at the base, as a share: 0.1 is 10 percent."
    )
    min_slo_probability: _Share | None = Field(None, description="Least chance that every latency limit holds, 0 to 1.")
    min_quality_frac: _Share | None = Field(None, description="Least quality, 0 to 1, where the result has one.")
    min_margin_frac: Annotated[float, Field(ge=-1e6, le=1)] | None = Field(
        None, description="Least share of the revenue that is left after the cost; needs a revenue."
    )
    revenue_usd_per_month: _Positive | None = Field(None, description="What a month brings in, USD.")
    revenue_usd_per_mtok: _Positive | None = Field(None, description="What a million tokens bring in, USD.")
    forbid_stale_prices: bool = Field(False, description="No price may be stale or undated.")

    @validates_model(mode="after")
    def _adds_up(self) -> Self:
        problems = _combination_problems(self.model_dump(exclude_none=True))
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def needs_base(self) -> bool:
        """Whether a limit is on the difference to a base."""
        return self.max_increase_usd_per_month is not None or self.max_increase_frac is not None

    def asked(self) -> dict[str, float | bool]:
        """The limits that are set, by name; a revenue is none."""
        given = self.model_dump(exclude_none=True)
        return {name: value for name, value in given.items() if name in LIMIT_NAMES and value is not False}


LIMIT_NAMES: Final = tuple(name for name in Limits.model_fields if not name.startswith("revenue_"))
"""Names of the limits, in the order in which they are judged."""


def limits_from(raw: Mapping[str, Any], *, places: Places | None = None) -> Limits:
    """The limits in `raw`. Raises InputError with every violation at once, each with its place in the file."""
    try:
        return Limits.model_validate(raw)
    except ValidationError as error:
        found = sentences(error, {"": tuple(Limits.model_fields)}, places or Places())
        raise InputError(*dict.fromkeys([*found, *_combination_problems(raw)])) from None


def read_limits(path: Path | None, flags: Mapping[str, Any]) -> Limits:
    """The limits of the file `path`, where there is one, with the `flags` that are not None over it.

    Raises:    InputError with every violation; also where no limit is set at all.
    """
    source = read_scenario_file(path) if path else None
    stated = {name: value for name, value in flags.items() if value is not None}
    found = limits_from({**(source.raw if source else {}), **stated}, places=source.places if source else None)
    if not found.asked():
        raise InputError("no limit is set; give one, such as --max-usd-per-month 5000, or a file by --limits")
    return found


def _combination_problems(given: Mapping[str, object]) -> list[str]:
    """What is missing, doubled or idle among the keys that are given."""
    revenues = [name for name in ("revenue_usd_per_month", "revenue_usd_per_mtok") if given.get(name) is not None]
    has_margin = given.get("min_margin_frac") is not None
    problems = []
    if len(revenues) > 1:
        problems.append("revenue_usd_per_month and revenue_usd_per_mtok are both given; keep one of them")
    if has_margin and not revenues:
        problems.append("min_margin_frac has no revenue; give revenue_usd_per_month or revenue_usd_per_mtok")
    if revenues and not has_margin:
        problems.append("a revenue without min_margin_frac is not used; give the least margin, or leave it out")
    return problems
