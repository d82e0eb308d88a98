"""What the readers of ServeGen tables share: the grid of windows, the checks, and the files beside a file."""

import glob
import re
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tokonomics.errors import InputError, raise_all
from tokonomics.workload.arrivals import MAX_SPAN_S, FloatArray
from tokonomics.workload.traces.parquet import ParquetFile
from tokonomics.workload.traces.raw import MAX_PROBLEMS, IntArray

HISTOGRAM: Final = ("field", "bin_lo", "bin_hi", "weight_rps")
OUTPUT_FIELD: Final = "output_tokens"


def window_grid(path: Path, starts_s: FloatArray) -> tuple[IntArray, float]:
    """Which window each row is of, from 0 up, and the length of a window in seconds.

    Raises:    InputError when the starts, of which there must be two, are not on one grid.
    """
    windows_s = np.unique(starts_s)
    if windows_s.size < 2:
        raise InputError(f"{path.name} has one window, so its length is not known; give two windows or more")
    window_s = float(np.diff(windows_s).min())
    places = (starts_s - windows_s[0]) / window_s
    if windows_s[-1] - windows_s[0] > MAX_SPAN_S or np.abs(places - np.rint(places)).max() > 1e-6:
        raise InputError(f"{path.name}: window_start_s is no grid of {window_s:g} s; use windows of one length")
    return np.rint(places).astype(np.int64), window_s


def histogram_bins(file: ParquetFile) -> tuple[NDArray[Any], tuple[FloatArray, FloatArray, FloatArray]]:
    """Field of every bin, and its low end, high end and weight; shape (bins,) each."""
    file.require(*HISTOGRAM)
    low, high, weight = file.numbers(*HISTOGRAM[1:])
    if not (
        np.isfinite(low) & (low >= 0.0) & (high > low) & (high < np.inf) & (weight >= 0.0) & (weight < np.inf)
    ).all():
        raise InputError(f"{file.path.name} has a bin without 0 <= bin_lo < bin_hi and weight 0 or more; correct it")
    return np.array(file.texts_of("field")), (low, high, weight)


def check_rates(file: ParquetFile, starts_s: FloatArray, columns: dict[str, FloatArray]) -> None:
    """Raise InputError unless starts and columns are finite, 0 or more, of one model, and hold a request."""
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


def sibling(path: Path, kind: str) -> Path | None:
    """The file of that kind beside `path`, such as its length_hist; None where there is none."""
    return next(iter(sorted(path.parent.glob(sibling_pattern(path, kind)))), None)


def sibling_pattern(path: Path, kind: str) -> str:
    """The names that the file of that kind beside `path` can have, for a person or for glob."""
    stem = glob.escape(re.split(r"_(?:demand|clients)", path.stem)[0])
    return f"{stem}_{kind}*.parquet"
