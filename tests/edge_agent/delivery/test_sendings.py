"""When a message without a receipt is sent again. Times are seconds that the tests choose."""

import itertools

from edge_agent.delivery.sendings import (
    FIRST_RETRY,
    LEAST_WINDOW,
    LONGEST_RETRY,
    QUICK,
    QUIET_SECONDS,
    SLOW,
    WINDOW,
    Sendings,
)


def test_a_message_waits_longer_each_time_it_is_sent_in_vain() -> None:
    sendings, now, waits = Sendings(chance=lambda: 0), 0.0, []
    for _ in range(6):
        sendings.sent("a", now)
        wait = next(seconds for seconds in range(1, 1_000) if "a" not in sendings.not_due(now + seconds))
        waits.append(wait)
        now += wait
    assert waits == [30, 60, 120, 240, 300, 300]
    assert (FIRST_RETRY, LONGEST_RETRY) == (30, 300)


def test_the_cameras_of_an_outage_do_not_all_send_again_at_once() -> None:
    fleet = [Sendings() for _ in range(200)]
    for sendings in fleet:
        sendings.sent("a", 0)
    due = [sum("a" not in sendings.not_due(now) for sendings in fleet) for now in range(28, 47)]
    assert due[0] == 0
    assert due[-1] == len(fleet)
    assert max(later - earlier for earlier, later in itertools.pairwise(due)) < len(fleet) / 4


def test_a_busy_platform_that_confirms_late_is_not_sent_the_same_again() -> None:
    sendings = Sendings(chance=lambda: 0)
    for second in range(600):
        sendings.sent(str(second), second)
        if second >= 200:
            sendings.confirmed((str(second - 200),), second)
        if second >= 230:
            assert len(sendings.not_due(second)) == 200
            assert sendings.room(second) == 0


def test_a_message_that_later_ones_have_overtaken_is_sent_again() -> None:
    sendings = Sendings(chance=lambda: 0)
    sendings.sent("lost", 0)
    for second in range(1, 30):
        sendings.sent(str(second), second)
        sendings.confirmed((str(second),), second)
        assert "lost" in sendings.not_due(second)
    sendings.sent("30", 30)
    sendings.confirmed(("30",), 30)
    assert "lost" not in sendings.not_due(30)


def test_the_late_receipt_of_a_repeated_message_hides_no_loss_and_makes_none() -> None:
    sendings = Sendings(chance=lambda: 0)
    sendings.sent("a", 0)
    sendings.sent("b", 2)
    sendings.sent("a", 31)
    sendings.confirmed(("a",), 31.5)
    assert "b" in sendings.not_due(31.5), "the receipt is that of the first sending, which was before b"


def test_quick_receipts_let_more_messages_wait_at_once_and_slow_ones_fewer() -> None:
    sendings, sent, rooms = Sendings(), 0, []
    for now in range(12):
        room = sendings.room(now)
        rooms.append(room)
        ids = [str(sent + number) for number in range(room)]
        for id in ids:
            sendings.sent(id, now)
        sendings.confirmed(ids, now + QUICK / 2)
        sent += room
    assert rooms[:4] == [LEAST_WINDOW, LEAST_WINDOW * 2, LEAST_WINDOW * 4, LEAST_WINDOW * 8]
    assert max(rooms) == WINDOW
    for number in range(10):
        sendings.sent(f"slow {number}", 100)
        sendings.confirmed((f"slow {number}",), 100 + SLOW + 1)
    assert sendings.room(200) == LEAST_WINDOW


def test_only_so_many_wait_for_receipts_at_once() -> None:
    sendings = Sendings()
    for number in range(LEAST_WINDOW):
        assert sendings.room(0) == LEAST_WINDOW - number
        sendings.sent(str(number), 0)
    assert sendings.room(0) == 0
    sendings.confirmed(("0", "1"), SLOW)
    assert sendings.room(SLOW) == 2
    sendings.undelivered("2", SLOW)
    assert sendings.room(SLOW + QUIET_SECONDS - 0.1) == 0
    assert sendings.room(SLOW + QUIET_SECONDS) == 3
    sendings.connected()
    assert sendings.room(SLOW) == LEAST_WINDOW
