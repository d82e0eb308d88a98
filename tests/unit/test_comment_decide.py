"""What is done with the comments that are there, and how it is asked of GitHub."""

import json

import pytest

from tokonomics.catalog.web_send import WebAnswer, WebRequest, web_send
from tokonomics.errors import InputError, TokonomicsError
from tokonomics.report.comment import MAX_COMMENT_CHARACTERS, Action, Comment, decide, tag_line, tagged
from tokonomics.report.github import GitHub, PullRequest, token_from

TOKEN = "ghp_secret123"


def comment(number, text, tag="cost"):
    return Comment(id=number, node=f"node{number}", body=tagged(text, tag))


STRANGER = Comment(id=9, node="node9", body="I quote <!-- tokonomics:cost --> here")
OURS = [comment(1, "one"), STRANGER, comment(2, "two"), comment(3, "other", tag="latency")]


def kinds(actions):
    return [(one.kind, one.target.id if one.target else None) for one in actions]


class TestDecide:
    def test_update_rewrites_the_latest_of_ours(self):
        (action,) = decide("update", OURS, "new", tag="cost")
        assert kinds([action]) == [("update", 2)]
        assert action.body == tagged("new", "cost")

    def test_update_writes_the_first(self):
        assert kinds(decide("update", [STRANGER], "new", tag="cost")) == [("create", None)]

    def test_update_leaves_what_says_the_same(self):
        same = Comment(id=4, node="n", body=tagged("new\ntext", "cost").replace("\n", "\r\n"))
        assert decide("update", [same], "new\ntext", tag="cost") == ()

    def test_new_always_adds(self):
        assert kinds(decide("new", OURS, "new", tag="cost")) == [("create", None)]

    @pytest.mark.parametrize("kind", ["hide", "delete"])
    def test_ours_are_put_away_after_the_new_one_stands(self, kind):
        found = kinds(decide(f"{kind}-and-new", OURS, "new", tag="cost"))
        assert found == [("create", None), (kind, 1), (kind, 2)]

    @pytest.mark.parametrize(
        ("behaviour", "expected"),
        [
            ("update", [("update", 2)]),
            ("new", []),
            ("hide-and-new", [("hide", 1), ("hide", 2)]),
            ("delete-and-new", [("delete", 1), ("delete", 2)]),
        ],
    )
    def test_with_nothing_to_say_nothing_is_added(self, behaviour, expected):
        assert kinds(decide(behaviour, OURS, "new", tag="cost", is_quiet=True)) == expected
        assert kinds(decide(behaviour, [STRANGER], "new", tag="cost", is_quiet=True)) == []

    @pytest.mark.parametrize("tag", ["", "a--b", "-->", "a b", "a\nb", "<b>", "-a", "a-", "x" * 101, "é"])
    def test_a_tag_cannot_end_its_comment(self, tag):
        with pytest.raises(InputError, match="tag="):
            tag_line(tag)

    def test_a_long_text_is_cut_and_says_so(self):
        body = tagged("x" * 100_000, "cost")
        assert len(body) == MAX_COMMENT_CHARACTERS
        assert body.startswith(tag_line("cost"))
        assert body.rstrip().endswith("(cut here: longer than a comment may be)")


class Server:
    """A GitHub that remembers what it was asked."""

    def __init__(self, *, num_comments=0, status=200, graph=None):
        self.asked: list[WebRequest] = []
        self.num_comments, self.status, self.graph = num_comments, status, graph or {"data": {}}

    def __call__(self, request: WebRequest) -> WebAnswer:
        self.asked.append(request)
        if self.status != 200:
            return WebAnswer(status=self.status, body=b'{"message": "no"}')
        if request.url.endswith("graphql"):
            return WebAnswer(status=200, body=json.dumps(self.graph).encode())
        if request.method == "GET":
            return WebAnswer(status=200, body=json.dumps(self._page(request.url)).encode())
        return WebAnswer(
            status=204 if request.method == "DELETE" else 201, body=b"" if request.method == "DELETE" else b"{}"
        )

    def _page(self, url):
        page = int(url.rpartition("page=")[2])
        numbers = range(self.num_comments)[(page - 1) * 100 : page * 100]
        return [
            {"id": number, "node_id": f"n{number}", "body": None if number else "x", "user": {}} for number in numbers
        ]


def github(server):
    return GitHub(place=PullRequest(repository="owner/name", number=7), send=server, token=TOKEN)


class TestGitHub:
    @pytest.mark.parametrize(("num_comments", "num_pages"), [(0, 1), (99, 1), (100, 2), (250, 3)])
    def test_all_pages_are_read(self, num_comments, num_pages):
        server = Server(num_comments=num_comments)
        found = github(server).comments()
        assert [one.id for one in found] == list(range(num_comments))
        assert len(server.asked) == num_pages
        assert server.asked[0].url.startswith(
            "https://api.github.com/repos/owner/name/issues/7/comments?per_page=100&page=1"
        )

    def test_too_many_comments_end(self):
        with pytest.raises(TokonomicsError, match="more than 5000 comments"):
            github(Server(num_comments=10_000)).comments()

    def test_each_action_is_one_call(self):
        server, target = Server(), comment(5, "x")
        actions = [
            Action(kind="create", body="b"),
            Action(kind="update", target=target, body="c"),
            Action(kind="delete", target=target),
            Action(kind="hide", target=target),
        ]
        github(server).carry_out(actions)
        called = [(one.method, one.url.removeprefix("https://api.github.com")) for one in server.asked]
        assert called == [
            ("POST", "/repos/owner/name/issues/7/comments"),
            ("PATCH", "/repos/owner/name/issues/comments/5"),
            ("DELETE", "/repos/owner/name/issues/comments/5"),
            ("POST", "/graphql"),
        ]
        assert json.loads(server.asked[1].body) == {"body": "c"}
        assert json.loads(server.asked[3].body)["variables"] == {"id": "node5"}
        assert "OUTDATED" in json.loads(server.asked[3].body)["query"]

    def test_the_token_is_in_the_header_and_in_no_text(self):
        server = Server()
        here = github(server)
        here.comments()
        assert server.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"
        assert TOKEN not in repr(here) + repr(server.asked[0])

    @pytest.mark.parametrize("status", [301, 401, 403, 404, 422, 500])
    def test_a_refusal_is_a_sentence_without_the_token(self, status):
        with pytest.raises(TokonomicsError, match=f"GitHub answered {status} to GET") as found:
            github(Server(status=status)).comments()
        assert TOKEN not in str(found.value)

    def test_the_graph_refuses_with_200(self):
        server = Server(graph={"errors": [{"message": "no"}]})
        with pytest.raises(TokonomicsError, match="did not hide comment 5"):
            github(server).carry_out([Action(kind="hide", target=comment(5, "x"))])

    @pytest.mark.parametrize("body", [b"<html>", b'{"a": 1}', b'[{"id": "x"}]', b"[1]"])
    def test_answers_that_are_no_list_of_comments(self, body):
        with pytest.raises(TokonomicsError):
            github(lambda request: WebAnswer(status=200, body=body)).comments()

    @pytest.mark.parametrize("name", ["", "a", "a/b/c", "../x", "a/..", "a b/c", "a/b?x", "-a/b", "a/b#c"])
    def test_a_repository_is_a_name_and_no_path(self, name):
        with pytest.raises(InputError, match="repo="):
            PullRequest(repository=name, number=1)

    def test_all_that_is_wrong_at_once(self):
        with pytest.raises(InputError) as found:
            PullRequest(repository="x", number=0, api="http://a", graph="http://b")
        assert len(found.value.violations) == 4

    def test_where_the_token_comes_from(self):
        assert token_from({"GITHUB_TOKEN": "a", "GH_TOKEN": "b"}) == "a"
        assert token_from({"GITHUB_TOKEN": "", "GH_TOKEN": "b"}) == "b"
        for environment in ({}, {"GITHUB_TOKEN": "a\nb"}, {"GH_TOKEN": "ü"}):
            with pytest.raises(InputError) as found:
                token_from(environment)
            assert "ü" not in str(found.value)


class TestSending:
    def test_only_https(self):
        with pytest.raises(InputError, match="limit=https"):
            web_send()(WebRequest(method="GET", url="http://example.org/?token=secret"))

    def test_no_answer_is_a_sentence_without_the_address(self):
        with pytest.raises(TokonomicsError, match=r"cannot reach https://127\.0\.0\.1 ") as found:
            web_send(timeout_s=2.0)(WebRequest(method="GET", url="https://127.0.0.1:9/secret", headers={"A": "b"}))
        assert "secret" not in str(found.value)

    def test_a_refusal_is_an_answer_and_a_redirect_is_not_followed(self, monkeypatch):
        import io
        import urllib.error
        import urllib.request
        from email.message import Message

        seen = []

        def opened(self, request, data=None, timeout=None):
            seen.append([type(one).__name__ for one in self.handlers])
            raise urllib.error.HTTPError(request.full_url, 302, "moved", Message(), io.BytesIO(b"there"))

        monkeypatch.setattr(urllib.request.OpenerDirector, "open", opened)
        answer = web_send()(WebRequest(method="POST", url="https://example.org/x", body=b"{}"))
        assert answer == WebAnswer(status=302, body=b"there")
        assert "HTTPRedirectHandler" not in seen[0]
        assert "_NoRedirect" in seen[0]
