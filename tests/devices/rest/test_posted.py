"""The payloads of a request are found as they were sent."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.rest.posted import payloads_in

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("payload"), inner),
)


@given(st.lists(st.tuples(values, values)), st.sampled_from([None, 0, 2]), st.booleans())
def test_each_payload_is_found_as_it_was_written(sent: list[tuple[Any, Any]], indent: int | None, ascii: bool) -> None:
    body = json.dumps([{"kind": kind, "payload": payload} for kind, payload in sent], indent=indent, ensure_ascii=ascii)
    found = payloads_in(body)
    assert [json.loads(payload) for payload in found] == [payload for _, payload in sent]
    assert all(payload in body for payload in found)


def test_repeated_keys_stay_repeated() -> None:
    assert payloads_in('[{"payload": {"1": 0.5, "1": 0.25}}]') == ['{"1": 0.5, "1": 0.25}']


@pytest.mark.parametrize("body", ["", "{}", "[3]", "[{}]", '[{"payload": 1', "["])
def test_another_body_is_refused(body: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        payloads_in(body)
