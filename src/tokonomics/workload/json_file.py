"""JSON files of strangers: bounded in size, without NaN."""

import json
from pathlib import Path
from typing import Any

from tokonomics.errors import InputError

_MAX_REASON_CHARACTERS = 100


def read_json_object(path: Path, *, most_bytes: int, advice: str) -> dict[str, Any]:
    """The object that a JSON file of at most `most_bytes` holds; `advice` ends the sentence about one that has none.

    Raises:    InputError when the file cannot be read, is too large, no UTF-8, no JSON or no object.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
        if len(content) > most_bytes:
            raise InputError(f"{path} is larger than {most_bytes:,} bytes; is it the right file?")
        found = json.loads(content.decode("utf-8-sig"), parse_constant=_no_constant)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; check the path") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except (ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise InputError(f"{path} is no JSON: {reason[:_MAX_REASON_CHARACTERS]}; {advice}") from None
    if not isinstance(found, dict):
        raise InputError(f"{path} holds no JSON object; {advice}")
    return found


def _no_constant(word: str) -> None:
    raise ValueError(f"it holds {word}")
