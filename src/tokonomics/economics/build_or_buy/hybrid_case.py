"""Own the base and buy the peaks, as one case: a load from a trace or from two levels, every split of it, the rule."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np

from tokonomics.catalog.load import Catalog
from tokonomics.economics.build_or_buy.build_ask import BuildQuestion, look_up
from tokonomics.economics.build_or_buy.build_case import BuildCase, build_curves
from tokonomics.economics.build_or_buy.build_inputs import Found
from tokonomics.economics.build_or_buy.duration_curve import Array, LoadDuration, load_duration, steady_and_peak
from tokonomics.economics.build_or_buy.hybrid import (
    HybridAnswer,
    HybridTerms,
    ShareRule,
    Strategy,
    best_hybrid,
    share_rule,
    strategy,
)
from tokonomics.economics.figures.explanation import Explanation, Term
from tokonomics.economics.figures.inputs import Inputs, resolve_inputs
from tokonomics.economics.figures.ranges import range_term
from tokonomics.errors import InputError
from tokonomics.units import SECONDS_PER_DAY
from tokonomics.workload.trace import Trace
from tokonomics.workload.traces import read_trace
from tokonomics.workload.traffic import traffic_from_trace

TOPIC: Final = "hybrid"
LEVELS: Final = ("steady_tokens_per_day", "peak_tokens_per_day", "peak_hours")
SHARE: Final = "served_frac"
_MOST_SPLITS: Final = 400
_OF_A_FLEET: Final = ("peak_ratio", "num_spare_replicas")


@dataclass(frozen=True, kw_only=True, slots=True)
class HybridCase:
    """The load with where it came from, the prices of both sides, and the inputs of all of it.

    `rate_sd_log` says how sure the rate of a replica is; None where the physics did not give it.
    """

    load: LoadDuration
    load_source: str
    terms: HybridTerms
    inputs: Inputs
    rate_sd_log: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class HybridTold:
    """The best split, the pure strategies, the rule of thumb, and every split from none to enough for the peak.

    `peak_overflow_tokens_per_s` is what the API must take at the worst moment under the best split.
    """

    case: HybridCase
    answer: HybridAnswer
    rule: ShareRule
    splits: tuple[Strategy, ...]
    peak_overflow_tokens_per_s: float


def ask_hybrid(catalog: Catalog, question: BuildQuestion, *, today: date, window_s: float) -> tuple[HybridTold, Found]:
    """Answer from the words of a user, with the prices of `today`; also what the catalogue and a trace contributed.

    Raises: InputError with every violation, UnknownName, MissingFact for a price, Infeasible for a model that does
    not fit.
    """
    given = [name for name in LEVELS if question.stated.get(name) is not None]
    clash = [f"{', '.join(given)} and a trace both state the load; keep one"] if given and question.trace else []
    build, found = look_up(catalog, question, today=today, problems=clash)
    case = hybrid_case(build, question.stated, trace=question.trace, window_s=window_s)
    share = resolve_inputs(TOPIC, {SHARE: question.stated.get(SHARE)}, [SHARE])[SHARE]
    return answer_hybrid(case, served_frac=float(share.value)), found


def hybrid_case(
    build: BuildCase, stated: Mapping[str, float | None], *, trace: Path | None, window_s: float
) -> HybridCase:
    """Pair a load with the prices of a build case.

    The load is the tokens of each window of the trace, else a steady rate with a daily peak (rates a day, as stated
    or as the table has them).
    """
    prices = {name: term for name, term in build.inputs.items() if name not in _OF_A_FLEET}
    if trace is not None:
        load = load_duration(token_demand_tokens_per_s(read_trace(trace), window_s=window_s))
        return HybridCase(
            load=load, load_source=trace.name, terms=_terms(build), inputs=prices, rate_sd_log=build.rate_sd_log
        )
    levels = resolve_inputs(TOPIC, {name: stated.get(name) for name in LEVELS}, LEVELS)
    load = steady_and_peak(**{name: float(term.value) for name, term in levels.items()})
    return HybridCase(
        load=load,
        load_source="two levels",
        terms=_terms(build),
        inputs={**levels, **prices},
        rate_sd_log=build.rate_sd_log,
    )


def answer_hybrid(case: HybridCase, *, served_frac: float) -> HybridTold:
    """Solve a case; `served_frac` is the share that the rule of thumb serves in-house."""
    answer = best_hybrid(case.load, case.terms)
    peak = case.load.peak_tokens_per_s - answer.best.num_replicas * case.terms.replica_tokens_per_s
    return HybridTold(
        case=case,
        answer=answer,
        rule=share_rule(case.load, case.terms, served_frac=served_frac),
        splits=tuple(strategy(case.load, case.terms, num_replicas=count) for count in _counts(answer)),
        peak_overflow_tokens_per_s=max(peak, 0.0),
    )


def token_demand_tokens_per_s(trace: Trace, *, window_s: float) -> Array:
    """Tokens a second, both kinds, in each whole window of a trace; of a table of rates, in each of its own windows.

    Raises: InputError for a trace without a clock, or shorter than two windows.
    """
    if trace.rate_series_requests_per_s is not None:
        traffic = traffic_from_trace(trace)
        return np.asarray(trace.rate_series_requests_per_s * (traffic.mean_input_tokens + traffic.mean_output_tokens))
    if trace.arrivals_s is None or not trace.arrivals_s[-1] >= 2 * window_s:
        raise InputError(
            f"{trace.name} spans no two windows of {window_s:g} s; give a longer trace or a shorter window"
        )
    whole = int(trace.arrivals_s[-1] // window_s)
    place = (trace.arrivals_s // window_s).astype(np.int64)
    tokens = np.bincount(place, weights=trace.input_tokens + trace.output_tokens, minlength=whole)
    return np.asarray(tokens[:whole] / window_s)


def explain_hybrid(told: HybridTold) -> Explanation:
    """The month of the best split, its formula and every input."""
    best = told.answer.best
    return Explanation(
        number="total_usd_per_month",
        option=f"{best.name} with {best.num_replicas} replicas",
        value=best.total_usd_per_month,
        unit="USD a month",
        formula="replicas x USD of a replica + ops (if any) + API price x tokens above the capacity of the replicas",
        terms=(*told.case.inputs.values(), *_range_terms(told.case)),
    )


def _range_terms(case: HybridCase) -> tuple[Term, ...]:
    """The range of what a replica does where it is modelled."""
    if case.rate_sd_log is None:
        return ()
    rate = case.inputs["replica_tokens_per_s"]
    return (range_term(rate.name, float(rate.value), case.rate_sd_log, rate.unit),)


def load_curve_points(load: LoadDuration, *, num_points: int = 200) -> tuple[list[float], list[float]]:
    """Shares of time and the demand (tokens/s) that each exceeds, from the peak down; about twice `num_points`."""
    step = max(1, math.ceil(load.demand_tokens_per_s.size / num_points))
    index = np.arange(load.demand_tokens_per_s.size)[::-1][::step]
    ends = 1.0 - load.time_below_frac
    xs = np.stack([ends[index + 1], ends[index]], axis=1).ravel()
    ys = np.repeat(load.demand_tokens_per_s[index], 2)
    return xs.tolist(), ys.tolist()


def _terms(build: BuildCase) -> HybridTerms:
    curves = build_curves(build)
    step, capacity = curves.always_on.replica_usd_per_month, curves.always_on.replica_tokens_per_day
    assert capacity is not None
    return HybridTerms(
        replica_usd_per_month=step,
        replica_tokens_per_s=capacity / SECONDS_PER_DAY,
        api_usd_per_mtok=curves.api.usd_per_mtok,
        ops_usd_per_month=curves.always_on.fixed_usd_per_month,
        days_per_month=curves.api.days_per_month,
    )


def _counts(answer: HybridAnswer) -> list[int]:
    """Replica counts to show: all of them, or evenly spaced ones with the best among them."""
    peak = answer.pure_self_host.num_replicas
    step = max(1, math.ceil(peak / _MOST_SPLITS))
    return sorted({*range(0, peak + 1, step), peak, answer.best.num_replicas})
