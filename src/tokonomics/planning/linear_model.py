"""A mixed-integer linear programme as arrays: columns, rows and coefficients are added in blocks."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]
Indices = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LinearModel:
    """Minimise cost @ x with lower <= x <= upper and row_lower <= A x <= row_upper; A row by row, sparse."""

    cost: Array
    lower: Array
    upper: Array
    is_integer: Array
    row_lower: Array
    row_upper: Array
    row_start: Array
    column_index: Array
    coefficient: Array


class ModelBuilder:
    """Collects blocks; every block keeps the shape that it was given, and is referred to by its indices.

    >>> builder = ModelBuilder()
    >>> fleet = builder.add_columns([3.0, 2.0], upper=10, integer=True)
    >>> builder.add_entries(builder.add_rows((1,), lower=5.0), fleet, [2.0, 1.0])
    >>> model = builder.build()
    >>> model.cost.tolist(), model.row_lower.tolist(), model.coefficient.tolist()
    ([3.0, 2.0], [5.0], [2.0, 1.0])
    """

    def __init__(self) -> None:
        self._columns: list[tuple[Array, ...]] = []
        self._rows: list[tuple[Array, ...]] = []
        self._entries: list[tuple[Array, ...]] = []
        self._num_columns = 0
        self._num_rows = 0

    def add_columns(
        self, cost: ArrayLike, *, lower: ArrayLike = 0.0, upper: ArrayLike = np.inf, integer: bool = False
    ) -> Indices:
        """Add a column for each element of `cost`; returns their indices, in its shape."""
        costs = np.asarray(cost, dtype=float)
        bounds = (np.broadcast_to(np.asarray(one, dtype=float), costs.shape).ravel() for one in (lower, upper))
        self._columns.append((costs.ravel(), *bounds, np.full(costs.size, integer)))
        self._num_columns += costs.size
        return np.arange(self._num_columns - costs.size, self._num_columns).reshape(costs.shape)

    def add_rows(self, shape: tuple[int, ...], *, lower: ArrayLike = -np.inf, upper: ArrayLike = np.inf) -> Indices:
        """Add rows in `shape`; returns their indices, in it."""
        size = int(np.prod(shape))
        self._rows.append(tuple(np.broadcast_to(np.asarray(one, dtype=float), shape).ravel() for one in (lower, upper)))
        self._num_rows += size
        return np.arange(self._num_rows - size, self._num_rows).reshape(shape)

    def add_entries(self, rows: ArrayLike, columns: ArrayLike, coefficients: ArrayLike) -> None:
        """Set coefficients of cells named once; the three broadcast together, and zeros are dropped."""
        cells = np.broadcast_arrays(np.asarray(rows), np.asarray(columns), np.asarray(coefficients, dtype=float))
        kept = cells[2] != 0
        self._entries.append(tuple(cell[kept] for cell in cells))

    def build(self) -> LinearModel:
        """The model of all that was added."""
        cost, lower, upper, is_integer = _stacked(self._columns, 4)
        row_lower, row_upper = _stacked(self._rows, 2)
        rows, columns, values = _stacked(self._entries, 3)
        order = np.lexsort((columns, rows))
        return LinearModel(
            cost=cost,
            lower=lower,
            upper=upper,
            is_integer=is_integer.astype(bool),
            row_lower=row_lower,
            row_upper=row_upper,
            row_start=np.searchsorted(rows[order], np.arange(self._num_rows)).astype(np.int32),
            column_index=columns[order].astype(np.int32),
            coefficient=values[order],
        )


def with_row(model: LinearModel, coefficients: Array, *, upper: float) -> LinearModel:
    """`model` with one row more: `coefficients`, one for each column, times the columns is at most `upper`."""
    columns = np.flatnonzero(coefficients)
    return replace(
        model,
        row_lower=np.append(model.row_lower, -np.inf),
        row_upper=np.append(model.row_upper, upper),
        row_start=np.append(model.row_start, np.int32(model.coefficient.size)).astype(np.int32),
        column_index=np.append(model.column_index, columns).astype(np.int32),
        coefficient=np.append(model.coefficient, coefficients[columns]),
    )


def _stacked(blocks: list[tuple[Array, ...]], num_parts: int) -> list[Array]:
    return [np.concatenate([block[part] for block in blocks]) if blocks else np.zeros(0) for part in range(num_parts)]
