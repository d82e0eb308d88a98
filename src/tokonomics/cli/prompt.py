"""`tok prompt`: what a prompt costs, how it grew, and what examples, thinking and shorter answers do to the bill."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tokonomics.cli.listings import facts_options
from tokonomics.cli.money_options import explain_option, gpu_options, number_options
from tokonomics.cli.output import OutputOptions, emit, output_options
from tokonomics.economics.figures.assumptions import assumed_values
from tokonomics.economics.figures.explanation import Term, unit_of
from tokonomics.economics.figures.inputs import assumed_term, stated_problems, stated_term
from tokonomics.economics.tokens.prompt_ask import Card, Version, tell_prompt
from tokonomics.errors import MissingFact, raise_all
from tokonomics.units import usd_per_mtok

if TYPE_CHECKING:
    from tokonomics.report.facts import Facts
MAX_FILE_BYTES: Final = 10_000_000

_LOAD = {
    "requests_per_day": "Requests that carry the prompt, a day",
    "days_per_month": "Days of a month  [30.42, which is 730 hours]",
    "chars_per_token": "Characters of a token, to estimate the tokens of a file  [4; English prose]",
    "hit_frac": "Share of the prompt that is read from a prefix cache  [0]",
    "user_tokens": "Tokens of input after the prompt, which no cache holds  [0]",
    "output_tokens": "Tokens of an answer",
}
_RATE = {
    "input_usd_per_mtok": "Price of input, instead of --api",
    "cached_usd_per_mtok": "Price of input read from a cache  [0 on your own accelerators]",
    "output_usd_per_mtok": "Price of output, instead of --api",
    "gpu_usd_per_hour": "Price of one accelerator-hour, instead of --gpu",
    "num_gpus": "Accelerators of a replica  [1]",
    "prefill_tokens_per_s": "Input tokens/s of a replica that only reads",
    "decode_tokens_per_s": "Output tokens/s of a replica that only writes",
}
_PARTS = {
    "num_examples": "Few-shot: examples in the prompt, beside its tokens",
    "example_tokens": "Few-shot: tokens of one example",
    "saved_output_tokens": "Few-shot: output tokens that the examples save, a request",
    "retries_saved_frac": "Few-shot: share of requests that need no retry any more",
    "thinking_tokens": "Tokens of thinking before the answer, billed as output",
    "thinking_ratio": "Ask for the input at which output costs so many times as much",
    "kept_frac": "Share of the answer's length that is kept when it is made shorter",
    "alarm_ratio": "Growth of the prompt that alarms  [2]",
}
_RATES: Final = ("prefill_tokens_per_s", "decode_tokens_per_s")
_FEW: Final = ("num_examples", "example_tokens")
_POSITIVE: Final = ("chars_per_token", "days_per_month", "gpu_usd_per_hour", "num_gpus", "thinking_ratio", *_RATES)


@click.command()
@click.option("--tokens", "tokens", type=click.FLOAT, metavar="N", help="Tokens of the prompt.")
@click.option(
    "--file", "text", type=click.Path(path_type=Path), metavar="FILE", help="File of the prompt; tokens are estimated."
)
@click.option("--before", metavar="N|FILE", help="The prompt before it grew: tokens or a file.")
@click.option("--after", metavar="N|FILE", help="The prompt after it grew: tokens or a file.")
@click.option("--version", "history", multiple=True, metavar="DATE=N|FILE", help="A dated version; may be repeated.")
@click.option("--api", metavar="TEXT", help="Hosted model that answers, as provider/model.")
@number_options(_LOAD)
@gpu_options
@number_options(_RATE)
@number_options(_PARTS)
@explain_option
@facts_options
@output_options
def prompt(output: OutputOptions, facts: "Facts", explained: bool, **flags: Any) -> None:
    """Price a prompt per request and per month, and audit how it grew.

    Name --api, state prices, or give an accelerator with its rates; without any the source article's prices stand in.
    """
    from tokonomics.report.json import document  # views load only when a command runs
    from tokonomics.report.prompt_view import prompt_dict, prompt_view

    versions = _read(flags, facts.today)
    stated = flags["stated"]
    cards = [_card(facts, flags, one.version_tokens + (stated["user_tokens"] or 0.0)) for one in versions]
    told = tell_prompt(versions, cards, stated, is_dated=bool(flags["history"]))
    body = {**facts.envelope(), **prompt_dict(told)}
    emit(document("prompt", body), prompt_view(told, facts, explained=explained), output)


def _read(flags: dict[str, Any], today: date) -> list[Version]:
    """The prompts that are named, once every flag is checked; all that is wrong is said at once."""
    stated: dict[str, float | None] = flags["stated"]
    problems = stated_problems(stated, positive=_POSITIVE)
    problems += _incomplete(flags, stated) + _clashes(flags, stated)
    ratio = stated.get("chars_per_token") or assumed_values("prompt")["chars_per_token"]
    versions = [_sized(name, on, word, ratio, problems) for name, on, word in _words(flags, today, problems)]
    raise_all(problems)
    return [one for one in versions if one is not None]


def _incomplete(flags: dict[str, Any], stated: dict[str, float | None]) -> list[str]:
    """What is missing, or missing beside something else."""
    prompts = [flags["tokens"] is not None, flags["text"] is not None, flags["after"] is not None, flags["history"]]
    problems = [] if any(prompts) else ["no prompt; give --tokens N, --file FILE, or --before with --after"]
    if stated.get("requests_per_day") is None:
        problems.append("no --requests-per-day; a month costs nothing without requests")
    if (flags["before"] is None) != (flags["after"] is None):
        problems.append("--before and --after belong together; give both")
    if flags["history"] and len(flags["history"]) < 2:
        problems.append("one --version; give at least two to see growth")
    owned = _is_owned(flags)
    rates = [stated.get(name) for name in _RATES]
    if owned and None in rates:
        problems.append(
            "an accelerator needs --prefill-tokens-per-s and --decode-tokens-per-s; `tok quote` models them"
        )
    if not owned and any(rate is not None for rate in rates):
        problems.append("rates without an hour to price; give --gpu or --usd-per-hour")
    few = [stated.get(name) for name in _FEW]
    if any(part is not None for part in few) and None in few:
        problems.append("few-shot needs --num-examples and --example-tokens; give both")
    if stated.get("kept_frac") is not None and not stated.get("output_tokens"):
        problems.append("--kept-frac shortens an answer; give --output-tokens")
    if (stated.get("alarm_ratio") or 1.0) < 1.0:
        problems.append(f"alarm_ratio={stated['alarm_ratio']:g}; must be 1 or more")
    if stated.get("thinking_ratio") is not None and not stated.get("thinking_tokens"):
        problems.append("--thinking-ratio asks about thinking; give --thinking-tokens")
    return problems + _half_priced(stated)


def _half_priced(stated: dict[str, float | None]) -> list[str]:
    """A stated price whose other half is missing."""
    plain, output = stated.get("input_usd_per_mtok"), stated.get("output_usd_per_mtok")
    asked = ("output_tokens", "thinking_tokens", *_FEW)
    if plain is None and output is not None:
        return ["--output-usd-per-mtok without --input-usd-per-mtok; give both"]
    if plain is not None and output is None and any(stated.get(name) is not None for name in asked):
        return ["output is asked about without a price; give --output-usd-per-mtok"]
    return []


def _clashes(flags: dict[str, Any], stated: dict[str, float | None]) -> list[str]:
    """What is said twice."""
    prompts = {"--tokens": flags["tokens"], "--file": flags["text"], "--after": flags["after"]}
    prompts["--version"] = flags["history"] or None
    given = [name for name, value in prompts.items() if value is not None]
    prices = {
        "--api": flags["api"] is not None,
        "--input-usd-per-mtok or --output-usd-per-mtok": any(
            stated.get(name) is not None for name in ("input_usd_per_mtok", "output_usd_per_mtok")
        ),
        "an accelerator": _is_owned(flags),
    }
    sources = [name for name, is_given in prices.items() if is_given]
    problems = [f"the prompt is given by {' and by '.join(given)}; keep one"] if len(given) > 1 else []
    if len(sources) > 1:
        problems.append(f"prices come from {' and from '.join(sources)}; keep one")
    if flags["gpu"] is not None and stated.get("gpu_usd_per_hour") is not None:
        problems.append("gpu_usd_per_hour is stated and also follows from --gpu; keep one")
    return problems


def _words(flags: dict[str, Any], today: date, problems: list[str]) -> Iterator[tuple[str, date, str | Path]]:
    """The prompts named, each with a date; without dates the order stands in for them."""
    for pair in flags["history"]:
        day, _, word = pair.partition("=")
        try:
            yield day, date.fromisoformat(day), word
        except ValueError:
            problems.append(f"--version {pair!r} is not DATE=N or DATE=FILE, such as 2026-01-31=1200")
    if flags["before"] is not None:
        yield "before", today - timedelta(days=1), flags["before"]
    for name, key in (("after", "after"), ("prompt", "text"), ("prompt", "tokens")):
        if flags[key] is not None:
            yield name, today, flags[key] if key != "tokens" else f"{flags[key]!r}"


def _sized(name: str, on: date, word: str | Path, ratio: float, problems: list[str]) -> Version | None:
    """A prompt with its tokens: as stated, or estimated from the characters of a file."""
    try:
        if isinstance(word, str):
            tokens = float(word)
            problems.extend(stated_problems({f"tokens of {name}": tokens}, positive=[f"tokens of {name}"]))
            return Version(name=name, on=on, version_tokens=tokens, num_chars=None)
    except ValueError:
        pass
    num_chars = _characters(Path(word), problems)
    return Version(name=name, on=on, version_tokens=num_chars / ratio, num_chars=num_chars) if num_chars else None


def _characters(path: Path, problems: list[str]) -> int:
    """How many characters a file holds; 0, with a problem noted, where it cannot be read as text."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        problems.append(f"{path} is no UTF-8 text; save it as UTF-8, or give its tokens as a number")
        return 0
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no file name"
        problems.append(f"cannot read {str(path)!r} ({reason}); give a number of tokens or a file of text")
        return 0
    if not text or len(raw) > MAX_FILE_BYTES:
        problems.append(f"{path} holds {len(raw)} bytes; give 1 to {MAX_FILE_BYTES}")
        return 0
    return len(text)


def _is_owned(flags: dict[str, Any]) -> bool:
    return flags["gpu"] is not None or flags["stated"].get("gpu_usd_per_hour") is not None


def _card(facts: "Facts", flags: dict[str, Any], input_tokens: float) -> Card:
    """The prices that a request of `input_tokens` pays."""
    if flags["api"]:
        return _api_card(facts, flags, round(input_tokens))
    return _own_card(facts, flags) if _is_owned(flags) else _stated_card(flags["stated"])


def _api_card(facts: "Facts", flags: dict[str, Any], num_tokens: int) -> Card:
    """The list prices of an endpoint; where its cache is used, what misses it is billed as written to it."""
    stated = flags["stated"]
    row = facts.catalog.api_price(flags["api"], at=facts.today)
    rates = row.rates(input_tokens=num_tokens)
    hits = stated["hit_frac"] or 0.0
    listed = {"input_usd_per_mtok": rates.input_usd_per_mtok, "output_usd_per_mtok": rates.output_usd_per_mtok}
    if hits > 0:
        listed["cache_write_usd_per_mtok"] = rates.cache_write_5m_usd_per_mtok
        listed["cached_usd_per_mtok"] = rates.cached_input_usd_per_mtok
    source = f"{row.name}; {row.source}, as of {row.as_of or 'unknown date'}"
    terms = {
        name: Term(name, float(price), unit_of(name), "list", source)
        for name, price in listed.items()
        if price is not None
    }
    if hits > 0 and stated["cached_usd_per_mtok"] is not None:
        terms["cached_usd_per_mtok"] = stated_term("cached_usd_per_mtok", stated["cached_usd_per_mtok"])
    needed = [*list(listed)[:2], *(["cached_usd_per_mtok"] if hits > 0 else [])]
    missing = [f"{row.name} has no list price as {name}; give your own" for name in needed if name not in terms]
    raise_all(missing, MissingFact)
    return Card(name=row.name, terms=terms, as_of=row.as_of)


def _own_card(facts: "Facts", flags: dict[str, Any]) -> Card:
    """An accelerator-hour over what a replica reads or writes in it."""
    from tokonomics.economics.hardware.list_prices import cheapest_hour  # the catalogue loads only when a command runs

    stated = flags["stated"]
    num_gpus = round(stated["num_gpus"] or 1)
    if flags["gpu"] is None:
        hour, name, as_of = stated_term("gpu_usd_per_hour", stated["gpu_usd_per_hour"]), "own accelerators", ""
    else:
        found = cheapest_hour(
            facts.catalog, flags["gpu"], providers=flags["providers"], purchase=flags["purchase"], num_gpus=num_gpus
        )
        hour, name, as_of = found.term, found.name, found.offer.as_of
    terms = {"gpu_usd_per_hour": hour, "num_gpus": stated_term("num_gpus", num_gpus)}
    terms |= {rate: stated_term(rate, stated[rate]) for rate in _RATES}
    source = f"{name}: USD/h of {num_gpus} GPUs / tokens of an hour"
    for price, rate in zip(("input_usd_per_mtok", "output_usd_per_mtok"), _RATES):
        value = usd_per_mtok(float(hour.value) * num_gpus, stated[rate])
        terms[price] = Term(price, value, unit_of(price), "modelled", source)
    return Card(name=name, terms={**terms, **_own_cache(stated)}, as_of=as_of)


def _stated_card(stated: dict[str, float | None]) -> Card:
    """Prices as stated; those of the source article where none is."""
    names = ("input_usd_per_mtok", "cached_usd_per_mtok", "output_usd_per_mtok")
    terms = {name: stated_term(name, value) for name in names if (value := stated[name]) is not None}
    if "input_usd_per_mtok" in terms:
        return Card(name="prices as stated", terms=terms, as_of="")
    for name, phase in (("input_usd_per_mtok", "prefill"), ("output_usd_per_mtok", "decode")):
        row = assumed_term("reference", f"{phase}_usd_per_mtok")
        terms[name] = Term(name, row.value, row.unit, row.status, row.source)
    return Card(name="the source article's 70B on one H100", terms={**terms, **_own_cache(stated)}, as_of="")


def _own_cache(stated: dict[str, float | None]) -> dict[str, Term]:
    """A prefix cache of one's own costs nothing to read, unless stated otherwise."""
    name, value = "cached_usd_per_mtok", stated["cached_usd_per_mtok"]
    if value is not None:
        return {name: stated_term(name, value)}
    if not stated["hit_frac"]:
        return {}
    return {name: Term(name, 0.0, unit_of(name), "assumed", "a cache of one's own: its memory is paid by the hour")}
