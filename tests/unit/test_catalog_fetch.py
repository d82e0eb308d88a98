"""The door to the network: bounded, https only, and every failure is advice."""

import urllib.error
import urllib.request
from email.message import Message
from io import BytesIO
from typing import Any

import pytest

from tokonomics.catalog.fetch import read_bounded, web_fetch
from tokonomics.errors import InputError, TokonomicsError

URL = "https://example.org/prices.csv"


def answer(monkeypatch: pytest.MonkeyPatch, result: bytes | Exception) -> list[float]:
    waits: list[float] = []

    def urlopen(request: urllib.request.Request, timeout: float) -> Any:
        waits.append(timeout)
        if isinstance(result, Exception):
            raise result
        return BytesIO(result)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return waits


def test_reads_all_with_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = answer(monkeypatch, b"x" * 200_000)
    assert web_fetch(timeout_s=3)(URL) == b"x" * 200_000
    assert waits == [3]


def test_stops_as_soon_as_the_limit_is_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, b"x" * 1001)
    with pytest.raises(TokonomicsError, match="more than 1000 bytes"):
        web_fetch(max_bytes=1000)(URL)


def test_does_not_read_on_after_the_limit() -> None:
    blocks = iter([b"x" * 10, b"x" * 10, b"never read"])
    with pytest.raises(TokonomicsError):
        read_bounded(lambda _: next(blocks), url=URL, max_bytes=15)
    assert next(blocks) == b"never read"


@pytest.mark.parametrize("url", ["http://example.org/x", "file:///etc/passwd", "ftp://example.org", "example.org"])
def test_only_https(url: str) -> None:
    with pytest.raises(InputError, match="https"):
        web_fetch()(url)


@pytest.mark.parametrize(
    "failure",
    [
        urllib.error.URLError("no route to host"),
        urllib.error.HTTPError(URL, 404, "Not Found", Message(), None),
        TimeoutError("timed out"),
        ConnectionResetError("reset"),
    ],
)
def test_a_failure_says_how_to_go_on_without_the_network(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    answer(monkeypatch, failure)
    with pytest.raises(TokonomicsError, match=f"cannot read {URL} .*--from DIR") as caught:
        web_fetch()(URL)
    assert caught.value.exit_code == 1
