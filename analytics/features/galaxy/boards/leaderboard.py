"""The board `leaderboard`."""

from analytics.features.galaxy.boards.board import Board, Scope, register
from analytics.features.galaxy.drawing import canvas as paint
from analytics.features.galaxy.drawing.canvas import Canvas
from analytics.features.galaxy.drawing.frame import counted, draw_frame, footnote, message
from analytics.features.galaxy.drawing.layout import Wall
from analytics.features.galaxy.drawing.lists import Row, draw_rows
from analytics.features.galaxy.reads import COFFEES
from analytics.features.galaxy.snapshots import CoffeeSnapshot, RankedPerson, local_time

MOST_ROWS = 7
"""The most people on one screen."""


@register
class LeaderboardBoard(Board[CoffeeSnapshot]):
    """Who had most coffees this week: as many people as the screens have room for, the first on the leftmost."""

    name = "leaderboard"
    title = "Coffees this week"
    scope = Scope.ANY_SITES
    order = 40
    source = COFFEES

    def draw(self, snapshot: CoffeeSnapshot, wall: Wall) -> Canvas:
        canvas = Canvas(wall)
        people = snapshot.people[: MOST_ROWS * wall.count]
        total = sum(person.coffees for person in snapshot.people) + snapshot.anonymous
        readings = [
            counted(total, "coffee this week", "coffees this week"),
            counted(len(snapshot.people), "person", "people"),
            counted(snapshot.anonymous, "anonymous coffee", "anonymous coffees"),
        ]
        draw_frame(canvas, snapshot.place, self.title, readings, local_time(snapshot.at, snapshot.timezone))
        if not people:
            message(canvas, "Nobody with a name had one yet.")
        draw_rows(canvas, [_row(person, people[0].coffees) for person in people], MOST_ROWS)
        if len(people) < len(snapshot.people):
            footnote(canvas, f"and {len(snapshot.people) - len(people):,} more")
        return canvas


def _row(person: RankedPerson, most: int) -> Row:
    first = person.rank == 1
    bar = [(person.coffees / most, paint.NEEDLE if first else paint.DATA)]
    return Row(person.name, f"{person.coffees:,}", bar, str(person.rank), is_first=first)
