import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.faults.disks import small_disk
from edge_agent.delivery.outbox import OVERHEAD_BYTES, RESERVE_BYTES, UPLOAD, Message, Outbox, OutboxError

WIDE = 10_000_000


def frames(id: str, size: int = 100) -> Message:
    return Message(id, "frames", b"f" * size)


def picture(id: str, size: int = 1_000) -> Message:
    return Message(id, "image", b"p" * size)


def ids(outbox: Outbox) -> list[str]:
    return [message.id for message in outbox.pending(10_000)]


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    box = Outbox(tmp_path / "outbox.sqlite3", WIDE)
    yield box
    box.close()


def test_a_message_is_pending_until_it_is_forgotten_and_the_newest_comes_first(outbox: Outbox) -> None:
    sent = [frames("a"), picture("b"), frames("c")]
    assert all(outbox.put(message) for message in sent)
    assert outbox.pending(10) == sent[::-1]
    assert [message.id for message in outbox.pending(1, skip={"c"})] == ["b"]
    assert outbox.forget(["a", "c", "unknown"]) == 2
    assert ids(outbox) == ["b"]
    assert (outbox.messages, outbox.bytes) == (1, 1_000 + OVERHEAD_BYTES)


def test_an_upload_is_found_without_reading_a_week_of_frames(outbox: Outbox) -> None:
    outbox.put(Message("u", UPLOAD, b"j"))
    for number in range(500):
        outbox.put(frames(str(number)))
    steps: list[None] = []
    outbox._db.set_progress_handler(lambda: steps.append(None), 1)
    assert [message.id for message in outbox.pending(1, uploads=True)] == ["u"]
    assert len(steps) < outbox.messages


def test_messages_and_sizes_are_still_there_when_the_outbox_is_opened_again(tmp_path: Path) -> None:
    first = Outbox(tmp_path / "outbox.sqlite3", WIDE)
    first.put(frames("a"))
    first.put(picture("b"))
    first.close()
    again = Outbox(tmp_path / "outbox.sqlite3", WIDE)
    assert (ids(again), again.messages, again.bytes) == (["b", "a"], first.messages, first.bytes)


def test_a_full_outbox_drops_pictures_first_then_the_oldest_and_counts_them(tmp_path: Path) -> None:
    room = 3 * (1_000 + OVERHEAD_BYTES)
    outbox = Outbox(tmp_path / "outbox.sqlite3", room)
    for message in (frames("old", 1_000), picture("p1"), picture("p2"), frames("f1", 1_000)):
        assert outbox.put(message)
    assert ids(outbox) == ["f1", "p2", "old"]
    assert outbox.put(frames("f2", 1_000))
    assert outbox.put(frames("f3", 1_000))
    assert ids(outbox) == ["f3", "f2", "f1"]
    assert outbox.dropped == 3


def test_a_picture_never_pushes_out_frames(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite3", 2 * (1_000 + OVERHEAD_BYTES))
    outbox.put(frames("f1", 1_000))
    outbox.put(frames("f2", 1_000))
    assert not outbox.put(picture("p"))
    assert (ids(outbox), outbox.dropped) == (["f2", "f1"], 1)


def test_dropped_messages_stay_counted_when_the_outbox_is_opened_again(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite3", 1_500)
    outbox.put(frames("a", 1_000))
    outbox.put(frames("b", 1_000))
    outbox.close()
    assert Outbox(tmp_path / "outbox.sqlite3", 1_500).dropped == 1


operations = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["frames", "image"]), st.integers(0, 1_500)),
        st.tuples(st.just("forget"), st.integers(0, 40)),
    ),
    max_size=40,
)


@given(operations)
def test_never_more_bytes_than_allowed_and_every_message_is_kept_forgotten_or_counted(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    allowed = 4_000
    outbox = Outbox(tmp_path_factory.mktemp("outbox") / "outbox.sqlite3", allowed)
    put, forgotten = 0, 0
    for kind, number in steps:
        if kind == "forget":
            forgotten += outbox.forget([str(number)])
        else:
            outbox.put(Message(str(put), kind, b"x" * number))
            put += 1
        kept = outbox.pending(1_000)
        assert sum(len(message.payload) + OVERHEAD_BYTES for message in kept) == outbox.bytes <= allowed
        assert len(kept) == outbox.messages == put - forgotten - outbox.dropped
    outbox.close()


WRITER = """
import sys
from pathlib import Path
from edge_agent.delivery.outbox import Message, Outbox
outbox = Outbox(Path(sys.argv[1]), 10_000_000)
for number in range(1_000_000):
    if outbox.put(Message(str(number), "frames", b"x" * 200)):
        print(number, flush=True)
"""


def test_kill_9_loses_nothing_that_was_accepted(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite3"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
    assert writer.stdout
    accepted = [writer.stdout.readline() for _ in range(20)]
    time.sleep(0.2)
    writer.kill()
    accepted += writer.stdout.readlines()
    writer.wait()
    said = {line.decode().strip() for line in accepted if line.endswith(b"\n")}
    assert len(said) >= 20
    assert said <= set(ids(Outbox(path, WIDE)))


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """No file of this process may grow beyond what the largest one in the folder has."""
    largest = max(path.stat().st_size for path in folder.iterdir() if path.suffix != ".reserve")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_loses_only_messages_that_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite3", WIDE)
    accepted = [str(number) for number in range(5) if outbox.put(frames(str(number), 5_000))]
    with full_disk(tmp_path):
        taken = [str(number) for number in range(5, 50) if outbox.put(frames(str(number), 5_000))]
    lost = 45 - len(taken)
    assert lost > 0
    assert outbox.dropped == lost
    assert caplog.text.count("the outbox loses messages") == 1
    assert outbox.put(frames("afterwards"))
    assert set(ids(outbox)) == {*accepted, *taken, "afterwards"}
    outbox.close()
    assert Outbox(tmp_path / "outbox.sqlite3", WIDE).dropped == lost


def test_a_full_disk_can_be_emptied_again(tmp_path: Path) -> None:
    """Even deleting takes room, and nothing else may ever make any."""
    with small_disk(tmp_path / "disk", 2 * RESERVE_BYTES) as disk:
        if not disk.is_mount():
            pytest.skip("only root may mount a disk of its own")
        outbox = Outbox(disk / "outbox.sqlite3", 10 * RESERVE_BYTES)
        for round in range(3):
            taken = [id for number in range(1_500) if outbox.put(frames(id := f"{round} {number}", 5_000))]
            assert 300 < len(taken) < 1_500
            assert set(ids(outbox)) == set(taken)
            assert outbox.forget(taken) == len(taken)
            assert (outbox.messages, ids(outbox)) == (0, [])
        outbox.close()


def test_a_damaged_file_is_renamed_and_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "outbox.sqlite3"
    path.write_bytes(b"this is no database, " * 500)
    outbox = Outbox(path, WIDE)
    assert outbox.put(frames("a"))
    assert (tmp_path / "outbox.sqlite3.broken").exists()
    assert "is damaged" in caplog.text


def test_an_unwritable_folder_is_reported_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutboxError, match="cannot be opened"):
        Outbox(tmp_path / "file" / "outbox.sqlite3", WIDE)


def test_the_file_is_durable(outbox: Outbox, tmp_path: Path) -> None:
    assert outbox._db.execute("PRAGMA synchronous").fetchone() == (2,)
    with sqlite3.connect(tmp_path / "outbox.sqlite3") as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
