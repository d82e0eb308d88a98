"""`tok comment`: a change as a comment on a pull request; printed, and posted only on request."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokonomics.cli.output import OutputOptions, emit, output_options, remark
from tokonomics.errors import InputError

if TYPE_CHECKING:
    from tokonomics.report.comment import Action, Behaviour
    from tokonomics.report.github import GitHub

_BEHAVIOUR_HELP = "update our comment, write a new one, or first hide or delete ours and write a new one  [update]."


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--post/--dry-run", "is_posted", default=False, help="Post it, or only print it  [dry-run].")
@click.option("--repo", envvar="GITHUB_REPOSITORY", metavar="OWNER/NAME", help="Repository of the pull request.")
@click.option("--pull-request", type=click.INT, metavar="N", help="Its number  [that of GITHUB_REF].")
@click.option(
    "--behaviour",
    type=click.Choice(("update", "new", "hide-and-new", "delete-and-new")),
    default="update",
    help=_BEHAVIOUR_HELP,
)
@click.option("--tag", default="cost", metavar="TEXT", help="Mark of our comments; one a workflow  [cost].")
@click.option("--skip-unchanged", is_flag=True, help="Add no comment where nothing changed and no limit is broken.")
@output_options
def comment(
    output: OutputOptions,
    files: tuple[Path, ...],
    is_posted: bool,
    repo: str | None,
    pull_request: int | None,
    behaviour: "Behaviour",
    tag: str,
    skip_unchanged: bool,
) -> None:
    """Write FILE..., results of `tok diff`, `check`, `quote`, `simulate` or `plan` as JSON, as a comment in Markdown.

    Prints it. With --post it goes to the pull request on GitHub, with the token in GITHUB_TOKEN or GH_TOKEN.
    """
    from tokonomics.planning.subject import read_document  # NumPy loads only when asked
    from tokonomics.report.comment import tagged
    from tokonomics.report.comment_text import comment_text, has_news

    documents = [(path.name, read_document(path)) for path in files]
    text = comment_text(documents)
    is_quiet = skip_unchanged and not has_news(documents)
    actions: Sequence[Action] = ()
    if is_posted:
        actions = _post(_github(repo, pull_request, os.environ), behaviour, text, tag, is_quiet=is_quiet)
        done = ", ".join(one.kind for one in actions) or "nothing to do"
        remark(f"comment on pull request: {done}", output)
    _write(tagged(text, tag), actions, is_posted, output)


def _post(github: "GitHub", behaviour: "Behaviour", text: str, tag: str, *, is_quiet: bool) -> "Sequence[Action]":
    """Look at what is there, decide, and do it."""
    from tokonomics.report.comment import decide

    existing = () if behaviour == "new" else github.comments()
    actions = decide(behaviour, existing, text, tag=tag, is_quiet=is_quiet)
    github.carry_out(actions)
    return actions


def _github(repo: str | None, number: int | None, environment: Mapping[str, str]) -> "GitHub":
    """GitHub as the flags and the environment of a workflow name it."""
    from tokonomics.catalog.web_send import web_send
    from tokonomics.report.github import DEFAULT_API, GitHub, PullRequest, token_from

    named = number if number is not None else _number_in(environment.get("GITHUB_REF", ""))
    missing = [flag for flag, value in (("--repo", repo), ("--pull-request", named)) if value is None]
    if missing:
        raise InputError(f"where to post is not known; name {' and '.join(missing)}")
    api = environment.get("GITHUB_API_URL") or DEFAULT_API
    graph = environment.get("GITHUB_GRAPHQL_URL") or f"{api}/graphql"
    place = PullRequest(repository=repo or "", number=named or 0, api=api, graph=graph)
    return GitHub(place=place, send=web_send(), token=token_from(environment))


def _number_in(reference: str) -> int | None:
    """The number of a pull request in the reference that a workflow runs on."""
    found = re.fullmatch(r"refs/pull/([0-9]{1,9})/(?:merge|head)", reference)
    return int(found[1]) if found else None


def _write(body: str, actions: "Sequence[Action]", is_posted: bool, output: OutputOptions) -> None:
    """Markdown as it stands, on stdout or in the file; a document for --json."""
    from tokonomics.report.json import document
    from tokonomics.report.view import View

    if output.fmt == "csv":
        raise InputError("a comment has no form as csv; leave --format out, or choose json")
    if output.fmt == "json":
        done: list[dict[str, Any]] = [
            {"kind": one.kind, "comment_id": one.target.id if one.target else None} for one in actions
        ]
        content = {"body": body, "is_posted": is_posted, "actions": done}
        emit(document("comment", content), View(), output)
    elif output.path is None:
        sys.stdout.write(body)
    else:
        try:
            output.path.write_text(body, encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot write {output.path}: {error.strerror}; choose another --output") from None
        remark(f"wrote {output.path}", output)
