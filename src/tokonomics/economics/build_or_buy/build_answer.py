"""The answer to build or buy: where building starts to win, with and without its hidden costs, and what moves that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tokonomics.economics.build_or_buy.break_even import BreakEven, BuildOrBuy, break_even, build_or_buy
from tokonomics.economics.build_or_buy.build_case import BuildCase, BuildCurves, build_curves
from tokonomics.economics.build_or_buy.build_inputs import TOPIC
from tokonomics.economics.build_or_buy.cost_curve import CostCurve, api_curve
from tokonomics.economics.build_or_buy.volume_bands import VolumeBand, volume_bands
from tokonomics.economics.figures.assumptions import assumptions
from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.figures.explanation import Explanation, Term
from tokonomics.economics.figures.inputs import AS_STATED, Inputs, values_of
from tokonomics.economics.figures.ranges import ends_of, range_term
from tokonomics.economics.figures.sensitivity import Tornado, tornado
from tokonomics.economics.hardware.hidden_costs import HiddenCost, HiddenCosts, hidden_costs
from tokonomics.economics.hardware.list_prices import TokenPrice
from tokonomics.economics.tokens.blended import blended_usd_per_mtok

DEFAULT_SWING_FRAC: Final = 0.25
_FIXED_INPUTS: Final = ("days_per_month", "num_step_gpus", "num_step_replicas", "num_spare_replicas", "peak_ratio")
_OPERATIONS: Final = "operations"
_DECADES: Final = (1e5, 1e6, 1e7, 1e8, 1e9)


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildAnswer:
    """Break-even of a case and what stands around it.

    `point` rents around the clock, `pay_per_use` by the token; `with_hidden` adds the priced lines of the register
    beyond operations. `rivals` are further APIs against the same build. `bands` say which way is cheapest at which
    volume.
    """

    case: BuildCase
    curves: BuildCurves
    point: BreakEven
    pay_per_use: BreakEven
    with_hidden: BreakEven
    hidden: HiddenCosts
    register: tuple[HiddenCost, ...]
    rivals: tuple[BreakEven, ...]
    rows: tuple[BuildOrBuy, ...]
    bands: tuple[VolumeBand, ...]
    tornado: Tornado
    swing_frac: float


def answer_build(
    case: BuildCase,
    register: Sequence[HiddenCost],
    *,
    hidden_inputs: Inputs,
    rivals: Sequence[TokenPrice] = (),
    volumes: Sequence[float] = (),
    swing_frac: float = DEFAULT_SWING_FRAC,
) -> BuildAnswer:
    """Solve a case. `volumes` are tokens a day of the table; none means decades from 100,000.

    The register's line `operations` is what the case already counts as ops_usd_per_month, so it is not added again.
    """
    Checks().positive(**{f"tokens_per_day[{i}]": each for i, each in enumerate(volumes)}).fraction(
        swing_frac=swing_frac
    ).done()
    curves = build_curves(case)
    point = break_even(curves.always_on, curves.api)
    lines = tuple(line for line in register if line.name != _OPERATIONS)
    hidden = hidden_costs(lines, gpu_usd_per_month=curves.always_on.replica_usd_per_month, **values_of(hidden_inputs))
    loaded = replace(
        curves.always_on, fixed_usd_per_month=curves.always_on.fixed_usd_per_month + hidden.total_usd_per_month
    )
    others = [_rival(case, rival, curves.api.days_per_month) for rival in rivals]
    own = [point.volume_tokens_per_day] if point.volume_tokens_per_day else []
    shown = sorted({*(volumes or _DECADES), *own})
    return BuildAnswer(
        case=case,
        curves=curves,
        point=point,
        pay_per_use=break_even(curves.pay_per_use, curves.api),
        with_hidden=break_even(loaded, curves.api),
        hidden=hidden,
        register=lines,
        rivals=tuple(break_even(curves.always_on, other) for other in others),
        rows=build_or_buy(curves.always_on, curves.api, shown),
        bands=_bands([curves.api, *others, curves.always_on], point, shown),
        tornado=_tornado(case, swing_frac),
        swing_frac=swing_frac,
    )


def explain_break_even(answer: BuildAnswer) -> Explanation:
    """The formula of the break-even volume and every input, in tokens a day; 0 where there is none."""
    point = answer.point
    return Explanation(
        number="volume_tokens_per_day",
        option=f"{answer.case.build_name} against {answer.case.api_name}",
        value=point.volume_tokens_per_day or 0.0,
        unit="tokens a day",
        formula="(steps(V) x USD of a step + ops) / blended API price / days of a month"
        if point.volume_tokens_per_day is not None
        else point.reason,
        terms=(*answer.case.inputs.values(), *_range_terms(answer)),
    )


def _range_terms(answer: BuildAnswer) -> tuple[Term, ...]:
    """The range of a modelled rate; none where it is stated."""
    sd_log = answer.case.rate_sd_log
    if sd_log is None:
        return ()
    rate = answer.case.inputs["replica_tokens_per_s"]
    return (range_term(rate.name, float(rate.value), sd_log, rate.unit),)


def _rival(case: BuildCase, rival: TokenPrice, days_per_month: float) -> CostCurve:
    share = values_of(case.inputs)["input_frac"]
    price = blended_usd_per_mtok(
        input_usd_per_mtok=rival.input_usd_per_mtok, output_usd_per_mtok=rival.output_usd_per_mtok, input_frac=share
    )
    return api_curve(rival.name, usd_per_mtok=price, days_per_month=days_per_month)


def _bands(curves: Sequence[CostCurve], point: BreakEven, shown: Sequence[float]) -> tuple[VolumeBand, ...]:
    """Bands up to ten times the volume that matters most, within reach of a bounded number of steps."""
    step = curves[-1].replica_tokens_per_day or 1.0
    reach = max(10.0 * (point.secure_tokens_per_day or point.volume_tokens_per_day or step), 2.0 * step, *shown)
    return volume_bands(curves, up_to_tokens_per_day=min(reach, 5_000.0 * step / curves[-1].peak_ratio))


def _tornado(case: BuildCase, swing_frac: float) -> Tornado:
    """Move each input through the range its source or the physics gives, else by a share of itself either way."""
    base = values_of(case.inputs)
    spans = {
        name: _span(case, name, value, swing_frac)
        for name, value in base.items()
        if name not in _FIXED_INPUTS and value > 0
    }

    def volume(values: Mapping[str, float]) -> float | None:
        curves = build_curves(case, values)
        return break_even(curves.always_on, curves.api).volume_tokens_per_day

    return tornado(volume, base=base, spans=spans)


def _span(case: BuildCase, name: str, value: float, swing_frac: float) -> tuple[float, float]:
    if name == "replica_tokens_per_s" and case.rate_sd_log is not None:
        return ends_of(value, case.rate_sd_log)
    known = assumptions(TOPIC).get(name)
    if known is not None and known.span is not None and case.inputs[name].source != AS_STATED:
        return known.span
    low, high = value * (1.0 - swing_frac), value * (1.0 + swing_frac)
    return (low, min(high, 1.0)) if name.endswith("_frac") else (low, high)
