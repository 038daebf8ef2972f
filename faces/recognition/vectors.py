"""Embeddings by number, searched for the nearest: exactly among few, by an inverted file of faiss among many."""

import logging
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Embeddings = NDArray[np.float32]

EXACT_UP_TO = 20_000
"""So many are compared one by one, in about two milliseconds."""

PROBED = 1 / 16
"""Which part of the cells, the nearest to what is searched for, is looked through where there are many."""

TRAINED_ON = 50
"""Embeddings for each cell that the cells are learnt from; faiss asks for 39 at least."""

ROUNDS = 8
"""Of k-means; more of them find nothing more ("Faiss: guidelines to choose an index")."""

OUTGROWN = 4
"""Cells are too coarse once they hold this many times what they were made for."""


class Vectors:
    """An index in memory, by Euclidean distance; what is removed is overwritten, not only marked.

    Not thread-safe. One thread searches: a worker has one core, and OpenMP's threads do not outlive a fork.
    """

    def __init__(self, numbers: NDArray[np.int64], embeddings: Embeddings) -> None:
        """`embeddings` has one row for each of the `numbers`, which are all different."""
        # It tells which of its builds it tries, as soon as it is loaded.
        logging.getLogger("faiss").setLevel(logging.WARNING)
        import faiss  # on use, as it takes a third of a second

        faiss.omp_set_num_threads(1)
        self._faiss: Any = faiss
        size, width = embeddings.shape
        cells = 1 if size <= EXACT_UP_TO else math.isqrt(size)
        self._room = max(size, EXACT_UP_TO) * (1 if cells == 1 else OUTGROWN)
        self._index: Any = faiss.IndexIVFFlat(faiss.IndexFlatL2(width), width, cells)
        self._index.nprobe = max(1, round(cells * PROBED))
        self._learn(embeddings, cells)
        if size:
            self._index.add_with_ids(np.ascontiguousarray(embeddings), numbers)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def is_outgrown(self) -> bool:
        """Whether it should be made anew, with cells for as many as it has now."""
        return bool(len(self) > self._room)

    def add(self, number: int, embedding: Embeddings) -> None:
        """Find this one too from now on; what the number stood for before is gone."""
        self.remove(number)
        self._index.add_with_ids(np.ascontiguousarray(embedding[None]), np.array([number], np.int64))

    def remove(self, number: int) -> None:
        """Leave no byte of it; a number that is not there is no error."""
        lists, width = self._index.invlists, self._index.d
        nothing = np.zeros(width, np.float32)
        for cell, place in self._places(number):
            last = lists.list_size(cell) - 1
            lists.update_entry(cell, place, lists.get_single_id(cell, last), self._codes(cell, last))
            lists.update_entry(cell, last, -1, self._bytes(nothing))
            lists.resize(cell, last)
            self._index.ntotal -= 1

    def clear(self) -> None:
        """Leave no byte of any."""
        lists = self._index.invlists
        for cell in range(self._index.nlist):
            if size := lists.list_size(cell):
                self._faiss.rev_swig_ptr(lists.get_codes(cell), size * lists.code_size)[:] = 0
        self._index.reset()

    def nearest(self, embedding: Embeddings, count: int) -> list[tuple[int, float]]:
        """At most so many numbers with their distances, the nearest first."""
        squares, numbers = self._index.search(np.ascontiguousarray(embedding[None]), count)
        found = zip(numbers[0].tolist(), np.sqrt(np.maximum(squares[0], 0)).tolist(), strict=True)
        return [(number, distance) for number, distance in found if number >= 0]

    def _learn(self, embeddings: Embeddings, cells: int) -> None:
        if cells == 1:
            # The middle of a single cell says nothing, so it need not be made from anybody's face.
            self._index.quantizer.add(np.zeros((1, embeddings.shape[1]), np.float32))
            self._index.is_trained = True
            return
        chosen = np.random.default_rng(0).choice(len(embeddings), min(len(embeddings), TRAINED_ON * cells), False)
        self._index.cp.niter = ROUNDS
        self._index.train(embeddings[np.sort(chosen)])

    def _places(self, number: int) -> Iterator[tuple[int, int]]:
        lists = self._index.invlists
        for cell in range(self._index.nlist):
            if size := lists.list_size(cell):
                numbers = self._faiss.rev_swig_ptr(lists.get_ids(cell), size)
                for place in np.flatnonzero(numbers == number).tolist():
                    yield cell, place
                    return

    def _codes(self, cell: int, place: int) -> Any:
        return self._index.invlists.get_single_code(cell, place)

    def _bytes(self, embedding: Embeddings) -> Any:
        return self._faiss.swig_ptr(embedding.view(np.uint8))
