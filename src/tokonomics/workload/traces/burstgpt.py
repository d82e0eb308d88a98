"""BurstGPT: Timestamp,[Session ID,Elapsed time,]Model,Request tokens,Response tokens,Total tokens,Log Type.

Source: HPMLL/BurstGPT (CC BY 4.0). Timestamp is in seconds from the first midnight. A request that failed has
zero response tokens; such rows are no demand that was served, so they are left out and counted in a note. A request
without a Session ID is of none.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tokonomics.workload.traces.csv_table import CsvLayout, read_csv
from tokonomics.workload.traces.raw import RawTrace

LAYOUT: Final = CsvLayout(
    format="burstgpt-csv",
    arrival="Timestamp",
    input="Request tokens",
    output="Response tokens",
    session="Session ID",
)


def read_burstgpt(path: Path, header: Sequence[str]) -> RawTrace:
    """Read a BurstGPT file; rows of failed requests are marked as ignored."""
    raw = read_csv(path, LAYOUT, header)
    failed = raw.outputs.value == 0.0
    num_failed = int(failed.sum())
    if num_failed:
        raw.ignored = failed
        raw.notes = (f"{num_failed} failed requests (zero response tokens) of {failed.size} rows left out",)
    return raw
