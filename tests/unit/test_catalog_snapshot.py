"""Snapshots: written once, never overwritten, and an edit is noticed."""

from datetime import date
from pathlib import Path

import pytest

from tokonomics.catalog.snapshot import (
    broken_files,
    find_snapshot,
    is_snapshot_name,
    list_snapshots,
    user_home,
    write_snapshot,
)
from tokonomics.errors import InputError

TABLES = {"offers.csv": "provider\nx\n", "api_prices.csv": "provider\n", "rejected.csv": "table\n"}


def test_a_written_snapshot_is_listed_and_the_newest_is_the_default(tmp_path: Path) -> None:
    folder = write_snapshot(tmp_path, "2027-01-05", TABLES)
    assert folder == tmp_path / "snapshots" / "2027-01-05"
    assert [one.name for one in list_snapshots(tmp_path)] == ["2025-03-31", "2026-11-23", "2027-01-05"]
    newest = find_snapshot(None, tmp_path)
    assert (newest.name, newest.day, newest.is_shipped) == ("2027-01-05", date(2027, 1, 5), False)
    assert newest.read("offers.csv") == "provider\nx\n"
    assert broken_files(newest) == []


def test_a_newer_package_wins_over_an_older_update(tmp_path: Path) -> None:
    write_snapshot(tmp_path, "2026-10-01", TABLES)
    assert find_snapshot(None, tmp_path).name == "2026-11-23"


def test_a_snapshot_is_never_overwritten(tmp_path: Path) -> None:
    write_snapshot(tmp_path, "2027-01-05", TABLES)
    with pytest.raises(InputError, match=r"never overwritten; choose --name 2027-01-05-2"):
        write_snapshot(tmp_path, "2027-01-05", {**TABLES, "offers.csv": "provider\ny\n"})
    assert find_snapshot(None, tmp_path).read("offers.csv") == "provider\nx\n"


def test_nor_is_a_shipped_one_shadowed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exists already"):
        write_snapshot(tmp_path, "2026-11-23", TABLES)


def test_a_second_of_one_day_sorts_after_the_first(tmp_path: Path) -> None:
    write_snapshot(tmp_path, "2026-11-23-2", TABLES)
    assert find_snapshot(None, tmp_path).name == "2026-11-23-2"
    assert find_snapshot(None, tmp_path).day == date(2026, 11, 23)


def test_a_broken_write_leaves_no_snapshot(tmp_path: Path) -> None:
    draft = tmp_path / "snapshots" / ".2027-01-05.draft"
    draft.mkdir(parents=True)
    assert find_snapshot(None, tmp_path).name == "2026-11-23"
    write_snapshot(tmp_path, "2027-01-05", TABLES)
    assert find_snapshot(None, tmp_path).name == "2027-01-05"


def test_an_edited_file_is_noticed_with_advice(tmp_path: Path) -> None:
    folder = write_snapshot(tmp_path, "2027-01-05", TABLES)
    (folder / "offers.csv").write_text("provider\nz\n")
    [said] = broken_files(find_snapshot("2027-01-05", tmp_path))
    assert "offers.csv is not the file that was published" in said
    assert "override file" in said


@pytest.mark.parametrize("name", ["../evil", "2026", "2026-02-30", "2026-11-23/..", "latest", "2026-11-23-", ""])
def test_a_name_is_a_date_and_nothing_else(tmp_path: Path, name: str) -> None:
    assert not is_snapshot_name(name)
    with pytest.raises(InputError, match="limit=YYYY-MM-DD"):
        write_snapshot(tmp_path, name, TABLES)


def test_an_unknown_name_lists_its_neighbours(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2026-11-23"):
        find_snapshot("2026-11-24", tmp_path)


def test_where_a_users_data_lies() -> None:
    assert user_home({"TOKONOMICS_HOME": "/x"}) == Path("/x")
    assert user_home({"XDG_DATA_HOME": "/d", "HOME": "/h"}) == Path("/d/tokonomics")
    assert user_home({"HOME": "/h"}) == Path("/h/.local/share/tokonomics")
