"""Exact among few, nearly so among many, and nothing left of what is removed."""

import ctypes

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faces.recognition import vectors
from faces.recognition.vectors import Embeddings, Vectors

WIDTH = 16


def some(count: int, seed: int = 0) -> Embeddings:
    return np.random.default_rng(seed).normal(size=(count, WIDTH)).astype(np.float32)


def index_of(embeddings: Embeddings) -> Vectors:
    return Vectors(np.arange(len(embeddings), dtype=np.int64), embeddings)


@given(st.integers(0, 60), st.lists(st.tuples(st.booleans(), st.integers(0, 80)), max_size=40), st.integers(1, 9))
def test_among_few_it_answers_as_comparing_with_each(size: int, changes: list[tuple[bool, int]], count: int) -> None:
    pool, wanted = some(81), some(1, seed=1)[0]
    index, there = index_of(pool[:size]), set(range(size))
    for enters, number in changes:
        if enters:
            index.add(number, pool[number])
            there.add(number)
        else:
            index.remove(number)
            there.discard(number)
    distances = sorted((float(np.linalg.norm(pool[number] - wanted)), number) for number in there)
    found, nearest = index.nearest(wanted, count), distances[:count]
    assert [number for number, _ in found] == [number for _, number in nearest]
    assert list(dict(found).values()) == pytest.approx([each for each, _ in nearest], abs=1e-4)
    assert len(index) == len(there)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> Embeddings:
    """People with five pictures each, more than are compared one by one."""
    monkeypatch.setattr(vectors, "EXACT_UP_TO", 1000)
    return np.repeat(some(600), 5, axis=0) + 0.2 * some(3000, seed=2)


def test_among_many_it_finds_the_nearest(many: Embeddings) -> None:
    index, wanted = index_of(many), many[::7] + 0.1 * some(len(many[::7]), seed=3)
    truth = np.linalg.norm(many[None] - wanted[:, None], axis=2).argmin(axis=1)
    found = [index.nearest(each, 1)[0][0] for each in wanted]
    assert np.mean(truth == found) >= 0.99


def test_among_many_faces_come_and_go(many: Embeddings) -> None:
    index, stranger = index_of(many), 5 * some(1, seed=4)[0]
    index.add(7_000_000_000, stranger)
    assert index.nearest(stranger, 1) == [(7_000_000_000, pytest.approx(0, abs=1e-3))]
    index.remove(7_000_000_000)
    assert index.nearest(stranger, 1)[0][0] < len(many)
    assert len(index) == len(many)


def test_it_says_when_its_cells_are_too_few(many: Embeddings) -> None:
    index = index_of(many[:1000])
    assert not index.is_outgrown
    index.add(-7, many[1000])
    assert index.is_outgrown
    assert not index_of(many).is_outgrown


def places_of(index: Vectors) -> list[tuple[int, int]]:
    """Where in memory the embeddings of each cell lie, and how many bytes they take."""
    lists = index._index.invlists
    sizes = [(cell, lists.list_size(cell) * lists.code_size) for cell in range(index._index.nlist)]
    return [(int(lists.get_codes(cell)), size) for cell, size in sizes if size]


@pytest.mark.parametrize("number", [0, 5, 9])
def test_not_one_byte_stays_of_what_is_removed(number: int) -> None:
    embeddings = some(10)
    index = index_of(embeddings)
    ((address, size),) = places_of(index)
    assert embeddings[number].tobytes() in ctypes.string_at(address, size)
    index.remove(number)
    left = ctypes.string_at(address, size)  # the room of the last one is still the index's
    assert embeddings[number].tobytes() not in left
    assert sum(embedding.tobytes() in left for embedding in embeddings) == 9
    assert left.endswith(bytes(WIDTH * 4))


def test_not_one_byte_stays_when_all_is_cleared(many: Embeddings) -> None:
    for embeddings in (some(10), many):
        index = index_of(embeddings)
        places = places_of(index)
        held = [np.frombuffer(ctypes.string_at(*place), np.uint8) for place in places]
        assert all(part.any() for part in held)
        wiped: list[bytes] = []
        reset = index._index.reset
        index._index.reset = lambda places=places, wiped=wiped: wiped.extend(ctypes.string_at(*at) for at in places)
        index.clear()
        assert wiped
        assert not any(map(any, wiped))
        reset()
        assert index.nearest(embeddings[0], 3) == []
