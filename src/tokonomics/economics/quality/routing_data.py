"""Per-query data of several models: who answered which query how well, at what cost, and how sure it was.

One row is one answer: `query_id`, `model`, `score` (0..1), and where known `cost_usd`, `input_tokens`,
`output_tokens`, `confidence`, `method` (several ways to ask one model), `dataset`, `contaminated`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.quality.cascade_curve import Array
from tokonomics.economics.quality.router_eval import Pool
from tokonomics.errors import InputError, raise_all
from tokonomics.units import MTOK
from tokonomics.workload.traces.parquet import ParquetFile

ANY_MODEL: Final = "any"
_REQUIRED: Final = ("query_id", "model", "score")
_PROMPTS: Final = (("input_tokens",), ("question_tokens", "fewshot_prompt_tokens"))
_TOPICS: Final = ("subset", "dataset")
_LARGEST_CELLS: Final = 20_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelPrice:
    """What a model costs where the data carry no cost; `model` is its name, or `any`."""

    model: str
    request_usd: float = 0.0
    input_usd_per_mtok: float = 0.0
    output_usd_per_mtok: float = 0.0

    def __post_init__(self) -> None:
        names = ("request_usd", "input_usd_per_mtok", "output_usd_per_mtok")
        Checks().non_negative(**{name: getattr(self, name) for name in names}).done()


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RoutingData:
    """Queries that every model answered. `confidence_frac` is (queries, models), NaN where a model gave none.

    `topics` has one entry a query, from the column `topic_column` (empty: the data have none).
    """

    pool: Pool
    confidence_frac: Array
    topics: NDArray[np.str_]
    topic_column: str
    notes: tuple[str, ...] = ()

    def model_index(self, name: str) -> int:
        """The column of a model. Raises: InputError naming the models there are."""
        if name not in self.pool.names:
            raise InputError(f"the data have no model {name!r}; they have {', '.join(self.pool.names)}")
        return self.pool.names.index(name)

    def is_confident(self, index: int) -> bool:
        """Whether a model has a confidence for every query, and not always the same."""
        column = self.confidence_frac[:, index]
        return bool(np.isfinite(column).all() and column.min() < column.max())


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Which rows to read: those of a dataset and of some models (none: all); `by` names the column of topics."""

    dataset: str = ""
    models: tuple[str, ...] = ()
    by: str = ""


def read_routing_data(path: Path, *, selection: Selection, prices: Sequence[ModelPrice] = ()) -> RoutingData:
    """Read a Parquet file and keep the queries that every chosen model answered.

    A model with a `method` is called model/method. Costs are `cost_usd`, else tokens times `prices`.

    Raises: InputError for missing columns, all at once; for repeated answers; for models without a price; where no
    query has an answer of every model.
    """
    if not path.is_file():
        raise InputError(f"cannot read {path}: no such file; give a Parquet file")
    file = ParquetFile(path)
    file.require(*_REQUIRED, *((selection.by,) if selection.by else ()))
    names, kept, notes = _rows(file, selection)
    cost = _costs(file, names, kept, prices)
    table = _Table.of(file.texts_of("query_id"), names, kept, path.name)
    score = table.spread(file.numbers("score")[0])
    complete = np.isfinite(score).all(axis=1)
    if not complete.any():
        raise InputError(
            f"{path.name}: no query was answered by all of {len(table.names)} models; choose with --dataset or"
            f" --use-model among {_some(table.names)}"
        )
    if dropped := int((~complete).sum()):
        notes.append(f"{dropped:,} of {complete.size:,} queries lack an answer of some model and were left out")
    topic_column = _topic_column(file, selection)
    trust = file.numbers("confidence")[0] if "confidence" in file.types else np.full(len(names), np.nan)
    topics = np.array(file.texts_of(topic_column) if topic_column else [""] * len(names))
    return RoutingData(
        pool=Pool.of(table.names, score=score[complete], cost_usd=table.spread(cost)[complete]),
        confidence_frac=table.spread(trust)[complete],
        topics=table.of_queries(topics)[complete],
        topic_column=topic_column,
        notes=tuple(notes),
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Table:
    """Where each kept row belongs: its query and its model."""

    names: tuple[str, ...]
    num_queries: int
    kept: NDArray[np.intp]
    query: NDArray[np.intp]
    model: NDArray[np.intp]

    @classmethod
    def of(cls, ids: Sequence[str], names: Sequence[str], kept: NDArray[np.intp], file: str) -> "_Table":
        queries, query = np.unique(np.array(ids)[kept], return_inverse=True)
        models, model = np.unique(np.array(names)[kept], return_inverse=True)
        if queries.size * models.size > _LARGEST_CELLS:
            raise InputError(f"{file}: {queries.size} queries x {models.size} models; read fewer with --use-model")
        pairs = query * models.size + model
        if np.unique(pairs).size < pairs.size:
            raise InputError(f"{file}: a model answers a query twice; keep one row each, or tell them apart by method")
        return cls(names=tuple(str(m) for m in models), num_queries=queries.size, kept=kept, query=query, model=model)

    def spread(self, values: Array) -> Array:
        """One value a row as (queries, models), NaN where there is no row."""
        found = np.full((self.num_queries, len(self.names)), np.nan)
        found[self.query, self.model] = values[self.kept]
        return found

    def of_queries(self, values: NDArray[np.str_]) -> NDArray[np.str_]:
        """One value a row as one a query."""
        found = np.empty(self.num_queries, dtype=values.dtype)
        found[self.query] = values[self.kept]
        return found


def _rows(file: ParquetFile, selection: Selection) -> tuple[list[str], NDArray[np.intp], list[str]]:
    """Names of the answers, which rows are asked for, and what was left out."""
    plain = file.texts_of("model")
    names = [f"{m}/{how}" for m, how in zip(plain, file.texts_of("method"))] if "method" in file.types else plain
    chosen, notes = np.ones(len(names), dtype=bool), list[str]()
    if selection.dataset:
        file.require("dataset")
        chosen &= np.array(file.texts_of("dataset")) == selection.dataset
    if selection.models:
        raise_all(_unknown(selection.models, {*plain, *names}))
        chosen &= np.isin(names, selection.models) | np.isin(plain, selection.models)
    if "contaminated" in file.types:
        dirty = np.array(file.texts_of("contaminated")) == "true"
        notes += [f"{int((chosen & dirty).sum()):,} answers marked contaminated were left out"]
        chosen &= ~dirty
    if not chosen.any():
        raise InputError(f"{file.path.name}: no row is left; it has {_some(sorted(set(names)))}")
    return names, np.flatnonzero(chosen), notes


def _unknown(models: Sequence[str], known: set[str]) -> list[str]:
    return [f"the data have no model {one!r}; they have {_some(sorted(known))}" for one in models if one not in known]


def _costs(file: ParquetFile, names: Sequence[str], kept: NDArray[np.intp], prices: Sequence[ModelPrice]) -> Array:
    """USD of every row: its own, or tokens times the price of its model."""
    if "cost_usd" in file.types and not prices:
        return file.numbers("cost_usd")[0]
    by_name = {price.model: price for price in prices}
    used = sorted({names[row] for row in kept})
    found = {name: _price_of(name, by_name) for name in used}
    if missing := [name for name, price in found.items() if price is None]:
        raise InputError(
            f"{file.path.name}: no price for {_some(missing)}; give --price model=NAME,input=USD,output=USD per M"
            " tokens, or --price model=any,request=USD"
        )
    inputs, outputs = _tokens(file, [price for price in found.values() if price is not None])
    cost = np.full(len(names), np.nan)
    rows_of = np.array(names)
    for name, price in found.items():
        assert price is not None  # all missing prices were named above
        rows = kept[rows_of[kept] == name]
        cost[rows] = price.request_usd
        for tokens, usd in ((inputs, price.input_usd_per_mtok), (outputs, price.output_usd_per_mtok)):
            if usd:  # a price of 0 does not need the count
                cost[rows] += tokens[rows] * usd / MTOK
    if not np.isfinite(cost[kept]).all():
        raise InputError(f"{file.path.name}: some answers have no token count; price them by the request")
    return cost


def _tokens(file: ParquetFile, prices: Sequence[ModelPrice]) -> tuple[Array, Array]:
    """Input and output tokens a row; zeros where no price asks for them."""
    zeros = np.zeros(file.num_rows)
    inputs = outputs = zeros
    if any(price.input_usd_per_mtok for price in prices):
        columns = next((them for them in _PROMPTS if all(one in file.types for one in them)), _PROMPTS[0])
        inputs = np.sum(file.numbers(*columns), axis=0)
    if any(price.output_usd_per_mtok for price in prices):
        outputs = file.numbers("output_tokens")[0]
    return inputs, outputs


def _price_of(name: str, prices: Mapping[str, ModelPrice]) -> ModelPrice | None:
    """The price of a model/method: its own, its model's, or the one of any model."""
    wanted = (name, name.rpartition("/")[0], ANY_MODEL)
    return next((prices[one] for one in wanted if one in prices), None)


def _topic_column(file: ParquetFile, selection: Selection) -> str:
    return selection.by or next((one for one in _TOPICS if one in file.types), "")


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:8])
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown
