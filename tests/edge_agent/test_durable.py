"""Files that are written whole or not at all."""

import stat
from pathlib import Path

import pytest

from edge_agent.durable import replace_file


def test_a_file_gets_the_new_content_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "settings"
    file.write_bytes(b"former")
    replace_file(file, b"new")
    assert file.read_bytes() == b"new"
    assert [*tmp_path.iterdir()] == [file]


def test_what_a_power_cut_left_unfinished_does_not_matter(tmp_path: Path) -> None:
    file = tmp_path / "settings"
    (tmp_path / "settings.new").write_bytes(b"unfinished and longer")
    replace_file(file, b"new")
    assert file.read_bytes() == b"new"
    assert [*tmp_path.iterdir()] == [file]


def test_a_private_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    (tmp_path / "agent.toml.new").touch(0o666)
    replace_file(file, b"token", is_private=True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_former_content_stays_where_the_new_one_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "settings"
    file.write_bytes(b"former")
    (tmp_path / "settings.new").mkdir()
    with pytest.raises(OSError, match=r"settings\.new"):
        replace_file(file, b"new")
    assert file.read_bytes() == b"former"
