"""Comments of a pull request on GitHub, over a sender that is given; the token goes into a header and nowhere else."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tokonomics.catalog.web_send import Send, WebAnswer, WebRequest
from tokonomics.errors import InputError, TokonomicsError, raise_all
from tokonomics.report.comment import Action, Comment

DEFAULT_API: Final = "https://api.github.com"
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/[A-Za-z0-9._-]{1,100}")
_PAGE: Final = 100
_MOST_PAGES: Final = 50
_HIDE: Final = (
    "mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) { clientMutationId } }"
)
_MEANING: Final = {
    401: "the token is not accepted",
    403: "the token may not do this, or the limit of requests is reached",
    404: "there is no such pull request, or the token may not see it",
    422: "GitHub does not accept the comment",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PullRequest:
    """Where the comments are: `repository` as owner/name, the number, and the addresses of the two interfaces."""

    repository: str
    number: int
    api: str = DEFAULT_API
    graph: str = f"{DEFAULT_API}/graphql"

    def __post_init__(self) -> None:
        problems = []
        if not _REPOSITORY.fullmatch(self.repository) or self.repository.partition("/")[2] in (".", ".."):
            problems.append(f"repo={self.repository[:60]!r}; limit=OWNER/NAME; write it as on its page")
        if self.number < 1:
            problems.append(f"pull request={self.number}; limit=1 or more; give its number")
        problems += [
            f"address {one[:60]!r}; limit=https; give an https address"
            for one in (self.api, self.graph)
            if not one.startswith("https://")
        ]
        raise_all(problems)


@dataclass(frozen=True, kw_only=True, slots=True)
class GitHub:
    """The comments of `place`, read and written by `send`. The token is never part of a text."""

    place: PullRequest
    send: Send = field(repr=False)
    token: str = field(repr=False)

    def comments(self) -> tuple[Comment, ...]:
        """All comments, oldest first. Raises TokonomicsError where GitHub refuses, or there are too many."""
        found: list[Comment] = []
        for page in range(1, _MOST_PAGES + 1):
            rows = self._call("GET", f"{self._issue()}/comments?per_page={_PAGE}&page={page}")
            if not isinstance(rows, list):
                raise TokonomicsError("GitHub did not answer with a list of comments; check the address")
            found += [_comment(row) for row in rows]
            if len(rows) < _PAGE:
                return tuple(found)
        raise TokonomicsError(f"the pull request has more than {_PAGE * _MOST_PAGES} comments; use --behaviour new")

    def carry_out(self, actions: Sequence[Action]) -> None:
        """Do `actions`, in their order. Raises TokonomicsError at the first that GitHub refuses."""
        for action in actions:
            self._do(action)

    def _do(self, action: Action) -> None:
        if action.target is None:
            self._call("POST", f"{self._issue()}/comments", {"body": action.body})
            return
        address = f"{self.place.api}/repos/{self.place.repository}/issues/comments/{action.target.id}"
        if action.kind == "update":
            self._call("PATCH", address, {"body": action.body})
        elif action.kind == "delete":
            self._call("DELETE", address)
        else:
            self._hide(action.target)

    def _hide(self, target: Comment) -> None:
        """The graph answers 200 also where it refuses."""
        answer = self._call("POST", self.place.graph, {"query": _HIDE, "variables": {"id": target.node}})
        if not isinstance(answer, dict) or answer.get("errors"):
            raise TokonomicsError(f"GitHub did not hide comment {target.id}; use --behaviour delete-and-new or update")

    def _issue(self) -> str:
        return f"{self.place.api}/repos/{self.place.repository}/issues/{self.place.number}"

    def _call(self, method: str, url: str, body: Mapping[str, Any] | None = None) -> object:
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "User-Agent": "tokonomics",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        content = None if body is None else json.dumps(body).encode()
        answer = self.send(WebRequest(method=method, url=url, headers=headers, body=content))
        return self._read(method, answer)

    def _read(self, method: str, answer: WebAnswer) -> object:
        if not 200 <= answer.status < 300:
            meaning = _MEANING.get(answer.status, "it refused")
            raise TokonomicsError(
                f"GitHub answered {answer.status} to {method}: {meaning}; check --repo, --pull-request and the token's"
                " right to write pull requests"
            )
        try:
            return json.loads(answer.body) if answer.body else None
        except (ValueError, RecursionError):
            raise TokonomicsError(f"GitHub's answer to {method} is no JSON; check the address") from None


def token_from(environment: Mapping[str, str]) -> str:
    """The token in GITHUB_TOKEN, else GH_TOKEN. Raises InputError where there is none, or it holds a line break."""
    token = environment.get("GITHUB_TOKEN") or environment.get("GH_TOKEN") or ""
    if not token:
        raise InputError("no token: set GITHUB_TOKEN or GH_TOKEN in the environment, or print only, without --post")
    if not token.isascii() or any(character.isspace() for character in token):
        raise InputError("the token in the environment holds a blank or a letter that no token has; set it again")
    return token


def _comment(row: object) -> Comment:
    if not isinstance(row, dict) or not isinstance(row.get("id"), int):
        raise TokonomicsError("GitHub listed a comment without a number; check the address")
    return Comment(id=row["id"], node=str(row.get("node_id") or ""), body=str(row.get("body") or ""))
