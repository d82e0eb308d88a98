"""Snapshots: folders of prices as they stood on one day, shipped with the package or written by an update.

A snapshot is never changed once written. Its name is its date (YYYY-MM-DD, with a suffix such as -2 for a second one
of the same day); it holds offers.csv, api_prices.csv, rejected.csv and a manifest of their digests.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from tokonomics.catalog.tables import read_rows, write_rows
from tokonomics.errors import InputError

TABLES = ("offers.csv", "api_prices.csv", "rejected.csv")
MANIFEST = "manifest.csv"
MANIFEST_COLUMNS = ("file", "num_rows", "sha256")
REJECTED_COLUMNS = ("table", "key", "reason", "values", "source")
_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})(-[0-9a-z]{1,16})?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """One dated folder of price tables; `is_shipped` tells the package's own from those an update wrote."""

    name: str
    folder: Traversable
    is_shipped: bool

    @property
    def day(self) -> date:
        """The date in the name."""
        return date.fromisoformat(self.name[:10])

    def read(self, file: str) -> str:
        """The text of one of the tables; "" when the snapshot has no such table."""
        path = self.folder.joinpath(file)
        return path.read_text("utf-8") if path.is_file() else ""


def user_home(environ: Mapping[str, str]) -> Path:
    """The folder of this user's own data: $TOKONOMICS_HOME, else the XDG data folder."""
    if environ.get("TOKONOMICS_HOME"):
        return Path(environ["TOKONOMICS_HOME"])
    base = environ.get("XDG_DATA_HOME") or str(Path(environ.get("HOME", "~")).expanduser() / ".local" / "share")
    return Path(base) / "tokonomics"


def list_snapshots(home: Path | None) -> tuple[Snapshot, ...]:
    """Every snapshot, oldest first: the shipped ones and those under `home`."""
    shipped = resources.files("tokonomics.catalog").joinpath("data", "snapshots")
    roots: list[tuple[Traversable, bool]] = [(shipped, True)]
    if home is not None and (home / "snapshots").is_dir():
        roots.append((home / "snapshots", False))
    found = [
        Snapshot(name=folder.name, folder=folder, is_shipped=is_shipped)
        for root, is_shipped in roots
        for folder in root.iterdir()
        if is_snapshot_name(folder.name) and folder.is_dir()
    ]
    return tuple(sorted(found, key=lambda one: one.name))


def find_snapshot(name: str | None, home: Path | None) -> Snapshot:
    """The snapshot called `name`, or the newest; InputError lists those known."""
    known = list_snapshots(home)
    if name is None:
        return known[-1]
    for one in known:
        if one.name == name:
            return one
    raise InputError(f"unknown snapshot: {name!r}; known: {', '.join(one.name for one in known)}")


def is_snapshot_name(name: str) -> bool:
    """Whether `name` is a date with at most a short suffix.

    >>> is_snapshot_name("2026-11-23"), is_snapshot_name("2026-11-23-2"), is_snapshot_name("2026-13-01")
    (True, True, False)
    """
    match = _NAME.fullmatch(name)
    try:
        return bool(match and date.fromisoformat(match[1]))
    except ValueError:
        return False


def write_snapshot(home: Path, name: str, tables: Mapping[str, str]) -> Path:
    """Write `tables` (file name to CSV text) as snapshot `name` under `home`; InputError when it exists already."""
    if not is_snapshot_name(name):
        raise InputError(f"snapshot name={name!r}; limit=YYYY-MM-DD with a short suffix; for example 2026-11-23-2")
    if any(one.name == name for one in list_snapshots(home)):
        raise InputError(f"snapshot {name} exists already and is never overwritten; choose --name {name[:10]}-2")
    folder = home / "snapshots" / name
    # Written beside its place and then moved, so that a broken write never looks like a snapshot.
    draft = home / "snapshots" / f".{name}.draft"
    draft.mkdir(parents=True, exist_ok=True)
    for file, text in {**tables, MANIFEST: manifest_text(tables)}.items():
        (draft / file).write_text(text, "utf-8", newline="\n")
    draft.rename(folder)
    return folder


def manifest_text(tables: Mapping[str, str]) -> str:
    """The manifest of `tables`: file, number of rows, sha256 of the UTF-8 bytes."""
    rows = [
        {"file": file, "num_rows": str(_num_rows(text)), "sha256": sha256(text.encode()).hexdigest()}
        for file, text in tables.items()
    ]
    return write_rows(rows, MANIFEST_COLUMNS)


def broken_files(snapshot: Snapshot) -> list[str]:
    """What in `snapshot` differs from its manifest, in words; empty when all is as written."""
    rows = read_rows(snapshot.read(MANIFEST), where=MANIFEST, columns=MANIFEST_COLUMNS, problems=[])
    return [
        f"snapshot {snapshot.name}: {row.text('file')} is not the file that was published; restore it, "
        "or put your change into a new snapshot or an override file"
        for row in rows
        if sha256(snapshot.read(row.text("file")).encode()).hexdigest() != row.text("sha256")
    ]


def _num_rows(text: str) -> int:
    r"""Number of data rows of CSV `text` whose cells hold no line breaks.

    >>> _num_rows("a,b\n1,2\n3,4\n")
    2
    """
    return max(sum(1 for line in text.splitlines() if line.strip()) - 1, 0)
