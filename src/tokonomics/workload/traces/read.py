"""Read any trace: detect its format from its content, then read, check and order it."""

from pathlib import Path
from typing import Final

from tokonomics.errors import InputError
from tokonomics.workload.trace import Trace
from tokonomics.workload.traces import azure, burstgpt, mooncake, plain, servegen
from tokonomics.workload.traces.assemble import assemble
from tokonomics.workload.traces.csv_table import read_csv
from tokonomics.workload.traces.detect import (
    Format,
    content_kind,
    csv_header,
    detect_format,
    first_object_keys,
)
from tokonomics.workload.traces.parquet import ParquetFile, read_parquet
from tokonomics.workload.traces.raw import RawTrace

# The first format whose columns a file has wins, so formats with more columns stand first.
FORMATS: Final = (
    Format("azure-csv", "csv", azure.LAYOUT.columns),
    Format("burstgpt-csv", "csv", burstgpt.LAYOUT.columns),
    Format("csv", "csv", plain.LAYOUT.columns),
    Format("csv lengths", "csv", plain.LENGTHS.columns),
    Format("bailian-jsonl", "jsonl", ("chat_id", *mooncake.COLUMNS)),
    Format("mooncake-jsonl", "jsonl", mooncake.COLUMNS),
    Format("servegen demand", "parquet", servegen.DEMAND),
    Format("servegen clients", "parquet", servegen.CLIENTS),
    Format("parquet", "parquet", plain.LAYOUT.columns),
    Format("parquet lengths", "parquet", plain.LENGTHS.columns),
)


def read_trace(path: Path | str, *, skip_bad: bool = False, sort: bool = False) -> Trace:
    """Read the trace in the file `path`, whatever its name ends in.

    Args:      skip_bad: leave out rows that are wrong; Trace.skipped and num_skipped then tell of them.
               sort: put requests in the order of arrival instead of refusing a file that is not.
    Raises:    InputError on a file that cannot be read, is of no known format, or holds bad rows: up to 20
               problems by line and column, then how many rows are bad in all.
    """
    path = Path(path)
    try:
        kind = content_kind(path)
        if kind == "parquet":
            return _read_parquet(path, skip_bad=skip_bad, sort=sort)
        raw = _read_csv(path) if kind == "csv" else _read_json_lines(path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; check the path and its permissions") from None
    return assemble(raw, name=path.name, skip_bad=skip_bad, sort=sort)


def _read_csv(path: Path) -> RawTrace:
    header = csv_header(path)
    found = detect_format(path, "csv", header, FORMATS).name
    if found == "burstgpt-csv":
        return burstgpt.read_burstgpt(path, header)
    layouts = (azure.LAYOUT, plain.LAYOUT, plain.LENGTHS)
    return read_csv(path, next(layout for layout in layouts if layout.format == found), header)


def _read_json_lines(path: Path) -> RawTrace:
    found = detect_format(path, "jsonl", first_object_keys(path), FORMATS).name
    dialects = (mooncake.BAILIAN, mooncake.MOONCAKE)
    return mooncake.read_mooncake(path, next(one for one in dialects if one.format == found))


def _read_parquet(path: Path, *, skip_bad: bool, sort: bool) -> Trace:
    file = ParquetFile(path)
    found = detect_format(path, "parquet", list(file.types), FORMATS).name
    if found == "servegen demand":
        return servegen.read_demand(file)
    if found == "servegen clients":
        return servegen.read_clients(file)
    return assemble(read_parquet(file), name=path.name, skip_bad=skip_bad, sort=sort)
