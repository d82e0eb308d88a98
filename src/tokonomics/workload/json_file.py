"""JSON files of strangers: bounded in size, without NaN."""

import json
from pathlib import Path
from typing import Any

from tokonomics.errors import InputError
from tokonomics.files import bounded_text

_MAX_REASON_CHARACTERS = 100


def read_json_object(path: Path, *, most_bytes: int, advice: str) -> dict[str, Any]:
    """The object that a JSON file of at most `most_bytes` holds; `advice` ends the sentence about one that has none.

    Raises:    InputError when the file cannot be read, is too large, no UTF-8, no JSON or no object.
    """
    text = bounded_text(path, most_bytes=most_bytes, advice="is it the right file?")
    try:
        found = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise InputError(f"{path} is no JSON: {reason[:_MAX_REASON_CHARACTERS]}; {advice}") from None
    if not isinstance(found, dict):
        raise InputError(f"{path} holds no JSON object; {advice}")
    return found


def _no_constant(word: str) -> None:
    raise ValueError(f"it holds {word}")
