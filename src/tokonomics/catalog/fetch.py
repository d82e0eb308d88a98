"""The one door to the network: read a web address, with a time limit and a size limit."""

import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Final

from tokonomics.errors import InputError, TokonomicsError

Fetch = Callable[[str], bytes]
"""Reads an address; TokonomicsError when it cannot be had."""

MAX_FETCH_BYTES: Final = 64_000_000
_BLOCK_BYTES: Final = 1 << 16


def web_fetch(*, timeout_s: float = 30.0, max_bytes: int = MAX_FETCH_BYTES) -> Fetch:
    """A reader of https addresses that waits `timeout_s` for each block and refuses more than `max_bytes`."""

    def fetch(url: str) -> bytes:
        if not url.startswith("https://"):
            raise InputError(f"address {url!r}; limit=https; give an https address")
        request = urllib.request.Request(url, headers={"User-Agent": "tokonomics catalog update"})  # noqa: S310 - https only
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310 - https only
                return read_bounded(answer.read, url=url, max_bytes=max_bytes)
        except (urllib.error.URLError, OSError, TimeoutError) as error:
            reason = getattr(error, "reason", None) or error
            raise TokonomicsError(
                f"cannot read {url} ({reason}); check the network, or update from a folder with --from DIR"
            ) from None

    return fetch


def read_bounded(read: Callable[[int], bytes], *, url: str, max_bytes: int) -> bytes:
    """All that `read` gives, block by block; TokonomicsError as soon as it is more than `max_bytes`."""
    blocks: list[bytes] = []
    num_bytes = 0
    while block := read(_BLOCK_BYTES):
        num_bytes += len(block)
        if num_bytes > max_bytes:
            raise TokonomicsError(f"{url} holds more than {max_bytes} bytes; it is not the file that was expected")
        blocks.append(block)
    return b"".join(blocks)
