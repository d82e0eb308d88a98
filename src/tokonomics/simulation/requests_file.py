"""What each request saw, as a Parquet file."""

from pathlib import Path

import numpy as np

from tokonomics.errors import InputError
from tokonomics.simulation.fleet import FleetResult
from tokonomics.simulation.requests import Requests
from tokonomics.simulation.state import STATUS_NAMES
from tokonomics.simulation.summary import RequestLatency
from tokonomics.workload.trace import NO_SESSION

_SECONDS = ("scheduled_s", "first_token_s", "finish_s", "ttft_s", "itl_s", "e2e_s")


def write_requests(path: Path, requests: Requests, result: FleetResult, latency: RequestLatency) -> None:
    """Write a row a request to `path`: what was asked, what happened, when, and the latencies; NULL for never.

    Raises InputError where the file cannot be written, or does not end in .parquet.
    """
    if path.suffix.lower() != ".parquet":
        raise InputError(f"cannot write {path}: requests are written as Parquet; end it in .parquet")
    import duckdb  # 100 ms that only this file needs

    columns = _columns(requests, result, latency)
    with duckdb.connect() as database:
        database.register("requests", columns)
        names = ", ".join(_cell(name) for name in columns)
        target = str(path).replace("'", "''")
        try:
            database.execute(f"COPY (SELECT {names} FROM requests) TO '{target}' (FORMAT parquet)")  # noqa: S608  # own names
        except duckdb.Error as error:
            raise InputError(
                f"cannot write {path}: {str(error).splitlines()[0]}; choose another --requests-out"
            ) from None


def _cell(name: str) -> str:
    if name in _SECONDS:
        return f"CASE WHEN isnan({name}) THEN NULL ELSE {name} END AS {name}"
    if name == "session":
        return f"nullif(session, {NO_SESSION}) AS session"
    if name == "status":
        cases = " ".join(f"WHEN {code} THEN '{word}'" for code, word in enumerate(STATUS_NAMES))
        return f"CASE status {cases} END AS status"
    return name


def _columns(requests: Requests, result: FleetResult, latency: RequestLatency) -> dict[str, np.ndarray]:
    columns = {
        "arrival_s": requests.arrival_s,
        "input_tokens": requests.input_tokens,
        "output_tokens": requests.output_tokens,
        "status": result.status,
        "replica": result.replica,
        "served_tokens": result.output_tokens,
        "cached_tokens": result.cached_tokens,
        "num_preemptions": result.num_preemptions,
        "num_losses": result.num_losses,
        "scheduled_s": result.scheduled_s,
        "first_token_s": result.first_token_s + result.outside_s,
        "finish_s": result.finish_s + result.outside_s,
        "ttft_s": latency.ttft_s,
        "itl_s": latency.itl_s,
        "e2e_s": latency.e2e_s,
    }
    if requests.class_index is not None:
        columns["client"] = requests.class_index
    if requests.session_index is not None:
        columns["session"] = requests.session_index
    return {name: np.ascontiguousarray(column) for name, column in columns.items()}
