"""The board `sites`."""

from analytics.features.galaxy.boards.board import Board, Scope, register
from analytics.features.galaxy.drawing import canvas as paint
from analytics.features.galaxy.drawing import plots
from analytics.features.galaxy.drawing.canvas import EDGE, Canvas
from analytics.features.galaxy.drawing.frame import Reading, counted, draw_frame, legend, message, page_at
from analytics.features.galaxy.drawing.layout import SCREEN_WIDTH, Wall
from analytics.features.galaxy.drawing.lists import list_rows, split_columns
from analytics.features.galaxy.reads import LATEST
from analytics.features.galaxy.snapshots import EngagementSnapshot, common_timezone, local_time

MOST_TILES = 4
"""The most sites on one screen."""


@register
class SitesBoard(Board[EngagementSnapshot]):
    """All sites with their last 24 hours; sites that do not fit are shown page by page, a page per time slot."""

    name = "sites"
    title = "All sites"
    scope = Scope.ALL_SITES
    order = 50
    source = LATEST

    def draw(self, snapshot: EngagementSnapshot, wall: Wall) -> Canvas:
        canvas, room = Canvas(wall), MOST_TILES * wall.count
        pages = max(1, -(-len(snapshot.sites) // room))
        page = page_at(snapshot.at, pages)
        hours = [hour for site in snapshot.sites if (hour := site.hour_at(snapshot.at))]
        cameras = sum(site.cameras for site in snapshot.sites)
        readings = [
            Reading("people this hour", f"{sum(hour.average_faces or 0.0 for hour in hours):.1f}"),
            Reading(
                f"of {cameras:,} camera{'s' * (cameras != 1)} live", f"{sum(each.live for each in snapshot.sites):,}"
            ),
            counted(len(snapshot.sites), "site", "sites"),
        ]
        title = "All sites" if pages == 1 else f"All sites {page + 1}/{pages}"
        now = local_time(snapshot.at, common_timezone(snapshot.sites))
        draw_frame(canvas, title, "Their last 24 hours", readings, now)
        scale_top = max((hour.average_faces or 0.0 for site in snapshot.sites for hour in site.hours), default=0.0)
        shown = snapshot.sites[page * room : (page + 1) * room]
        if not shown:
            message(canvas, "No site yet.")
            return canvas
        # A few sites are as wide as the wall, so that no screen is empty.
        columns = [shown] if len(shown) < wall.count else split_columns(shown, wall.count, MOST_TILES)
        top, pitch = list_rows(canvas, len(columns[0]))
        for position, column in enumerate(columns):
            left = wall.left(position) + EDGE
            right = wall.width - EDGE if len(columns) == 1 else wall.left(position) + SCREEN_WIDTH - EDGE
            for row, site in enumerate(column):
                y, hour = top + row * pitch, site.hour_at(snapshot.at)
                plots.draw_site(canvas, site, hour, left, right, y, pitch, scale_top=scale_top or 1.0, at=snapshot.at)
        legend(canvas, [(paint.DATA, "people"), ("url(#off)", "camera off")])
        return canvas
