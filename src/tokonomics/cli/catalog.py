"""`tok catalog`: update, compare and verify the catalogue."""

import os
from datetime import date, datetime
from pathlib import Path

import click

from tokonomics.cli.listings import day_of, names_in
from tokonomics.cli.output import OutputOptions, emit, output_options
from tokonomics.errors import InputError, TokonomicsError

_TODAY = click.option(
    "--today",
    envvar="TOKONOMICS_TODAY",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Date of the snapshot, and whose prices are compared  [today].",
)


@click.group()
def catalog() -> None:
    """Update, compare and verify the catalogue."""


@catalog.command("update")
@click.option("--feed", "feeds", multiple=True, metavar="TEXT", help="gpuhunt, skypilot, genai-prices  [1st and 3rd].")
@click.option("--from", "from_dir", type=click.Path(path_type=Path), metavar="DIR", help="Read files of DIR/FEED/.")
@click.option("--as-of", default="", metavar="DATE", help="Date of files that carry none  [of a download: today].")
@click.option("--name", default="", metavar="NAME", help="Name of the snapshot  [its date].")
@click.option("--accept", is_flag=True, help="Take prices that moved by more than 5 times.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and write nothing.")
@_TODAY
@output_options
def update(
    output: OutputOptions,
    feeds: tuple[str, ...],
    from_dir: Path | None,
    as_of: str,
    name: str,
    accept: bool,
    dry_run: bool,
    today: datetime | None,
) -> None:
    """Fetch public price lists and write a new dated snapshot; nothing else in tok uses the network.

    Old snapshots stay as they are and can be asked for by --snapshot.
    """
    from tokonomics.catalog.fetch import web_fetch  # loads only when a command runs
    from tokonomics.catalog.freshness import earliest_date
    from tokonomics.catalog.snapshot import user_home
    from tokonomics.catalog.update import DEFAULT_FEEDS, update_catalog
    from tokonomics.report.json import document
    from tokonomics.report.snapshots_view import update_document, update_view

    if as_of and earliest_date(as_of) is None:
        raise InputError(f"--as-of {as_of!r} names no date; write YYYY-MM-DD")
    done = update_catalog(
        home=user_home(os.environ),
        today=day_of(today),
        feeds=names_in(feeds) or DEFAULT_FEEDS,
        from_dir=from_dir,
        fetch=None if from_dir else web_fetch(),
        as_of=as_of,
        name=name,
        accept_jumps=accept,
        is_dry_run=dry_run,
    )
    emit(document("catalog-update", update_document(done)), update_view(done), output)


@catalog.command("diff")
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="[AFTER]", required=False)
@_TODAY
@output_options
def diff(output: OutputOptions, before: str, after: str | None, today: datetime | None) -> None:
    """Show what came, went and moved between two snapshots; without AFTER, up to the newest."""
    from tokonomics.catalog.diff import diff_api_prices, diff_offers  # loads only when a command runs
    from tokonomics.catalog.load import load_catalog
    from tokonomics.report.json import document
    from tokonomics.report.snapshots_view import diff_document, diff_view

    old, new = load_catalog(snapshot=before), load_catalog(snapshot=after)
    day: date = today.date() if today else new.day
    diffs = (diff_offers(old.offers, new.offers), diff_api_prices(old.api_prices, new.api_prices, at=day))
    body = diff_document(old.snapshot, new.snapshot, diffs)
    emit(document("catalog-diff", body), diff_view(old.snapshot, new.snapshot, diffs), output)


@catalog.command("verify")
@click.option("--snapshot", metavar="DATE", help="Check only this one  [all].")
@output_options
def verify(output: OutputOptions, snapshot: str | None) -> None:
    """Check every row of every snapshot: source, known part, plausible units, files as they were published."""
    from tokonomics.catalog.snapshot import find_snapshot, list_snapshots, user_home  # loads only when run
    from tokonomics.catalog.verify import verify_snapshots
    from tokonomics.report.json import document
    from tokonomics.report.snapshots_view import verdict_document, verdict_view

    home = user_home(os.environ)
    chosen = (find_snapshot(snapshot, home),) if snapshot else list_snapshots(home)
    verdict = verify_snapshots([one.name for one in chosen], home=home)
    emit(document("catalog-verify", verdict_document(verdict)), verdict_view(verdict), output)
    if verdict.problems:
        raise TokonomicsError(*verdict.problems)
