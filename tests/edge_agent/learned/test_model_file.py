"""The file of a model: what was written is read, and whatever else it is, it is refused."""

import hashlib
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.learned.gesture_model import GestureModel
from edge_agent.learned.model_file import DIGEST_BYTES, MAGIC, MAX_BYTES, BadModelFile, read, write

ARRAYS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([1, 2], np.int32)}


def content(**changes: object) -> bytes:
    values = {"kind": "gesture", "name": "ok 1", "labels": ("ok",), "threshold": 0.5, "arrays": ARRAYS} | changes
    return write(**values)  # type: ignore[arg-type]


def sealed(body: bytes) -> bytes:
    return body + hashlib.sha256(body).digest()


def test_what_was_written_is_read() -> None:
    file = read(content(silent=("none",)))
    assert (file.header.labels, file.header.silent, file.header.threshold) == (("ok",), ("none",), 0.5)
    assert file.arrays["a"].tolist() == ARRAYS["a"].tolist()
    assert content() == content()


@given(place=st.integers(0, len(content()) - 1), bit=st.integers(0, 7))
def test_a_file_with_one_changed_bit_is_refused(place: int, bit: int) -> None:
    changed = bytearray(content())
    changed[place] ^= 1 << bit
    with pytest.raises(BadModelFile):
        read(bytes(changed))


@given(length=st.integers(0, len(content()) - 1))
def test_a_file_that_was_cut_off_is_refused(length: int) -> None:
    with pytest.raises(BadModelFile):
        read(content()[:length])


@given(body=st.binary(max_size=300))
def test_whatever_stands_in_a_sealed_file_is_refused_or_read(body: bytes) -> None:
    with pytest.raises(BadModelFile):
        read(sealed(MAGIC + body))


def test_a_pickle_is_no_model() -> None:
    with pytest.raises(BadModelFile, match="no model of Headcount"):
        read(pickle.dumps(ARRAYS))


def test_a_file_that_is_too_large_is_refused_before_it_is_looked_at() -> None:
    with pytest.raises(BadModelFile, match="at most"):
        read(bytes(MAX_BYTES + 1))


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (b'{"kind":"virus","name":"x","labels":["a"],"threshold":0.5,"arrays":[]}', "kind"),
        (b'{"kind":"gesture","name":"x","labels":[],"threshold":0.5,"arrays":[]}', "labels"),
        (b'{"kind":"gesture","name":"x","labels":["a","a"],"threshold":0.5,"arrays":[]}', "two labels"),
        (b'{"kind":"gesture","name":"x","labels":["a"],"threshold":7,"arrays":[]}', "threshold"),
        (
            b'{"kind":"gesture","name":"x","labels":["a"],"threshold":0.5,"arrays":[{"name":"a","type":"f4","shape":[16777216,16777216]}]}',
            "longer than the file",
        ),
        (
            b'{"kind":"gesture","name":"x","labels":["a"],"threshold":0.5,"arrays":[{"name":"a","type":"O","shape":[1]}]}',
            "type",
        ),
    ],
)
def test_a_header_that_does_not_fit_is_refused(header: bytes, why: str) -> None:
    with pytest.raises(BadModelFile, match=why):
        read(sealed(MAGIC + len(header).to_bytes(4, "little") + header))


def test_a_model_of_gestures_whose_arrays_do_not_fit_is_refused() -> None:
    with pytest.raises(BadModelFile, match="no array “mean”"):
        GestureModel(read(content()))


def test_the_digest_ends_the_file() -> None:
    assert hashlib.sha256(content()[:-DIGEST_BYTES]).digest() == content()[-DIGEST_BYTES:]
