"""From raw columns to a trace: every cell checked, bad rows named or skipped, order checked or made."""

from collections.abc import Iterator

import numpy as np

from tokonomics.errors import InputError
from tokonomics.workload.arrivals import MAX_SPAN_S, FloatArray, are_quantised
from tokonomics.workload.bounds import MAX_TOKENS_PER_REQUEST
from tokonomics.workload.percentiles import percentile_value
from tokonomics.workload.trace import NO_SESSION, Trace
from tokonomics.workload.traces.raw import MAX_PROBLEMS, BoolArray, IntArray, RawColumn, RawTrace

_QUANTISED = "most arrivals share their instant with another (a rounded clock): jitter them before trusting gaps"


def assemble(raw: RawTrace, *, name: str, skip_bad: bool, sort: bool) -> Trace:
    """The trace in `raw`, under `name`.

    Raises:    InputError with the first 20 problems and a count of the rest, unless `skip_bad` leaves those rows
               out; with the first row that is earlier than the one before, unless `sort`; when nothing is left.
    """
    wanted = np.ones(raw.places.size, dtype=np.bool_) if raw.ignored is None else ~raw.ignored
    bad = _bad_rows(raw) & wanted
    problems = _problems(raw, bad, name) if bad.any() else []
    if problems and not skip_bad:
        raise InputError(*problems, _and_now(int(bad.sum()), len(problems)))
    keep = np.flatnonzero(wanted & ~bad)
    if not keep.size:
        said = f"all {bad.sum()} rows are bad" if bad.any() else "it holds no request"
        raise InputError(f"{name} is empty: {said}; give a trace with at least one request", *problems)
    ordered, notes = _in_order(raw, keep, name, sort=sort)
    return _trace(raw, ordered, name, problems, int(bad.sum()), (*raw.notes, *notes))


def _trace(
    raw: RawTrace, rows: IntArray, name: str, problems: list[str], num_bad: int, notes: tuple[str, ...]
) -> Trace:
    arrivals_s = None if raw.arrivals is None else raw.arrivals.value[rows]
    if arrivals_s is not None and are_quantised(arrivals_s):
        notes = (*notes, _QUANTISED)
    return Trace(
        name=name,
        format=raw.format,
        input_tokens=raw.inputs.value[rows],
        output_tokens=raw.outputs.value[rows],
        arrivals_s=None if arrivals_s is None else arrivals_s - arrivals_s[0],
        block_hashes=raw.block_hashes and raw.block_hashes.take(rows),
        session_ids=_sessions(raw, rows),
        skipped=tuple(problems),
        num_skipped=num_bad,
        notes=notes,
    )


def _sessions(raw: RawTrace, rows: IntArray) -> IntArray | None:
    """The sessions of `rows`; None where not one of them names any."""
    ids = None if raw.session_ids is None else raw.session_ids[rows]
    return ids if ids is not None and (ids != NO_SESSION).any() else None


def _in_order(raw: RawTrace, keep: IntArray, name: str, *, sort: bool) -> tuple[IntArray, tuple[str, ...]]:
    if raw.arrivals is None:
        return keep, ()
    arrivals_s = raw.arrivals.value[keep]
    _check_span(raw, keep, name)
    backwards = np.flatnonzero(np.diff(arrivals_s) < 0.0)
    if not backwards.size:
        return keep, ()
    if not sort:
        where = f"{name} {raw.unit} {raw.places[keep[backwards[0] + 1]]}, {raw.arrivals.name}"
        raise InputError(
            f"{where}: arrives before the request above it ({backwards.size} rows do); "
            "limit=ascending arrivals; sort the rows by time, or let the reader do it (sort=True)"
        )
    return keep[np.argsort(arrivals_s, kind="stable")], (f"sorted: {backwards.size} rows stood out of order",)


def _check_span(raw: RawTrace, keep: IntArray, name: str) -> None:
    assert raw.arrivals is not None
    arrivals_s = raw.arrivals.value[keep]
    far = np.abs(arrivals_s - percentile_value(arrivals_s, 50.0))
    if far.max() > MAX_SPAN_S:
        where = f"{name} {raw.unit} {raw.places[keep[far.argmax()]]}, {raw.arrivals.name}"
        limit = f"limit={MAX_SPAN_S:.3g} s; check the unit of time"
        raise InputError(f"{where}: {far.max():.3g} s away from the other requests; {limit}")


def _bad_rows(raw: RawTrace) -> BoolArray:
    bad = _bad_length(raw.inputs.value) | _bad_length(raw.outputs.value)
    if raw.arrivals is not None:
        bad |= ~np.isfinite(raw.arrivals.value)
    bad[list(raw.broken)] = True
    return bad


def _bad_length(tokens: FloatArray) -> BoolArray:
    good = (tokens >= 1.0) & (tokens <= MAX_TOKENS_PER_REQUEST) & (np.floor(tokens) == tokens)
    return np.asarray(~good)


def _problems(raw: RawTrace, bad: BoolArray, name: str) -> list[str]:
    """The first sentences about the bad rows, in the order of the file."""
    problems: list[str] = []
    for row in np.flatnonzero(bad)[:MAX_PROBLEMS].tolist():
        where = f"{name} {raw.unit} {raw.places[row]}"
        if row in raw.broken:
            problems.append(f"{where}: {raw.broken[row]}; write it like the other rows")
        else:
            problems += [f"{where}, {problem}" for problem in _cell_problems(raw, row)]
    return problems[:MAX_PROBLEMS]


def _cell_problems(raw: RawTrace, row: int) -> Iterator[str]:
    if raw.arrivals is not None and not np.isfinite(raw.arrivals.value[row]):
        yield f"{raw.arrivals.name}: {_not_a_number(raw.arrivals, row)}; write a time"
    for column in (raw.inputs, raw.outputs):
        if _bad_length(column.value[row : row + 1])[0]:
            yield f"{column.name}: {_not_a_length(column, row)}"


def _not_a_length(column: RawColumn, row: int) -> str:
    value = column.value[row]
    limit = f"limit=1 to {MAX_TOKENS_PER_REQUEST:.0e}"
    if not np.isfinite(value):
        return f"{_not_a_number(column, row)}; write whole tokens"
    if 0.0 < value <= MAX_TOKENS_PER_REQUEST:
        return f"{value:.15g} is no whole number of tokens; {limit}; check that this is the right column"
    return f"{value:.15g} tokens; {limit}; drop the request, or check the unit"


def _not_a_number(column: RawColumn, row: int) -> str:
    text = column.texts.get(row, str(column.value[row]))
    return f"{text[:40]!r} is no number" if text.strip() else "is empty"


def _and_now(num_bad: int, num_told: int) -> str:
    told = f"; the first {num_told} problems are listed" if num_bad > num_told else ""
    return f"{num_bad} bad rows in all{told}; correct them, or leave them out with --skip-bad"
