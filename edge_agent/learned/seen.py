"""A picture that several models look at: what they need of it is computed once."""

from edge_agent.learned.thing_features import Cells, Network, cells_of
from edge_agent.vision.search import Picture, check_picture


class Seen:
    """A picture, RGB. Not thread-safe. Raises `ValueError` where it is no such picture."""

    def __init__(self, rgb: Picture) -> None:
        check_picture(rgb)
        self.rgb = rgb
        self._cells: list[Cells] | None = None

    def cells(self, network: Network) -> list[Cells]:
        """Return the cells of all parts of the picture."""
        if self._cells is None:
            self._cells = cells_of(self.rgb, network)
        return self._cells
