"""USD per million tokens of GPU time, on both cost bases, input and output priced apart."""

from collections.abc import Mapping
from dataclasses import dataclass

from tokonomics.errors import InputError, raise_all
from tokonomics.units import MTOK

BASES = ("allocation", "usage")


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenVolume:
    """Tokens of one month. `input_tokens` counts those served from a prefix cache too."""

    input_tokens: float
    output_tokens: float

    @property
    def total_tokens(self) -> float:
        """Input and output together."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenCost:
    """What a million tokens cost: input, output, and both blended at the traffic's own mix."""

    input_usd_per_mtok: float
    output_usd_per_mtok: float
    blended_usd_per_mtok: float


@dataclass(frozen=True, kw_only=True, slots=True)
class CostBases:
    """The same cost on both bases.

    `allocation` is everything paid for, idle time and unused GPUs of a box included: it reconciles to the bill.
    `usage` is only the work: the same hardware filled to its SLO capacity.
    """

    allocation: TokenCost
    usage: TokenCost

    def to_dict(self) -> Mapping[str, Mapping[str, float]]:
        """{"input"|"output"|"blended": {"allocation"|"usage": USD per million tokens}}."""
        return {
            part: {basis: getattr(getattr(self, basis), f"{part}_usd_per_mtok") for basis in BASES}
            for part in ("input", "output", "blended")
        }


def token_cost(month_usd: float, volume: TokenVolume, *, input_share_frac: float) -> TokenCost:
    """Spread a month's cost over its tokens; `input_share_frac` of the cost was caused by input tokens.

    Where one kind of token does not occur, the other bears the whole cost: nothing is lost.

    Raises InputError for a negative cost, a share outside 0..1 or a month without tokens.

    >>> cost = token_cost(100.0, TokenVolume(input_tokens=80e6, output_tokens=20e6), input_share_frac=0.4)
    >>> cost.input_usd_per_mtok, cost.output_usd_per_mtok, cost.blended_usd_per_mtok
    (0.5, 3.0, 1.0)
    """
    wrong = []
    if not month_usd >= 0.0:
        wrong.append(f"month_usd={month_usd} must be 0 or more")
    if not 0.0 <= input_share_frac <= 1.0:
        wrong.append(f"input_share_frac={input_share_frac} must lie between 0 and 1")
    if not (volume.input_tokens >= 0.0 and volume.output_tokens >= 0.0 and volume.total_tokens > 0.0):
        wrong.append(
            f"tokens a month: input={volume.input_tokens} output={volume.output_tokens}; limit=0 or more, not both 0"
        )
    raise_all(wrong, InputError)
    share = input_share_frac if volume.output_tokens else 1.0
    share = share if volume.input_tokens else 0.0
    return TokenCost(
        input_usd_per_mtok=_per_mtok(month_usd * share, volume.input_tokens),
        output_usd_per_mtok=_per_mtok(month_usd * (1.0 - share), volume.output_tokens),
        blended_usd_per_mtok=_per_mtok(month_usd, volume.total_tokens),
    )


def _per_mtok(usd: float, tokens: float) -> float:
    return usd / tokens * MTOK if tokens > 0.0 else 0.0
