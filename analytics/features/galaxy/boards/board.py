"""What a board of a wall is, and the registry of all boards."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Generic, TypeVar

from analytics.features.galaxy.drawing.canvas import Canvas
from analytics.features.galaxy.drawing.layout import Wall
from analytics.features.galaxy.reads import Source
from analytics.features.galaxy.snapshots import Snapshot
from analytics.features.galaxy.time_slots import REFRESH_S
from devices.models import Site

S = TypeVar("S", bound=Snapshot)


class Scope(Enum):
    """Whether a board shows one site or several, and where the set-up page lists it."""

    ONE_SITE = "one site"
    """An address with several sites is refused; listed for each site."""
    ANY_SITES = "any sites"
    """Shows one site or all; listed for each site."""
    ALL_SITES = "all sites"
    """Shows all sites, or one; listed once."""


class Board(ABC, Generic[S]):
    """A board: draws a snapshot as one picture over all screens of a wall. Register subclasses with `register`.

    The picture has a title on the leftmost screen, some readings on the others, and usually a plot that spans all.
    """

    name: ClassVar[str]
    """Stands for the board in addresses; a slug."""
    title: ClassVar[str]
    """Stands for the board in the titles of pages and on the set-up page."""
    scope: ClassVar[Scope]
    order: ClassVar[int]
    """Boards are listed on the set-up page by this number, ascending."""
    source: Source[S]
    """Reads the snapshot that `draw` takes."""

    def at(self, slot: int) -> "Board[Any]":
        """Return the board that is shown in this time slot: itself."""
        return self

    def is_offered(self, site: Site) -> bool:
        """Whether the board has something to show at this site; where not, no list offers it. By default it has."""
        return True

    @abstractmethod
    def draw(self, snapshot: S, wall: Wall) -> Canvas:
        """Draw the snapshot over all screens. Pure: the same snapshot always gives the same picture."""


SLOTS_EACH = 2
"""How many time slots of 30 seconds each board of a rotation is shown for."""

MOST_IN_A_ROTATION = 8


@dataclass(frozen=True, slots=True)
class Rotation:
    """Several boards, one after the other on the same screens; all screens change in the same time slot."""

    boards: tuple["Board[Any]", ...]

    @property
    def name(self) -> str:
        """Stands for the rotation in addresses, such as "today+week"."""
        return "+".join(board.name for board in self.boards)

    @property
    def title(self) -> str:
        return ", ".join(board.title for board in self.boards)

    @property
    def scope(self) -> Scope:
        """The narrowest of its boards' scopes."""
        return min((board.scope for board in self.boards), key=list(Scope).index)

    def at(self, slot: int) -> "Board[Any]":
        """Return the board that is shown in this time slot."""
        return self.boards[slot // (REFRESH_S * SLOTS_EACH) % len(self.boards)]


Boards = Board[Any] | Rotation
"""What an address shows."""

_BOARDS: dict[str, Board[Any]] = {}

B = TypeVar("B", bound=type[Board[Any]])


def register(board: B) -> B:
    """Class decorator: make the board available at its addresses. Raises `ValueError` where its name is taken."""
    taken = _BOARDS.get(board.name)
    if taken is not None:
        raise ValueError(
            f"The boards {type(taken).__name__} and {board.__name__} are both named “{board.name}”; rename one."
        )
    _BOARDS[board.name] = board()
    return board


def unregister(name: str) -> None:
    """Remove the board of this name. Raises `KeyError` where there is none."""
    del _BOARDS[name]


def find_board(name: str) -> Board[Any] | None:
    """Return the board of this name; None where there is none."""
    return _BOARDS.get(name)


def find_boards(names: str) -> Boards | None:
    """Return the board of this name, or the rotation of several names joined by "+"; None where one is unknown."""
    found = [find_board(name) for name in names.split("+")[: MOST_IN_A_ROTATION + 1]]
    boards = tuple(board for board in found if board is not None)
    if len(boards) < len(found) or not 1 <= len(boards) <= MOST_IN_A_ROTATION:
        return None
    return boards[0] if len(boards) == 1 else Rotation(boards)


def all_boards() -> list[Board[Any]]:
    """Return all boards in the order of the set-up page."""
    return sorted(_BOARDS.values(), key=lambda board: (board.order, board.name))
