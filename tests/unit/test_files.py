"""Text files of strangers: what is read, and what is refused in a sentence."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tokonomics.errors import InputError
from tokonomics.files import bounded_text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=40) | st.text(max_size=20).map(str.encode), most_bytes=st.integers(0, 40))
def test_a_file_is_its_text_or_a_reason(tmp_path, content, most_bytes):
    path = tmp_path / "any"
    path.write_bytes(content)
    try:
        text = bounded_text(path, most_bytes=most_bytes, advice="split it")
    except InputError as error:
        [said] = error.violations
        if len(content) > most_bytes:
            assert said == f"{path} is larger than {most_bytes} bytes; split it"
        else:
            with pytest.raises(UnicodeDecodeError):
                content.decode("utf-8-sig")
            assert "not UTF-8 at byte" in said
    else:
        assert len(content) <= most_bytes
        assert text == path.read_text(encoding="utf-8-sig")


def test_a_mark_of_byte_order_is_no_text_and_lines_end_alike(tmp_path):
    path = tmp_path / "bom"
    path.write_bytes(b"\xef\xbb\xbfa,b\r\n1,2\r3,4\n")
    assert bounded_text(path, most_bytes=99, advice="") == "a,b\n1,2\n3,4\n"


def test_the_limit_is_written_for_people(tmp_path):
    path = tmp_path / "long"
    path.write_text("x" * 5000)
    with pytest.raises(InputError, match="larger than 4,096 bytes; sum it up"):
        bounded_text(path, most_bytes=4096, advice="sum it up")


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()], ids=["missing", "folder"])
def test_what_cannot_be_read_is_said(tmp_path, make):
    path = tmp_path / "no"
    make(path)
    with pytest.raises(InputError, match="cannot read .*; check the path"):
        bounded_text(path, most_bytes=9, advice="")


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs an endless file")
def test_an_endless_file_is_not_read_to_its_end():
    with pytest.raises(InputError, match="larger than 100 bytes"):
        bounded_text(Path("/dev/zero"), most_bytes=100, advice="")
