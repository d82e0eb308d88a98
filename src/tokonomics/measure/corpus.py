"""A corpus of published measurements: one CSV row is one measured case, in the units its columns name."""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Final

from tokonomics.errors import InputError, raise_all
from tokonomics.units import MS

MODES: Final = ("offline-max", "batch", "concurrency", "rate", "single-prefill", "single-decode")
NEEDED_COLUMNS: Final = ("source_id", "model", "gpu", "engine", "mode")
MAX_CORPUS_BYTES: Final = 200_000_000
_MAX_TOLD: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """One measured case. None is "not stated"; rates are those of the whole system, all accelerators together.

    `line` is the line of the file. `ttft_s` and `tpot_s` are medians where the source gives one, else means, which
    `has_means` says.
    `num_in_flight` is the closed loop's concurrency, `num_static` the size of a static batch.
    """

    line: int
    source_id: str
    model: str
    weight_dtype: str
    kv_dtype: str
    gpu: str
    engine: str
    engine_version: str
    mode: str
    dataset: str
    note: str
    num_gpus: int | None
    tp: int | None
    pp: int | None
    ep: int | None
    num_in_flight: int | None
    num_static: int | None
    input_tokens: float | None
    output_tokens: float | None
    offered_requests_per_s: float | None
    output_tokens_per_s: float | None
    prefill_tokens_per_s: float | None
    ttft_s: float | None
    tpot_s: float | None
    has_means: bool = False


def read_corpus(path: Path) -> tuple[Measurement, ...]:
    """Read the measurements of a CSV file; columns that nothing here needs are passed over.

    Raises InputError with every bad cell (the first 20 are told, the rest counted), a missing column or a bad file.
    """
    return parse_corpus(_text(path), where=path.name)


def parse_corpus(text: str, *, where: str = "corpus") -> tuple[Measurement, ...]:
    """Measurements of CSV `text`, in its order; errors as in `read_corpus`."""
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(header, where)
        cells = [_cells(header, line, reader.line_num, where) for line in reader if any(map(str.strip, line))]
    except csv.Error as error:
        advice = f"not readable as CSV ({error}); quote cells that hold commas"
        raise InputError(f"{where}:{reader.line_num}: {advice}") from None
    found = tuple(map(_measurement, cells))
    problems = [problem for one in cells for problem in one.problems]
    more = [f"{where}: {len(problems) - _MAX_TOLD} more bad cells; mend these first"] if problems[_MAX_TOLD:] else []
    raise_all([*problems[:_MAX_TOLD], *more])
    return found


@dataclass(kw_only=True, slots=True)
class _Cells:
    """The text cells of one row, and what is wrong with them."""

    where: str
    line: int
    cells: Mapping[str, str]
    problems: list[str] = field(default_factory=list)

    def text(self, column: str) -> str:
        return self.cells.get(column, "").strip()

    def number(self, *columns: str) -> float | None:
        """The first of `columns` that is not empty, as a finite number of 0 or more."""
        column = next((one for one in columns if self.text(one)), "")
        if not column:
            return None
        try:
            value = float(self.text(column))
        except ValueError:
            value = math.nan
        if math.isfinite(value) and value >= 0:
            return value
        self._fail(column, "must be a finite number of 0 or more; leave an unknown value empty")
        return None

    def positive(self, *columns: str, scale: float = 1.0) -> float | None:
        """A measured quantity in base units; 0 says that it was not measured."""
        value = self.number(*columns)
        return value * scale if value else None

    def count(self, column: str) -> int | None:
        value = self.number(column)
        if value is not None and not value.is_integer():
            self._fail(column, "must be a whole number")
            return None
        return int(value) if value else None

    def mode(self) -> str:
        mode = self.text("mode")
        if mode not in MODES:
            self._fail("mode", f"must be one of {', '.join(MODES)}")
        return mode

    def _fail(self, column: str, advice: str) -> None:
        self.problems.append(f"{self.where}:{self.line}: {column}={self.text(column)!r} {advice}")


def _measurement(row: _Cells) -> Measurement:
    return Measurement(
        line=row.line,
        source_id=row.text("source_id"),
        model=row.text("model"),
        weight_dtype=row.text("weight_dtype"),
        kv_dtype=row.text("kv_dtype"),
        gpu=row.text("gpu"),
        engine=row.text("engine"),
        engine_version=row.text("engine_version"),
        mode=row.mode(),
        dataset=row.text("dataset"),
        note=row.text("note"),
        num_gpus=row.count("num_gpus"),
        tp=row.count("tp"),
        pp=row.count("pp"),
        ep=row.count("ep"),
        num_in_flight=row.count("concurrency"),
        num_static=row.count("batch"),
        input_tokens=row.number("isl_mean"),
        output_tokens=row.number("osl_mean"),
        offered_requests_per_s=row.positive("request_rate"),
        output_tokens_per_s=row.positive("output_tok_s_total"),
        prefill_tokens_per_s=row.positive("prefill_tok_s"),
        ttft_s=row.positive("ttft_ms_p50", "ttft_ms_mean", scale=MS),
        tpot_s=row.positive("tpot_ms_p50", "tpot_ms_mean", scale=MS),
        has_means=not (row.text("ttft_ms_p50") or row.text("tpot_ms_p50")),
    )


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_CORPUS_BYTES:
            raise InputError(f"{path.name} is larger than {MAX_CORPUS_BYTES / 1e6:.0f} MB; split it")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; give a CSV file of measurements") from None
    except UnicodeDecodeError:
        raise InputError(f"{path.name} is not UTF-8 text; give a CSV file of measurements") from None


def _check_header(header: list[str], where: str) -> None:
    lacking = [name for name in NEEDED_COLUMNS if name not in header]
    twice = sorted({name for name in header if name and header.count(name) > 1})
    raise_all(
        [
            *(f"{where}: no column {name!r}; a corpus needs {', '.join(NEEDED_COLUMNS)}" for name in lacking),
            *(f"{where}: column {name!r} appears twice; keep one" for name in twice),
        ]
    )


def _cells(header: list[str], line: list[str], number: int, where: str) -> _Cells:
    row = _Cells(where=where, line=number, cells=dict(zip(header, line)))
    if len(line) != len(header):
        row.problems.append(f"{where}:{number}: {len(line)} cells under {len(header)} columns; quote cells with commas")
    return row
