"""The claims as rows, and what this package makes of each."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final

from tools.article.values import UNSUPPORTED, VERDICTS, Call, Inputs, Value, read_inputs, verdict

TABLE: Final = Path(__file__).with_name("claims.csv")


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """One statement of the article, in our words: its figure, the call that answers it, and why.

    `ruling` is a verdict that the figures alone do not give: empty where they do. `differs` says why the computed value
    is not the one that an independent audit of the article found: empty where it is.
    """

    id: str
    statement: str
    stated: str
    unit: str
    call: str
    inputs: Inputs
    ruling: str
    why: str
    differs: str

    @property
    def section(self) -> int:
        """Section of the article, 0 for its introduction."""
        return int(self.id[1 : self.id.index("-")])


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A claim with the value that this package computes (None where it has none to give) and the verdict."""

    claim: Claim
    computed: Value | None
    verdict: str


@cache
def claims() -> tuple[Claim, ...]:
    """All claims, in the order of the article."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return tuple(_claim(row) for row in csv.DictReader(file))


@cache
def answers() -> tuple[Answer, ...]:
    """Every claim, computed."""
    return tuple(map(answer, claims()))


def answer(claim: Claim) -> Answer:
    """Make the call of one claim."""
    computed = function_of(claim)(**claim.inputs) if claim.call else None
    return Answer(claim=claim, computed=computed, verdict=claim.ruling or _verdict(claim, computed))


def function_of(claim: Claim) -> Call:
    """The function that a claim's `call` names: a module of this folder and one of its functions."""
    module, _, name = claim.call.partition(".")
    found: Call = getattr(import_module(f"tools.article.{module}"), name)
    return found


def num_verdicts(rows: tuple[Answer, ...]) -> Iterator[tuple[str, int]]:
    """How many rows have each verdict."""
    for word in VERDICTS:
        yield word, sum(row.verdict == word for row in rows)


def _claim(row: dict[str, str]) -> Claim:
    return Claim(**{**row, "inputs": read_inputs(row["inputs"])})  # type: ignore[arg-type]


def _verdict(claim: Claim, computed: Value | None) -> str:
    return UNSUPPORTED if computed is None else verdict(claim.stated, computed)
