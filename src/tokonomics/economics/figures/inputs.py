"""The inputs of a money question: what the user states, else a dated row of the table of assumptions."""

from collections.abc import Collection, Iterator, Mapping

from tokonomics.economics.figures.assumptions import ASSUMED, assumptions
from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.figures.explanation import Term, short_number, unit_of
from tokonomics.errors import raise_all

AS_STATED = "as stated"
Inputs = Mapping[str, Term]


def stated_term(name: str, value: float) -> Term:
    """An input that the user gives."""
    return Term(name, value, unit_of(name), ASSUMED, AS_STATED)


def assumed_term(topic: str, name: str) -> Term:
    """An input from the table of assumptions; its source carries the date.

    >>> assumed_term("on_prem", "electricity_usd_per_kwh").source
    'article s2, 2025-Q1'
    """
    row = assumptions(topic)[name]
    assert row.value is not None, f"{topic}.{name} has no value to assume"
    return Term(name, row.value, unit_of(name), row.status, f"{row.source}, {row.as_of}")


def resolve_inputs(topic: str, stated: Mapping[str, float | None], names: Collection[str]) -> dict[str, Term]:
    """Each of `names` as stated, else as the table of assumptions has it under `topic`.

    Raises: InputError with every stated value that its name forbids (see `stated_problems`).

    >>> terms = resolve_inputs("on_prem", {"horizon_years": 5, "device_watts": None}, ["horizon_years", "device_watts"])
    >>> [(term.value, term.source) for term in terms.values()]
    [(5, 'as stated'), (700.0, 'article s2, 2025-Q1')]
    """
    raise_all(stated_problems(stated))
    found = {}
    for name in names:
        value = stated.get(name)
        found[name] = assumed_term(topic, name) if value is None else stated_term(name, value)
    return found


def stated_problems(stated: Mapping[str, float | None], *, positive: Collection[str] = ()) -> list[str]:
    """What is wrong with stated values, by their names: shares lie in 0..1, all else is 0 or more, some above 0.

    >>> stated_problems({"input_frac": 2.0, "rate_tokens_per_s": 0.0, "num_gpus": None}, positive=["rate_tokens_per_s"])
    ['rate_tokens_per_s=0; must be above 0', 'input_frac=2; must lie between 0 and 1']
    """
    checks = Checks().positive(**{name: stated[name] for name in positive if name in stated})
    rest = {name: value for name, value in stated.items() if name not in positive}
    checks.fraction(**{name: value for name, value in rest.items() if name.endswith("_frac")})
    checks.non_negative(**{name: value for name, value in rest.items() if not name.endswith("_frac")})
    return checks.violations


def values_of(inputs: Inputs) -> dict[str, float]:
    """The numbers of `inputs` by name, as arguments for a record."""
    return {name: float(term.value) for name, term in inputs.items()}


def input_sentences(inputs: Inputs) -> Iterator[str]:
    """One line a source: what was assumed, listed or measured there; not what the user stated, nor bare counts."""
    by_source: dict[str, list[str]] = {}
    for name, term in inputs.items():
        if term.source != AS_STATED and not name.startswith("num_"):
            by_source.setdefault(f"{term.source} ({term.status})", []).append(f"{name}={short_number(term.value)}")
    for source, pairs in by_source.items():
        yield f"{source}: {', '.join(pairs)}"
