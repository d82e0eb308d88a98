"""Presets: generators of requests fitted to published statistics. No trace is shipped; data/presets.csv is."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import inf

from tokonomics.errors import UnknownName, raise_all
from tokonomics.workload.bounds import MAX_REQUESTS_PER_S, positive_problems
from tokonomics.workload.lengths import shuffled, skewed_tokens
from tokonomics.workload.record import Traffic


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """One row of data/presets.csv; None where the source does not say.

    Lengths are lognormal with this mean and median up to this maximum, and constant where there is no median.
    peak_ratio is the busiest window of peak_window_s over the mean of the record. status: published or assumed.
    """

    name: str
    description: str
    input_mean_tokens: float
    input_median_tokens: float | None
    input_max_tokens: float | None
    output_mean_tokens: float
    output_median_tokens: float | None
    output_max_tokens: float | None
    arrival_cv: float | None
    peak_ratio: float | None
    peak_window_s: float | None
    cached_input_frac: float | None
    reasoning_frac: float | None
    status: str
    as_of: str
    source: str
    notes: str


@cache
def presets() -> dict[str, Preset]:
    """All presets by name, in the order of the table.

    >>> sorted(presets())[:3]
    ['agent', 'batch', 'chat']
    """
    table = files("tokonomics.workload").joinpath("data/presets.csv").read_text(encoding="utf-8")
    return {row["name"]: _preset(row) for row in csv.DictReader(table.splitlines())}


def preset(name: str, requests_per_s: float) -> Traffic:
    """Traffic of the preset `name` at a mean rate: the same 2,048 requests on every machine.

    Input and output lengths are uncorrelated. Where the source is silent: Poisson arrivals, a peak at the
    mean, no prefix reuse, no reasoning; Traffic.source names these.
    Raises:    UnknownName with the nearest presets; InputError on a rate that is not above zero.

    >>> round(preset("chat", 10.0).mean_input_tokens), preset("chat", 10.0).peak_requests_per_s
    (1155, 15.3)
    """
    if name not in presets():
        raise UnknownName("preset", name, list(presets()))
    raise_all(positive_problems("requests_per_s", requests_per_s, "requests/s", most=MAX_REQUESTS_PER_S))
    row = presets()[name]
    inputs = skewed_tokens(row.input_mean_tokens, row.input_median_tokens, row.input_max_tokens or inf)
    outputs = skewed_tokens(row.output_mean_tokens, row.output_median_tokens, row.output_max_tokens or inf)
    num = max(inputs.size, outputs.size)
    return Traffic(
        name=name,
        requests_per_s=requests_per_s,
        peak_requests_per_s=requests_per_s * (row.peak_ratio or 1.0),
        input_tokens=shuffled(inputs.repeat(num // inputs.size), 0),
        output_tokens=shuffled(outputs.repeat(num // outputs.size), 1),
        arrival_cv=1.0 if row.arrival_cv is None else row.arrival_cv,
        cached_input_frac=row.cached_input_frac or 0.0,
        reasoning_frac=row.reasoning_frac or 0.0,
        source=_source(row),
        peak_window_s=row.peak_window_s,
    )


def _preset(row: dict[str, str]) -> Preset:
    texts = {name: row[name] for name in ("name", "description", "status", "as_of", "source", "notes")}
    numbers = {name: float(text) if text else None for name, text in row.items() if name not in texts}
    return Preset(**texts, **numbers)  # type: ignore[arg-type]  # the table's columns are the fields


def _source(row: Preset) -> str:
    is_fitted = row.input_median_tokens is not None or row.output_median_tokens is not None
    unsaid = [
        words
        for words, value in (
            ("Poisson arrivals assumed", row.arrival_cv),
            ("peak at the mean assumed", row.peak_ratio),
            ("no prefix reuse credited", row.cached_input_frac),
            ("no reasoning assumed", row.reasoning_frac),
        )
        if value is None
    ]
    lengths = "lognormal lengths fitted to mean and median" if is_fitted else "constant lengths"
    said = [f"{row.status}, {row.as_of}: {row.source}", lengths, *unsaid, *([row.notes] if row.notes else [])]
    return f"preset {row.name} ({'; '.join(said)})"
