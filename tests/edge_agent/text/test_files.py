"""Texts are read as the programs of any machine write them."""

import codecs
from pathlib import Path

import pytest

from edge_agent.text.files import lines_of, read_text

TEXT = "name = 'Café'\n"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
    ],
)
def test_a_byte_order_mark_tells_the_encoding(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    assert read_text(tmp_path / "a.txt") == TEXT
    assert list(lines_of(tmp_path / "a.txt")) == [TEXT.strip()]


def test_another_encoding_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(TEXT.encode("latin-1"))
    with pytest.raises(ValueError, match=r"^byte 12 is not UTF-8; save the file as UTF-8$"):
        read_text(tmp_path / "a.txt")


def test_a_line_in_another_encoding_is_one_error_among_the_lines(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\r\n" + "é".encode("latin-1") + b"\nthree")
    one, two, three = lines_of(tmp_path / "a.txt")
    assert (one, three) == ("one", "three")
    assert isinstance(two, ValueError)
