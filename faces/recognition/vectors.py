"""Embeddings by number in one NumPy matrix; each search compares with all of them. Pure."""

import numpy as np
from numpy.typing import NDArray

Embeddings = NDArray[np.float32]
"""One row each."""

GROWTH = 1.5
"""How much larger the matrix becomes when it is full."""


class EmbeddingIndex:
    """An index in memory by Euclidean distance. Whatever is removed is overwritten, not only forgotten.

    Not thread-safe.
    """

    def __init__(self, numbers: NDArray[np.int64], embeddings: Embeddings) -> None:
        """`embeddings` has one row for each of the `numbers`, which are all different; both arrays are copied."""
        self._count = len(numbers)
        self._numbers = numbers.copy()
        self._rows = embeddings.copy()
        # A distance is then one product of matrix and vector: |a - b|² = |a|² - 2ab + |b|².
        self._squares = np.einsum("ij,ij->i", embeddings, embeddings)

    def __len__(self) -> int:
        return self._count

    def add(self, number: int, embedding: Embeddings) -> None:
        """Find this embedding too from now on; the number's earlier embedding is overwritten."""
        self.remove(number)
        if self._count == len(self._numbers):
            self._grow()
        self._put(self._count, number, embedding)
        self._count += 1

    def remove(self, number: int) -> None:
        """Overwrite the number's embedding; an unknown number is no error."""
        for place in np.flatnonzero(self._numbers[: self._count] == number).tolist():
            self._count -= 1
            last = self._count
            self._put(place, self._numbers[last], self._rows[last])
            self._wipe(slice(last, last + 1))

    def clear(self) -> None:
        """Overwrite all embeddings."""
        self._wipe(slice(None))
        self._count = 0

    def nearest(self, embedding: Embeddings, *, within: float) -> list[tuple[int, float]]:
        """The numbers of all embeddings that are nearer than `within`, with their distances, the nearest first."""
        squares = self._squares[: self._count] - 2 * (self._rows[: self._count] @ embedding) + embedding @ embedding
        near = np.flatnonzero(squares < within**2)
        near = near[np.argsort(squares[near], kind="stable")]
        distances = np.sqrt(np.maximum(squares[near], 0))
        return list(zip(self._numbers[near].tolist(), distances.tolist(), strict=True))

    def _put(self, place: int, number: int, embedding: Embeddings) -> None:
        self._numbers[place], self._rows[place], self._squares[place] = number, embedding, embedding @ embedding

    def _wipe(self, places: slice) -> None:
        for held in (self._numbers, self._rows, self._squares):
            held[places] = 0

    def _grow(self) -> None:
        room = round(self._count * GROWTH) + 8
        numbers, rows, squares = self._numbers, self._rows, self._squares
        self._numbers = np.zeros(room, np.int64)
        self._rows = np.zeros((room, rows.shape[1]), np.float32)
        self._squares = np.zeros(room, np.float32)
        for new, old in ((self._numbers, numbers), (self._rows, rows), (self._squares, squares)):
            new[: self._count] = old
            old[:] = 0
