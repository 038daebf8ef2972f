"""The messages of a request are found as they were sent, and no body takes long."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.rest.posted import MOST_MESSAGES, NotMessages, TooMany, messages_in

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("payload"), inner),
    max_leaves=8,
)


@given(st.lists(st.tuples(values, values)), st.sampled_from([None, 0, 2]), st.booleans())
def test_each_payload_is_found_as_it_was_written(sent: list[tuple[Any, Any]], indent: int | None, ascii: bool) -> None:
    body = json.dumps([{"kind": kind, "payload": payload} for kind, payload in sent], indent=indent, ensure_ascii=ascii)
    found = [message.payload or b"" for message in messages_in(body.encode())]
    assert [json.loads(payload) for payload in found] == [payload for _, payload in sent]
    assert all(payload in body.encode() for payload in found)


def test_repeated_keys_stay_repeated() -> None:
    (message,) = messages_in(b'[{"payload": {"1": 0.5, "1": 0.25}}]')
    assert message.payload == b'{"1": 0.5, "1": 0.25}'


@pytest.mark.parametrize(
    "payload",
    [b'"half \\ud83d"', b"9" * 5_000, b"NaN", b'"\xff"', b"[" * 300 + b"]" * 300, b'{"text": "} ], \\" {"}', b"tru"],
)
def test_a_payload_that_cannot_be_decoded_is_found_too_and_harms_no_other(payload: bytes) -> None:
    body = b'[{"kind": "log", "payload": %b}, {"kind": "frames", "payload": 1}]' % payload
    assert [(message.kind, message.payload) for message in messages_in(body)] == [("log", payload), ("frames", b"1")]


def test_a_kind_that_is_no_text_is_none() -> None:
    kinds = [b'{"kind": 3}', b'{"kind": "\\ud800"}', b"{}", b'{"kind": "log"}']
    assert [message.kind for message in messages_in(b"[%b]" % b",".join(kinds))] == [None, None, None, "log"]


@given(st.lists(values), st.sampled_from([None, 2]))
def test_an_item_of_any_type_harms_no_other(sent: list[Any], indent: int | None) -> None:
    body = json.dumps([*sent, {"kind": "log", "payload": 1}], indent=indent)
    *others, last = messages_in(body.encode())
    assert [each.is_object for each in others] == [isinstance(each, dict) for each in sent]
    assert (last.kind, last.payload) == ("log", b"1")


@pytest.mark.parametrize("item", [b"{} {}", b'{} "a"', b"{} 3", b"tru", b"\xff", b'{"kind": "log"]', b'"a" {}'])
def test_an_item_that_is_not_json_is_no_object(item: bytes) -> None:
    found = messages_in(b'[%b, {"kind": "log"}]' % item)
    assert [(each.is_object, each.kind) for each in found] == [(False, None), (True, "log")]


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{}", b'[{"payload": 1', b"[", b"[] []", b"[{}] x", b"x [{}]", b"null", b'"', b"\xff", b"]", b"[}"),
        *(b"[{},]", b"[,{}]", b"[,]", b"[{},,{}]", b"[] ,", b"[]]", b"{}[]"),
    ],
)
def test_another_body_is_refused(body: bytes) -> None:
    with pytest.raises(NotMessages):
        messages_in(body)


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"{}," * MOST_MESSAGES + b"{}]",
        b'[{"payload":' + b"[" * 4_000_000,
        b'"' + b'\\"' * 4_000_000,
        b'["' * 4_000_000,
        b'[{"' * 2_000_000,
        b"[" * 8_000_000,
        b" " * 8_000_000,
        b"[" + b"{}" * 200_000,
    ],
    ids=[
        *("many messages", "deep", "an open text", "many texts", "many objects", "many lists", "nothing"),
        "no commas",
    ],
)
def test_no_body_takes_long(body: bytes) -> None:
    began = time.process_time()
    with pytest.raises((NotMessages, TooMany)):
        messages_in(body)
    assert time.process_time() - began < 3
