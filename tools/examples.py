"""Write what the examples print: `python -m tools.examples [FOLDER...]`, all of them without a name.

An example is a folder under `examples/` with a file `command` (one line, `tok ...`, run inside the folder) and the file
`expected.out` that this writes. `tests/e2e/test_examples.py` compares them; review what changed before you commit it.
"""

import contextlib
import io
import os
import shlex
import sys
from pathlib import Path
from typing import Final
from unittest import mock

from tokonomics.cli.main import main as tok
from tools.transcripts import ROOT, SETTING

EXAMPLES: Final = ROOT / "examples"


def folders(names: list[str]) -> list[Path]:
    """The folders of the examples, or those of `names`."""
    found = sorted(path.parent for path in EXAMPLES.rglob("command"))
    return [folder for folder in found if not names or folder.relative_to(EXAMPLES).as_posix() in names]


def printed(folder: Path) -> str:
    """What the command of an example prints on stdout; raises RuntimeError when it fails."""
    words = shlex.split((folder / "command").read_text(encoding="utf-8"))
    page, remarks = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True), io.StringIO()
    plain = {name: value for name, value in os.environ.items() if not name.startswith("TOKONOMICS_")}
    with (
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, {**plain, **SETTING}, clear=True),
        contextlib.redirect_stdout(page),
        contextlib.redirect_stderr(remarks),
    ):
        code = tok(words[1:])
    if code:
        raise RuntimeError(f"{folder.name} ended with {code}: {remarks.getvalue()}")
    page.seek(0)
    return page.read()


if __name__ == "__main__":
    for folder in folders(sys.argv[1:]):
        (folder / "expected.out").write_text(printed(folder), encoding="utf-8")
        print(f"wrote {folder.relative_to(ROOT)}")
