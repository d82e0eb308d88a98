"""Console blocks of hand-written pages, filled with what the commands really print.

A block opens with ```console and `$ tok ...`; everything up to its end is replaced by the output of the command, 100
columns wide, on the day of the embedded prices, so that it does not change with the calendar.
"""

import contextlib
import io
import os
import re
import shlex
from pathlib import Path
from typing import Final
from unittest import mock

from tokonomics.cli.main import main

ROOT: Final = Path(__file__).resolve().parents[1]
SETTING: Final = {
    "TOKONOMICS_TODAY": "2026-11-23",
    "TOKONOMICS_HOME": "/nonexistent",
    "COLUMNS": "100",
    "NO_COLOR": "1",
}
_BLOCK: Final = re.compile(r"(```console\n\$ tok (?P<command>[^\n]*)\n)(?P<output>.*?)(```\n)", re.DOTALL)


def filled(path: str) -> str:
    """The page at `path` with every console block filled anew."""
    text = (ROOT / path).read_text(encoding="utf-8")
    return _BLOCK.sub(lambda found: f"{found[1]}{output_of(found['command'])}{found[4]}", text)


def output_of(command: str) -> str:
    """What `tok COMMAND` prints; an error's sentence too. Raises nothing: the exit code is part of what is shown."""
    page = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with mock.patch.dict(os.environ, SETTING), contextlib.redirect_stdout(page), contextlib.redirect_stderr(page):
        main(shlex.split(command))
    page.seek(0)
    return "\n".join(line.rstrip() for line in page.read().splitlines()) + "\n"
