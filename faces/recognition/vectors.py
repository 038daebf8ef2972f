"""An index of embeddings in one NumPy matrix. Each search computes all distances. Uses no database."""

import numpy as np
from numpy.typing import NDArray

Embeddings = NDArray[np.float32]
"""Shape (faces, length of an embedding), or (length of an embedding,) for a single one."""

GROWTH = 1.5
"""The factor by which a full matrix grows."""


class EmbeddingIndex:
    """An index in memory by Euclidean distance. Removed embeddings are overwritten, not only dropped.

    Not thread-safe.
    """

    def __init__(self, numbers: NDArray[np.int64], embeddings: Embeddings) -> None:
        """`embeddings` has one row for each of the distinct `numbers`. Both arrays are copied."""
        self._count = len(numbers)
        self._numbers = numbers.copy()
        self._rows = embeddings.copy()
        # With the squares, all distances need one matrix-vector product: |a - b|² = |a|² - 2ab + |b|².
        self._squares = np.einsum("ij,ij->i", embeddings, embeddings)

    def __len__(self) -> int:
        return self._count

    def add(self, number: int, embedding: Embeddings) -> None:
        """Add the embedding under this number, in place of an earlier embedding of the same number."""
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
        """Return the numbers of all embeddings nearer than `within`, with their distances, the nearest first."""
        squares = self._squares[: self._count] - 2 * (self._rows[: self._count] @ embedding) + embedding @ embedding
        near = np.flatnonzero(squares < within**2)
        near = near[np.argsort(squares[near], kind="stable")]
        distances = np.sqrt(np.maximum(squares[near], 0))
        return list(zip(self._numbers[near].tolist(), distances.tolist(), strict=True))

    def _put(self, place: int, number: int, embedding: Embeddings) -> None:
        self._numbers[place], self._rows[place], self._squares[place] = number, embedding, embedding @ embedding

    def _wipe(self, places: slice) -> None:
        for array in (self._numbers, self._rows, self._squares):
            array[places] = 0

    def _grow(self) -> None:
        room = round(self._count * GROWTH) + 8
        numbers, rows, squares = self._numbers, self._rows, self._squares
        self._numbers = np.zeros(room, np.int64)
        self._rows = np.zeros((room, rows.shape[1]), np.float32)
        self._squares = np.zeros(room, np.float32)
        for new, old in ((self._numbers, numbers), (self._rows, rows), (self._squares, squares)):
            new[: self._count] = old
            old[:] = 0
