"""ServeGen rate tables: 10-minute request rates, of all clients together or of each, with lengths beside them.

Source: alibaba/ServeGen (Apache-2.0), as Parquet in three or four files with one stem:
    STEM_demand_*.parquet         window_start_s, rate_rps, input_tok_per_s, output_tok_per_s
    STEM_clients_*.parquet        client_id, window_start_s, rate_rps, cv
    STEM_length_hist_*.parquet    field, bin_lo, bin_hi, weight_rps
    STEM_reason_ratio_*.parquet   ratio_lo, ratio_hi, weight_rps
Reading the demand or the clients finds the others beside it.
"""

import glob
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from tokonomics.errors import InputError, raise_all
from tokonomics.workload.arrivals import MAX_SPAN_S, FloatArray
from tokonomics.workload.lengths import histogram_tokens, shuffled
from tokonomics.workload.trace import Trace
from tokonomics.workload.traces.parquet import ParquetFile
from tokonomics.workload.traces.raw import MAX_PROBLEMS

DEMAND: Final = ("window_start_s", "rate_rps", "input_tok_per_s", "output_tok_per_s")
CLIENTS: Final = ("client_id", "window_start_s", "rate_rps", "cv")
HISTOGRAM: Final = ("field", "bin_lo", "bin_hi", "weight_rps")

_OUTPUT: Final = "output_tokens"


def read_demand(file: ParquetFile) -> Trace:
    """The trace in a table of demand: rates per window, lengths from the histogram beside it or else their means."""
    starts_s, rates, input_rates, output_rates = file.numbers(*DEMAND)
    columns = {"rate_rps": rates, "input_tok_per_s": input_rates, "output_tok_per_s": output_rates}
    _check_rates(file, starts_s, columns)
    clients = _beside(file.path, "clients")
    cv = None if clients is None else _client_cv(ParquetFile(clients))
    lengths = _histogram_beside(file.path)
    note = "lengths from the histogram beside the rates, input and output uncorrelated"
    if lengths is None:
        lengths = _constants(file, float(rates.sum()), float(input_rates.sum()), float(output_rates.sum()))
        note = "no length histogram beside the rates: every request has the mean lengths"
    return _trace(file.path, starts_s, rates, lengths, cv, note)


def read_clients(file: ParquetFile) -> Trace:
    """The trace in a table of clients: their rates summed, lengths from the histogram, which must lie beside it."""
    starts_s, rates = file.numbers("window_start_s", "rate_rps")
    _check_rates(file, starts_s, {"rate_rps": rates})
    lengths = _histogram_beside(file.path)
    if lengths is None:
        wanted = _sibling_pattern(file.path, "length_hist")
        raise InputError(f"{file.path.name} has no lengths; put {wanted} beside it, or read the demand table")
    note = "lengths from the histogram beside the rates, input and output uncorrelated"
    return _trace(file.path, starts_s, rates, lengths, _client_cv(file), note)


def _trace(
    path: Path,
    starts_s: FloatArray,
    rates: FloatArray,
    lengths: tuple[FloatArray, FloatArray],
    arrival_cv: float | None,
    note: str,
) -> Trace:
    series, window_s = _series(path, starts_s, rates)
    ratios = _beside(path, "reason_ratio")
    num_idle = int((series == 0.0).sum())
    notes = [note, *([f"{num_idle} windows without requests"] if num_idle else [])]
    return Trace(
        name=path.name,
        format="servegen",
        input_tokens=lengths[0],
        output_tokens=lengths[1],
        rate_series_requests_per_s=series,
        window_s=window_s,
        arrival_cv=arrival_cv,
        reasoning_frac=None if ratios is None else _mean_ratio(ParquetFile(ratios)),
        notes=tuple(notes),
    )


def _series(path: Path, starts_s: FloatArray, rates: FloatArray) -> tuple[FloatArray, float]:
    """Summed rate of every window from the first to the last, zero where the table has no row; and its length."""
    windows_s = np.unique(starts_s)
    if windows_s.size < 2:
        raise InputError(f"{path.name} has one window, so its length is not known; give two windows or more")
    window_s = float(np.diff(windows_s).min())
    places = (starts_s - windows_s[0]) / window_s
    if windows_s[-1] - windows_s[0] > MAX_SPAN_S or np.abs(places - np.rint(places)).max() > 1e-6:
        raise InputError(f"{path.name}: window_start_s is no grid of {window_s:g} s; use windows of one length")
    series = np.bincount(np.rint(places).astype(np.int64), weights=rates)
    return series.astype(np.float64), window_s


def _check_rates(file: ParquetFile, starts_s: FloatArray, columns: dict[str, FloatArray]) -> None:
    models = set(file.texts_of("model")) if "model" in file.types else set()
    problems = [
        f"{file.path.name} row {row + 1}, column {name}: {values[row]:g}; limit=finite and 0 or more; correct it"
        for name, values in {"window_start_s": starts_s, **columns}.items()
        for row in np.flatnonzero(~(np.isfinite(values) & (values >= 0.0)))[:MAX_PROBLEMS].tolist()
    ]
    if len(models) > 1:
        problems.append(f"{file.path.name} holds {len(models)} models; limit=1; write one file per model")
    if not problems and not columns["rate_rps"].sum() > 0.0:
        problems.append(f"{file.path.name} has no window with requests; give a table with a rate above 0")
    raise_all(problems[:MAX_PROBLEMS])


def _client_cv(file: ParquetFile) -> float | None:
    """Rate-weighted mean over clients and windows of the CV of gaps."""
    rates, cvs = file.numbers("rate_rps", "cv")
    known = np.isfinite(cvs) & (cvs >= 0.0) & (rates > 0.0)
    return float(np.average(cvs[known], weights=rates[known])) if known.any() else None


def _mean_ratio(file: ParquetFile) -> float | None:
    low, high, weight = file.numbers("ratio_lo", "ratio_hi", "weight_rps")
    ratio = 0.5 * (low + high)
    known = (ratio >= 0.0) & (ratio <= 1.0) & (weight > 0.0) & (weight < np.inf)
    return float(np.average(ratio[known], weights=weight[known])) if known.any() else None


def _constants(file: ParquetFile, rate: float, inputs: float, outputs: float) -> tuple[FloatArray, FloatArray]:
    if inputs < rate or outputs < rate:
        raise InputError(f"{file.path.name}: mean lengths are below 1 token; give token rates in tokens/s")
    return np.array([inputs / rate]), np.array([outputs / rate])


def _histogram_beside(path: Path) -> tuple[FloatArray, FloatArray] | None:
    """Input and output lengths; the input of a multimodal model is the sum of its text, image, ... tokens."""
    found = _beside(path, "length_hist")
    if found is None:
        return None
    fields = dict(_histograms(ParquetFile(found)))
    output = fields.pop(_OUTPUT, None)
    inputs = [lengths for name, lengths in sorted(fields.items()) if name.endswith("_tokens")]
    if output is None or not inputs:
        raise InputError(f"{found.name} lacks field {_OUTPUT} or any input field; give both histograms")
    mixed = np.sum([shuffled(lengths, stream) for stream, lengths in enumerate(inputs, 1)], axis=0)
    return np.maximum(mixed, 1.0), np.maximum(shuffled(output, 0), 1.0)


def _histograms(file: ParquetFile) -> Iterator[tuple[str, FloatArray]]:
    file.require(*HISTOGRAM)
    low, high, weight = file.numbers(*HISTOGRAM[1:])
    if not (
        np.isfinite(low) & (low >= 0.0) & (high > low) & (high < np.inf) & (weight >= 0.0) & (weight < np.inf)
    ).all():
        raise InputError(f"{file.path.name} has a bin without 0 <= bin_lo < bin_hi and weight 0 or more; correct it")
    names = np.array(file.texts_of("field"))
    for name in np.unique(names):
        held = (names == name) & (weight > 0.0)
        if held.any():
            yield str(name), histogram_tokens(low[held], high[held], weight[held])


def _beside(path: Path, kind: str) -> Path | None:
    return next(iter(sorted(path.parent.glob(_sibling_pattern(path, kind)))), None)


def _sibling_pattern(path: Path, kind: str) -> str:
    stem = glob.escape(re.split(r"_(?:demand|clients)", path.stem)[0])
    return f"{stem}_{kind}*.parquet"
