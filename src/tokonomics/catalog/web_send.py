"""The other half of the one door to the network: send a request, with a time limit and a size limit, to https only.

A redirect is not followed: it would carry the caller's credentials to another host.
"""

import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from tokonomics.catalog.fetch import read_bounded
from tokonomics.errors import InputError, TokonomicsError

MAX_ANSWER_BYTES: Final = 16_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class WebRequest:
    """A request; `headers` may hold credentials, and are therefore never shown."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WebAnswer:
    """What came back, whatever the status."""

    status: int
    body: bytes


Send = Callable[[WebRequest], WebAnswer]
"""Sends a request; TokonomicsError where no answer can be had."""


def web_send(*, timeout_s: float = 30.0, max_bytes: int = MAX_ANSWER_BYTES) -> Send:
    """A sender that waits `timeout_s` for each block and refuses answers of more than `max_bytes`."""
    opener = urllib.request.build_opener(_NoRedirect)

    def send(request: WebRequest) -> WebAnswer:
        if not request.url.startswith("https://"):
            raise InputError(f"address {_place(request.url)}; limit=https; give an https address")
        sent = urllib.request.Request(  # noqa: S310 - https only
            request.url, data=request.body, headers=dict(request.headers), method=request.method
        )
        try:
            with opener.open(sent, timeout=timeout_s) as answer:
                body = read_bounded(answer.read, url=_place(request.url), max_bytes=max_bytes)
                return WebAnswer(status=answer.status, body=body)
        except urllib.error.HTTPError as error:
            with error:
                body = read_bounded(error.read, url=_place(request.url), max_bytes=max_bytes)
                return WebAnswer(status=error.code, body=body)
        except (urllib.error.URLError, OSError, TimeoutError, ValueError) as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            raise TokonomicsError(f"cannot reach {_place(request.url)} ({reason}); check the network") from None

    return send


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Follow nothing: the status of the redirect is the answer."""


def _place(url: str) -> str:
    """Scheme and host of an address, without what else it may carry."""
    return f"{urlsplit(url).scheme}://{urlsplit(url).hostname or '?'}"
