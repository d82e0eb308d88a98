"""Azure LLM inference traces, 2023 and 2024: TIMESTAMP,ContextTokens,GeneratedTokens.

Source: Azure/AzurePublicDataset (CC BY 4.0). The timestamps of 2024 carry an offset, those of 2023 do not.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np

from tokonomics.workload.traces.csv_table import CsvLayout
from tokonomics.workload.traces.raw import NumberColumn

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read_timestamps(column: NumberColumn, cells: Sequence[str]) -> None:
    """Add ISO timestamps as seconds since 1970, to the microsecond; one without an offset is taken as UTC."""
    column.extend_values(
        np.fromiter((_seconds(column, row, cell) for row, cell in enumerate(cells)), np.float64, len(cells))
    )


def _seconds(column: NumberColumn, row: int, cell: str) -> float:
    try:
        at = datetime.fromisoformat(cell)
    except ValueError:
        column.keep_text(row, cell)
        return np.nan
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH).total_seconds()


LAYOUT: Final = CsvLayout(
    format="azure-csv",
    arrival="TIMESTAMP",
    input="ContextTokens",
    output="GeneratedTokens",
    read_arrivals=read_timestamps,
)
