"""Whether a value is of the class that a field holds, asked of values that a file gave and nobody has checked yet.

What a mapping lacked or had wrong stands there as a marker (see _mapping), about which all was said already.
"""

from typing import TypeVar

from tokonomics.policy._mapping import BROKEN

T = TypeVar("T")


def kind_problems(name: str, value: object, kind: type[object], words: str) -> list[str]:
    """Violations unless `value` is a `kind`, which `words` describe to a reader.

    >>> kind_problems("slo", 3, str, "text")
    ['slo=3; limit=text; write it so']
    """
    if isinstance(value, kind) or value is BROKEN:
        return []
    return [f"{name}={value!r:.60}; limit={words}; write it so"]


def item_problems(name: str, value: object, kind: type[object]) -> list[str]:
    """Violations for each entry of the list `value` that is no `kind`."""
    items = value if isinstance(value, tuple) else ()
    wrong = [one for one in items if not isinstance(one, kind) and one is not BROKEN]
    problems = [f"{name} holds {one!r:.60}; limit=entries of kind {kind.__name__}; correct it" for one in wrong]
    if not isinstance(value, tuple) and value is not BROKEN:
        problems.append(f"{name}={value!r:.60}; limit=a list; write its entries as a list")
    return problems


def items_of(value: object, kind: type[T]) -> list[T]:
    """The entries of `value` that are a `kind`; none where it is no list."""
    return [one for one in value if isinstance(one, kind)] if isinstance(value, tuple) else []


def num_items(value: object) -> int:
    """How many entries `value` has; 1 where it is no list, so that it never equals those of `items_of`.

    >>> num_items(()), num_items("x")
    (0, 1)
    """
    return len(value) if isinstance(value, tuple) else 1
