"""The document for programs: strict JSON in the order it was built, with an envelope that names its shape."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from math import isfinite
from numbers import Integral, Real
from typing import Any, TypeAlias

from tokonomics import __version__

Document: TypeAlias = Mapping[str, Any]


def document(kind: str, body: Document) -> dict[str, Any]:
    """Put `body` into the envelope every result wears: which shape it has and who wrote it.

    >>> list(document("quote", {"options": []}))
    ['schema', 'kind', 'tokonomics_version', 'options']
    """
    envelope = {"schema": f"tokonomics/{kind}/1", "kind": kind, "tokonomics_version": __version__}
    taken = [name for name in envelope if name in body]
    if taken:
        raise ValueError(f"body of {kind!r} repeats the envelope: {', '.join(taken)}")
    return {**envelope, **body}


def render_json(content: Document) -> str:
    r"""Write `content` as JSON; raises ValueError, with the path, where a number is NaN or infinite.

    >>> render_json({"a": (1, Decimal("0.50"))})
    '{\n  "a": [\n    1,\n    0.5\n  ]\n}\n'
    """
    return json.dumps(_plain(content, "$"), indent=2, allow_nan=False) + "\n"


def _plain(value: object, path: str) -> object:
    """Return `value` made of what JSON knows: Decimal becomes a number, NumPy scalars become Python's."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(one, f"{path}.{key}") for key, one in value.items()}
    if isinstance(value, Sequence):
        return [_plain(one, f"{path}[{number}]") for number, one in enumerate(value)]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real | Decimal):
        return _finite(float(value), path)
    raise TypeError(f"{path} holds a {type(value).__name__}, which has no JSON form")


def _finite(value: float, path: str) -> float:
    if not isfinite(value):
        raise ValueError(f"{path} is {value}; a document holds finite numbers only, and null for what is not known")
    return value
