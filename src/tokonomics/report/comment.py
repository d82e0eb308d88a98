"""What to do with the comments of a pull request, decided from those that are there: pure, so that it can be tested.

A comment is ours when its first line is our tag, an HTML comment that readers do not see.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tokonomics.errors import InputError

Behaviour = Literal["update", "new", "hide-and-new", "delete-and-new"]
BEHAVIOURS: Final[tuple[Behaviour, ...]] = ("update", "new", "hide-and-new", "delete-and-new")
"""update: rewrite our latest comment, or write the first; new: add one; the others put ours away, then add one."""

DEFAULT_TAG: Final = "cost"
MAX_COMMENT_CHARACTERS: Final = 65_000
"""A little less than GitHub's limit of 65,536."""

_TAG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/]{0,63}(?:-[A-Za-z0-9._/]+)*")
_MOST_TAG_CHARACTERS: Final = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Comment:
    """A comment that is there; `node` is its name in GitHub's graph, which hiding needs."""

    id: int
    node: str
    body: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """One thing to do: create a comment with `body`, update `target` to it, or hide or delete `target`."""

    kind: Literal["create", "update", "hide", "delete"]
    target: Comment | None = None
    body: str = ""


def tag_line(tag: str) -> str:
    """The line that marks a comment as ours. Raises InputError for a tag that could end the HTML comment.

    >>> tag_line("cost")
    '<!-- tokonomics:cost -->'
    """
    if len(tag) > _MOST_TAG_CHARACTERS or not _TAG.fullmatch(tag):
        raise InputError(f"tag={tag[:60]!r}; limit=letters, digits and . _ / -, no two dashes; choose a plain word")
    return f"<!-- tokonomics:{tag} -->"


def tagged(text: str, tag: str) -> str:
    """`text` as the body of a comment of ours; cut, and said so, where it is longer than a comment may be."""
    body = f"{tag_line(tag)}\n{text}"
    if len(body) <= MAX_COMMENT_CHARACTERS:
        return body
    end = "\n\n(cut here: longer than a comment may be)\n"
    return body[: MAX_COMMENT_CHARACTERS - len(end)] + end


def decide(
    behaviour: Behaviour, existing: Sequence[Comment], text: str, *, tag: str, is_quiet: bool = False
) -> tuple[Action, ...]:
    """What to do, in order, so that `text` stands on the pull request; `existing` is in order of age, oldest first.

    `is_quiet`: there is nothing to say, so nothing is added; what stands there is still updated or put away.

    >>> [one.kind for one in decide("hide-and-new", [Comment(id=1, node="a", body=tagged("old", "cost"))], "new",
    ...     tag="cost")]
    ['create', 'hide']
    """
    body = tagged(text, tag)
    ours = [one for one in existing if one.body.partition("\n")[0].rstrip("\r") == tag_line(tag)]
    added = () if is_quiet else (Action(kind="create", body=body),)
    if behaviour == "new":
        return added
    if behaviour == "update":
        return _updated(ours, body) if ours else added
    kind: Literal["hide", "delete"] = "hide" if behaviour == "hide-and-new" else "delete"
    return (*added, *(Action(kind=kind, target=one) for one in ours))


def _updated(ours: Sequence[Comment], body: str) -> tuple[Action, ...]:
    """Rewrite the latest of ours, unless it says the same already."""
    latest = ours[-1]
    same = latest.body.replace("\r\n", "\n").rstrip() == body.rstrip()
    return () if same else (Action(kind="update", target=latest, body=body),)
