"""Where a number of a quote comes from: its formula, its terms with units, and the dated source of each."""

from collections.abc import Callable
from typing import Final

from tokonomics.economics.figures.explanation import Explanation, Term
from tokonomics.economics.quoting.options import Operation, Option
from tokonomics.economics.quoting.quote import Quote
from tokonomics.errors import InputError, UnknownName
from tokonomics.units import HOURS_PER_MONTH

_Maker = Callable[[Quote, Option], tuple[float, str, str, tuple[Term, ...]]]


def explain(quote: Quote, option: Option, number: str) -> Explanation:
    """Explain one number of `option`: any name in `EXPLAINED`.

    Raises UnknownName for another name, InputError where the option has no such number (an API has no replicas, an
    unpriced option no cost).
    """
    if number not in EXPLAINED:
        raise UnknownName("number", number, list(EXPLAINED))
    problem = _problem(option, number)
    if problem:
        raise InputError(f"{option.name} {problem}, so it has no {number}")
    value, unit, formula, terms = EXPLAINED[number](quote, option)
    return Explanation(number=number, option=option.name, value=value, unit=unit, formula=formula, terms=terms)


def explain_all(quote: Quote, option: Option) -> tuple[Explanation, ...]:
    """Every number of `option` that can be explained."""
    return tuple(explain(quote, option, number) for number in EXPLAINED if not _problem(option, number))


def explainable(quote: Quote, number: str) -> Option:
    """The best-ranked option that has `number`; the best of all where none has, which `explain` then refuses."""
    return next((option for option in quote.options if not _problem(option, number)), quote.best)


def _problem(option: Option, number: str) -> str:
    if number.startswith("usd") and not option.is_priced:
        return "is unpriced"
    return "is an API" if not number.startswith("usd") and option.operation is None else ""


def _run(option: Option) -> Operation:
    assert option.operation is not None
    return option.operation


def _list_source(option: Option) -> str:
    return f"{option.price.source}, as of {option.price.as_of or 'unknown date'}"


def _volume(quote: Quote) -> tuple[Term, ...]:
    month = quote.demand.month
    return (
        _traffic_term(quote, "input", month.input_tokens, "tokens a month"),
        _traffic_term(quote, "output", month.output_tokens, "tokens a month"),
    )


def _traffic_term(quote: Quote, name: str, value: float, unit: str) -> Term:
    """A term that the traffic gives: measured in a trace, else assumed as stated or as a preset has it."""
    traffic = quote.demand.traffic
    standing = "assumed" if traffic.peak_window_s is None else "measured"
    return Term(name, value, unit, standing, f"traffic {traffic.name}")


def _rates(quote: Quote, option: Option) -> tuple[Term, ...]:
    traffic, run = quote.demand.traffic, _run(option)
    model = f"{run.engine} constants; docs/model-cards/latency.md"
    return (
        _traffic_term(quote, "mean rate", traffic.requests_per_s, "requests/s"),
        _traffic_term(quote, "peak rate", traffic.peak_requests_per_s, "requests/s"),
        Term("capacity", run.capacity_requests_per_s, "requests/s of a replica", "modelled", model),
    )


def _month(quote: Quote, option: Option) -> tuple[float, str, str, tuple[Term, ...]]:
    price, total = option.price, option.usd_per_month or 0.0
    if option.operation is None:
        assert option.usd_per_mtok is not None
        cost, source = option.usd_per_mtok.allocation, _list_source(option)
        terms = (
            *_volume(quote),
            Term("input price", cost.input_usd_per_mtok, "USD per M tokens", "list", source),
            Term("output price", cost.output_usd_per_mtok, "USD per M tokens", "list", source),
        )
        return total, "USD a month", "input x input price + output x output price", terms
    boxes, unit = option.num_gpus // price.num_gpus, f"USD/h of {price.num_gpus} GPUs, {price.purchase}"
    return (
        total,
        "USD a month",
        "boxes x USD per box-hour x hours a month",
        (
            Term("boxes", boxes, "instances", "modelled", "replicas packed into whole boxes"),
            Term("price", price.usd_per_hour or 0.0, unit, "list", _list_source(option)),
            Term("hours", HOURS_PER_MONTH, "hours a month", "assumed", "convention: 8,760 / 12"),
        ),
    )


def _cost(basis: str, part: str) -> _Maker:
    share = {"input": " x input share", "output": " x (1 - input share)", "blended": ""}[part]
    work = " x used GPUs / billed GPUs x utilisation" if basis == "usage" else ""
    tokens = {"input": "input", "output": "output", "blended": "(input + output)"}[part]

    def make(quote: Quote, option: Option) -> tuple[float, str, str, tuple[Term, ...]]:
        assert option.usd_per_mtok is not None
        value, unit = option.usd_per_mtok.to_dict()[part][basis], "USD per M tokens"
        month = Term("month", option.usd_per_month or 0.0, "USD a month", "modelled", "usd_per_month")
        if option.operation is None:
            return value, unit, "mean of the list rates that the requests pay", (month, *_volume(quote))
        terms = (month, *_volume(quote), *_shares(option, usage=bool(work)))
        return value, unit, f"month{work}{share} / {tokens} x 1e6", terms

    return make


def _shares(option: Option, *, usage: bool) -> tuple[Term, ...]:
    run = _run(option)
    share = "docs/model-cards/step-time.md"
    terms = [Term("input share", run.prefill_frac, "share of GPU time", "modelled", share)]
    if usage:
        terms += [
            Term("used GPUs", option.num_used_gpus, "GPUs", "modelled", "replicas x GPUs of a replica"),
            Term("billed GPUs", option.num_gpus, "GPUs", "modelled", "whole boxes"),
            Term("utilisation", run.utilisation_frac, "share of capacity", "modelled", "utilisation_frac"),
        ]
    return tuple(terms)


def _replicas(quote: Quote, option: Option) -> tuple[float, str, str, tuple[Term, ...]]:
    formula = "ceil(peak rate / capacity) + spares"
    return _run(option).num_replicas, "replicas", formula, _rates(quote, option)


def _utilisation(quote: Quote, option: Option) -> tuple[float, str, str, tuple[Term, ...]]:
    run = _run(option)
    terms = (
        *_rates(quote, option),
        Term("replicas", run.num_replicas, "replicas", "modelled", "num_replicas"),
    )
    return run.utilisation_frac, "share of SLO capacity", "mean rate / (replicas x capacity)", terms


def _latency(metric: str, formula: str) -> _Maker:
    def make(quote: Quote, option: Option) -> tuple[float, str, str, tuple[Term, ...]]:
        run, shape = _run(option), quote.demand.shape
        terms = (
            Term("batch", run.batch_sequences, "sequences of a replica at the peak", "modelled", "Little's law"),
            _traffic_term(quote, "prompt", shape.input_tokens, "uncached tokens, mean"),
            _traffic_term(quote, "context", shape.context_tokens, "tokens, running mean"),
            Term("engine", run.engine, "constants", "assumed", "physics/data/constants.csv"),
        )
        return option.latency_s[f"{metric}_p95"], "s", formula, terms

    return make


EXPLAINED: Final[dict[str, _Maker]] = {
    "usd_per_month": _month,
    **{
        f"usd_per_mtok.{part}.{basis}": _cost(basis, part)
        for part in ("blended", "input", "output")
        for basis in ("allocation", "usage")
    },
    "num_replicas": _replicas,
    "utilisation_frac": _utilisation,
    "ttft_p95_s": _latency("ttft", "rest of the running step + wait for prompts ahead + own prefill"),
    "itl_p95_s": _latency("itl", "mean step at the batch exceeded 5 % of the time + prompts run beside it"),
    "e2e_p95_s": _latency("e2e", "ttft + (output tokens - 1) x mean step"),
}
"""What can be explained, and what explains it: value, unit, formula and terms."""
