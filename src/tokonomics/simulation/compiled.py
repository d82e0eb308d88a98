"""The one place that knows numba: plain Python functions in, compiled and cached ones out.

Compiled code is kept on disk, under a name that changes with any source it was made from: numba itself looks only
at the file of the function that is called, and would serve stale code after a change in what it calls.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

import numba
from numba.core import config as numba_config
from numba.cpython.unsafe.numbers import trailing_zeros

from tokonomics.catalog.snapshot import user_home
from tokonomics.policy import overflow, quota, route_rules

lowest_bit: Any = trailing_zeros
"""The place of the lowest bit of a whole number that is not 0; for compiled code alone."""
_NUM_KEPT: Final = 2
_IMPORTED: Final = re.compile(r"from tokonomics\.simulation\.(\w+) import")
_Function = TypeVar("_Function", bound=Callable[..., object])


@cache
def _cache_dir() -> str | None:
    """Where compiled code is kept: beside the sources, or in the user's folder where those are read-only.

    None where neither can be written. Folders of older sources are deleted, but for the latest few.
    """
    name = f"compiled-{_digest()}"
    for place in (Path(__file__).parent / "__pycache__", user_home(os.environ) / "cache"):
        try:
            (place / name).mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(place / name, os.W_OK):
            prune(place, keep=name)
            return str(place / name)
    return None


def is_compiled() -> bool:
    """Whether machine code of an event loop of these sources is kept; without any, a replay waits for the compiler."""
    folder = _cache_dir()
    return folder is not None and any(Path(folder).rglob("*kernel.run_*.nbc"))


def prune(place: Path, *, keep: str) -> None:
    """Delete the folders of compiled code in `place`, but for `keep` and the latest few others."""
    others = [one for one in place.glob("compiled-*") if one.name != keep and one.is_dir()]
    others.sort(key=lambda one: one.stat().st_mtime, reverse=True)
    for one in others[_NUM_KEPT:]:
        shutil.rmtree(one, ignore_errors=True)


def kernel_sources() -> tuple[Path, ...]:
    """The modules that compiled code is made from: those that compile, and those that they import from."""
    here = Path(__file__).parent
    texts = {path.stem: path.read_text(encoding="utf-8") for path in here.glob("*.py")}
    compiling = {name for name, text in texts.items() if "simulation.compiled import" in text}
    imported = {found for name in compiling for found in _IMPORTED.findall(texts[name])}
    shared = (Path(str(module.__file__)) for module in (overflow, quota, route_rules))
    return (*(here / f"{name}.py" for name in sorted({*compiling, *imported})), *shared)


def _digest() -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    for path in kernel_sources():
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def compiled(function: _Function) -> _Function:
    """Compile `function` with numba when it is first called, and keep the machine code for the next process."""
    return _cached(function, inline="never")


def inlined(function: _Function) -> _Function:
    """Compile `function` into its callers: for what takes many arrays, whose passing would cost more than the work."""
    return _cached(function, inline="always")


def _cached(function: _Function, *, inline: str) -> _Function:
    """Compiled code that allocates nothing, so that it need not count references (`_nrt`)."""
    config: Any = numba_config
    jit: Any = numba.njit
    folder = _cache_dir()
    before, config.CACHE_DIR = config.CACHE_DIR, folder or config.CACHE_DIR
    try:
        done: _Function = jit(cache=folder is not None, error_model="numpy", _nrt=False, inline=inline)(function)
    finally:
        config.CACHE_DIR = before
    return done
