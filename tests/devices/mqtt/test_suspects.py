"""A message that ends the ingester is found, and is quarantined alone."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from analytics.models import Frame
from devices.models import Device, QuarantinedMessage, Reason
from devices.mqtt import ingester
from devices.mqtt.assignments import all_messages, group_member
from devices.mqtt.broker import Subscription, Unacknowledged
from devices.mqtt.suspects import MOST_ENDS, SLOW_AFTER_S, Suspects
from devices.reading import deeplens, identity
from devices.reading.decoding import Arrival
from tests import clock
from tests.world import places

TOPIC = f"$aws/things/{places.SEATTLE01}/infer"


class Ended(BaseException):
    """The process ends here."""


def arrival(number: int) -> Arrival:
    return Arrival(TOPIC, b'{"face": 0.%d, "unix_time": %d}' % (number, clock.epoch_ms() - number), clock.now())


def test_a_message_at_which_the_process_ends_again_and_again_is_the_culprit(tmp_path: Path) -> None:
    arrivals = [arrival(number) for number in range(1, 9)]
    ends = 0
    for _ in range(10):
        suspects = Suspects(tmp_path, "ingest")
        try:
            if not suspects.one_at_a_time:
                with suspects.reading(arrivals):
                    os.link(suspects._file, tmp_path / "kept")
                    raise Ended
            for each in arrivals:
                if suspects.is_culprit(each):
                    continue
                with suspects.reading([each]):
                    if each is arrivals[5]:
                        os.link(suspects._file, tmp_path / "kept")
                        raise Ended
        except Ended:
            ends += 1
            (tmp_path / "kept").rename(suspects._file)
        else:
            break
    assert ends == 1 + MOST_ENDS
    assert [suspects.is_culprit(each) for each in arrivals] == [number == 5 for number in range(8)]


def test_after_a_clean_end_nothing_is_suspected(tmp_path: Path) -> None:
    with Suspects(tmp_path, "ingest").reading([arrival(1)]):
        pass
    assert (Suspects(tmp_path, "ingest").one_at_a_time, list(tmp_path.iterdir())) == (0, [])


def test_without_a_folder_to_write_to_messages_are_read_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    suspects = Suspects(tmp_path / "file", "ingest")
    with suspects.reading([arrival(1)]):
        pass
    assert "a message that ends the ingester is not found" in caplog.text


def test_an_error_is_no_end(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="odd"), Suspects(tmp_path, "ingest").reading([arrival(1)]):
        raise ValueError("odd")
    assert Suspects(tmp_path, "ingest").one_at_a_time == 0


def test_what_a_process_reads_that_still_runs_is_not_suspected(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as running:
        suspects = Suspects(tmp_path, "ingest")
        with suspects.reading([arrival(1)]):
            suspects._file.rename(tmp_path / f"ingest.{running.pid}.json")
            assert Suspects(tmp_path, "ingest").one_at_a_time == 0


def test_members_of_a_group_keep_their_name_over_a_restart() -> None:
    first, second = (group_member("ingest", "one/two".replace("/", "-")) for _ in range(2))
    assert first.client_id != second.client_id
    assert first.lasting_name == second.lasting_name == "ingest-one-two"
    assert all_messages("a/b").lasting_name == "a%2Fb"


def test_one_message_that_is_read_for_too_long_is_a_stall(tmp_path: Path) -> None:
    seconds = [0.0]
    suspects = Suspects(tmp_path, "ingest", monotonic=lambda: seconds[0])
    suspects.one_at_a_time = suspects._found = 2
    with suspects.reading([arrival(1)]):
        assert suspects.stalled() is None
        seconds[0] += SLOW_AFTER_S + 1
        assert suspects.stalled() == "One message has been read for 21 s."
    assert suspects.stalled() is None


@pytest.mark.django_db(transaction=True)
def test_the_culprit_alone_is_quarantined_unread_and_its_batch_is_counted(
    seattle01: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrivals = [arrival(number) for number in range(1, 9)]
    suspects = Suspects(tmp_path, "ingest")
    suspects.one_at_a_time = suspects._found = len(arrivals)
    suspects._ends[identity.content_hash(arrivals[5])] = MOST_ENDS
    read = deeplens.read

    def deadly(payload: bytes, *args: Any, **more: Any) -> Any:
        assert payload != arrivals[5].payload, "the culprit was read"
        return read(payload, *args, **more)

    monkeypatch.setattr(deeplens, "read", deadly)
    subscription = Subscription("mqtt://127.0.0.1:1", all_messages("ingest"), first_sequence=1, clock=clock.now)
    for number, each in enumerate(arrivals):
        subscription._waiting.put(Unacknowledged(each, number + 1, 1, 0))
    loop = ingester.Ingester(subscription, threading.Event(), suspects=suspects)
    assert loop.step() == len(arrivals)
    assert Frame.objects.count() == len(arrivals) - 1
    message = QuarantinedMessage.objects.get()
    assert (message.reason, bytes(message.payload)) == (Reason.REFUSED, arrivals[5].payload)
    assert message.detail == "Reading the message ended the ingester several times."
