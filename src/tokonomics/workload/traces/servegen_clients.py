"""ServeGen's clients one by one: what each asked for in every window, with the lengths of each span beside them."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tokonomics.errors import InputError
from tokonomics.workload.arrivals import FloatArray
from tokonomics.workload.client_mix import ClientMix
from tokonomics.workload.lengths import histogram_tokens, shuffled
from tokonomics.workload.traces.parquet import ParquetFile
from tokonomics.workload.traces.servegen_tables import (
    OUTPUT_FIELD,
    check_rates,
    histogram_bins,
    sibling,
    sibling_pattern,
    window_grid,
)

NUM_ENTRIES: Final = 1 << 15
"""Lengths a table holds: the rarest length it can show is one in so many."""


def read_client_mix(path: Path | str) -> ClientMix:
    """Read STEM_clients_*.parquet, and STEM_length_hist_*.parquet beside it.

    Lengths are the clients' common ones of each span of the histogram: input and output uncorrelated. A window
    before the first span, or in a span without a histogram, takes the nearest span.
    Raises:    InputError on files that are not these, or hold numbers out of bounds.
    """
    file = ParquetFile(Path(path))
    clients, starts_s, rates, cvs = file.numbers("client_id", "window_start_s", "rate_rps", "cv")
    check_rates(file, starts_s, {"rate_rps": rates, "client_id": clients, "cv": np.nan_to_num(cvs, nan=1.0)})
    window, window_s = window_grid(file.path, starts_s)
    num_windows = int(window.max()) + 1
    order = np.lexsort((clients, window))
    families = np.array(file.texts_of("dist")) if "dist" in file.types else np.full(rates.size, "Gamma")
    counts = np.bincount(window, minlength=num_windows)
    spans_s, tables = _length_tables(file.path)
    begins_s = starts_s.min() + window_s * np.arange(num_windows)
    return ClientMix(
        name=file.path.name,
        window_s=window_s,
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        client_ids=clients[order].astype(np.int64),
        window_requests=(rates * window_s)[order],
        gaps_cv=np.nan_to_num(cvs, nan=1.0)[order],
        is_weibull=np.char.lower(families.astype(str))[order] == "weibull",
        span_input_tokens=tables[0],
        span_output_tokens=tables[1],
        span_of_window=np.maximum(np.searchsorted(spans_s, begins_s, side="right") - 1, 0),
        notes=("lengths from the histogram beside the clients, input and output uncorrelated",),
    )


def _length_tables(path: Path) -> tuple[FloatArray, tuple[FloatArray, FloatArray]]:
    """Starts of the spans, seconds; inputs and outputs of each, shape (spans, entries)."""
    found = sibling(path, "length_hist")
    if found is None:
        raise InputError(f"{path.name} has no lengths; put {sibling_pattern(path, 'length_hist')} beside it")
    file = ParquetFile(found)
    (starts_s,) = file.numbers("span_start_s")
    fields, bins = histogram_bins(file)
    spans_s = np.unique(starts_s)
    names = sorted({one for one in fields if one.endswith("_tokens")})
    if OUTPUT_FIELD not in names or len(names) < 2:
        raise InputError(f"{found.name} lacks field {OUTPUT_FIELD} or any input field; give both histograms")
    inputs, outputs = [], []
    for start_s in spans_s:
        drawn = {name: _table(bins, (starts_s == start_s) & (fields == name)) for name in names}
        output = drawn.pop(OUTPUT_FIELD)
        known = [one for one in drawn.values() if one is not None]
        if output is None or not known:
            raise InputError(f"{found.name}: span {start_s:g} s lacks inputs or outputs; give both, or leave it out")
        mixed = known[0] if len(known) == 1 else np.sum([shuffled(one, i) for i, one in enumerate(known)], axis=0)
        inputs.append(np.maximum(mixed, 1.0))
        outputs.append(np.maximum(output, 1.0))
    return spans_s, (np.array(inputs), np.array(outputs))


def _table(bins: tuple[FloatArray, FloatArray, FloatArray], held: NDArray[np.bool_]) -> FloatArray | None:
    low, high, weight = bins
    held = held & (weight > 0.0)
    return histogram_tokens(low[held], high[held], weight[held], NUM_ENTRIES) if held.any() else None
