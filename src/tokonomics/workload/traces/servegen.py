"""ServeGen rate tables: 10-minute request rates, of all clients together or of each, with lengths beside them.

Source: alibaba/ServeGen (Apache-2.0), as Parquet in three or four files with one stem:
    STEM_demand_*.parquet         window_start_s, rate_rps, input_tok_per_s, output_tok_per_s
    STEM_clients_*.parquet        client_id, window_start_s, rate_rps, cv
    STEM_length_hist_*.parquet    field, bin_lo, bin_hi, weight_rps
    STEM_reason_ratio_*.parquet   ratio_lo, ratio_hi, weight_rps
Reading the demand or the clients finds the others beside it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from tokonomics.errors import InputError
from tokonomics.workload.arrivals import FloatArray
from tokonomics.workload.lengths import histogram_tokens, shuffled
from tokonomics.workload.trace import Trace
from tokonomics.workload.traces.parquet import ParquetFile
from tokonomics.workload.traces.servegen_tables import (
    OUTPUT_FIELD,
    check_rates,
    histogram_bins,
    sibling,
    sibling_pattern,
    window_grid,
)

DEMAND: Final = ("window_start_s", "rate_rps", "input_tok_per_s", "output_tok_per_s")
CLIENTS: Final = ("client_id", "window_start_s", "rate_rps", "cv")


def read_demand(file: ParquetFile) -> Trace:
    """The trace in a table of demand: rates per window, lengths from the histogram beside it or else their means."""
    starts_s, rates, input_rates, output_rates = file.numbers(*DEMAND)
    columns = {"rate_rps": rates, "input_tok_per_s": input_rates, "output_tok_per_s": output_rates}
    check_rates(file, starts_s, columns)
    clients = sibling(file.path, "clients")
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
    check_rates(file, starts_s, {"rate_rps": rates})
    lengths = _histogram_beside(file.path)
    if lengths is None:
        wanted = sibling_pattern(file.path, "length_hist")
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
    ratios = sibling(path, "reason_ratio")
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
    windows, window_s = window_grid(path, starts_s)
    series = np.bincount(windows, weights=rates)
    return series.astype(np.float64), window_s


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
    found = sibling(path, "length_hist")
    if found is None:
        return None
    fields = dict(_histograms(ParquetFile(found)))
    output = fields.pop(OUTPUT_FIELD, None)
    inputs = [lengths for name, lengths in sorted(fields.items()) if name.endswith("_tokens")]
    if output is None or not inputs:
        raise InputError(f"{found.name} lacks field {OUTPUT_FIELD} or any input field; give both histograms")
    mixed = np.sum([shuffled(lengths, stream) for stream, lengths in enumerate(inputs, 1)], axis=0)
    return np.maximum(mixed, 1.0), np.maximum(shuffled(output, 0), 1.0)


def _histograms(file: ParquetFile) -> Iterator[tuple[str, FloatArray]]:
    names, (low, high, weight) = histogram_bins(file)
    for name in np.unique(names):
        held = (names == name) & (weight > 0.0)
        if held.any():
            yield str(name), histogram_tokens(low[held], high[held], weight[held])
