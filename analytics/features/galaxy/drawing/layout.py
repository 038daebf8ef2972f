"""The screens of a Liquid Galaxy: their order, their names and their places on one wide picture. Pure.

Screens have the numbers that rigs give them: 1 is the master in the centre, and numbers increase clockwise, so that
three screens are 3 1 2 from left to right. Lengths are pixels of portrait screens of 1080 by 1920.
"""

from dataclasses import dataclass

MOST_SCREENS = 8
SCREEN_WIDTH = 1080
SCREEN_HEIGHT = 1920
MOST_BEZEL = 400
"""The largest bezel; across a wider gap, neighbouring screens no longer look like one picture."""

_ORDINALS = ("one", "two", "three", "four")


@dataclass(frozen=True, slots=True)
class Screen:
    """One screen of a rig."""

    number: int
    """The screen's number, as in `lg1`. Number 1 is the master."""
    position: int
    """The screen's place from left to right; the leftmost screen has 0."""
    offset: int
    """Screens to the right of the master; negative to its left."""

    @property
    def viewport(self) -> str:
        """End Point's name for the screen: `left_one`, `center`, `right_one` and so on."""
        if not self.offset:
            return "center"
        return f"{'left' if self.offset < 0 else 'right'}_{_ORDINALS[abs(self.offset) - 1]}"


def screens(count: int) -> list[Screen]:
    """Return a rig's screens from left to right. Raises `ValueError` with a sentence unless the count is 1 to 8."""
    if not 1 <= count <= MOST_SCREENS:
        raise ValueError(f"A wall cannot have {count} screens; give a number from 1 to {MOST_SCREENS}.")
    offsets = sorted((number - 1 - (count if number - 1 > count / 2 else 0), number) for number in range(1, count + 1))
    return [Screen(number, position, offset) for position, (offset, number) in enumerate(offsets)]


@dataclass(frozen=True, slots=True)
class Wall:
    """One wide picture over all screens; the frames between two neighbours hide `bezel` pixels of it."""

    count: int
    bezel: int = 0

    def __post_init__(self) -> None:
        screens(self.count)
        if not 0 <= self.bezel <= MOST_BEZEL:
            raise ValueError(f"A bezel cannot be {self.bezel} pixels wide; give a number from 0 to {MOST_BEZEL}.")

    @property
    def width(self) -> int:
        """Width of the picture."""
        return self.left(self.count - 1) + SCREEN_WIDTH

    def left(self, position: int) -> int:
        """Return the left edge of the screen at this position."""
        return position * (SCREEN_WIDTH + self.bezel)

    def position_at(self, x: float) -> int:
        """Return the position of the screen that shows `x`; where a bezel hides it, that of the screen to its left."""
        return max(0, min(self.count - 1, int(x // (SCREEN_WIDTH + self.bezel))))

    def screen(self, number: int) -> Screen:
        """Return the screen of this number. Raises `ValueError` with a sentence where the wall has no such screen."""
        for screen in screens(self.count):
            if screen.number == number:
                return screen
        raise ValueError(f"A wall of {self.count} screens has no screen {number}.")
