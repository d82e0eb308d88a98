"""The defaults of the sweep and of the optimisation stack: dated rows with a source, never numbers in code."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from tokonomics.economics.figures.assumptions import ASSUMED, Assumption, read_assumptions
from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.figures.explanation import Term, unit_of
from tokonomics.errors import nearest_names, raise_all

_AS_STATED = "as stated"


@lru_cache(maxsize=1)
def stack_assumptions() -> Mapping[str, Assumption]:
    """Every row of `data/stack_assumptions.csv` by its name.

    >>> stack_assumptions()["contiguous_kv_used_frac"].span
    (0.204, 0.382)
    """
    return {row.name: row for row in read_assumptions("stack_assumptions")}


def assumed_terms(*topics: str) -> dict[str, Term]:
    """The rows of `topics` (all when none is named) as terms of an explanation; the source carries the date.

    >>> assumed_terms("paging")["num_block_tokens"].value
    16.0
    """
    rows = stack_assumptions().values()
    return {row.name: _term(row) for row in rows if row.value is not None and (not topics or row.topic in topics)}


def assumed_figures(*topics: str) -> dict[str, float]:
    """The same as plain numbers by name.

    >>> assumed_figures("slo_presets")
    {'real_time_s': 0.05, 'near_real_time_s': 0.1}
    """
    return {name: float(term.value) for name, term in assumed_terms(*topics).items()}


def resolve_assumptions(stated: Mapping[str, float]) -> dict[str, Term]:
    """All rows, with those the user states put in their place.

    Raises: InputError with every name that no row has, and every value that its name forbids (shares lie in 0..1,
    counts are whole and 1 or more, all else is 0 or more).

    >>> resolve_assumptions({"num_draft_tokens": 6})["num_draft_tokens"].source
    'as stated'
    """
    found = assumed_terms()
    raise_all([*_unknown(stated, found), *_wrong(stated)])
    return {**found, **{name: Term(name, value, unit_of(name), ASSUMED, _AS_STATED) for name, value in stated.items()}}


def _unknown(stated: Iterable[str], known: Mapping[str, Term]) -> list[str]:
    return [
        f"unknown assumption {name!r}; nearest: {', '.join(nearest_names(name, list(known)))}"
        for name in stated
        if name not in known
    ]


def _wrong(stated: Mapping[str, float]) -> list[str]:
    checks = Checks()
    for name, value in stated.items():
        if name.endswith("_frac"):
            checks.fraction(**{name: value})
        elif name.startswith("num_"):
            checks.at_least(1, **{name: value})
            checks.that(value % 1 == 0, f"{name}={value:g}; must be a whole number")
        else:
            checks.non_negative(**{name: value})
    return checks.violations


def _term(row: Assumption) -> Term:
    assert row.value is not None
    return Term(row.name, row.value, unit_of(row.name), row.status, f"{row.source}, {row.as_of}")
