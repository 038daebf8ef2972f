"""The board `today`."""

from analytics.features.galaxy.boards.board import Board, Scope, register
from analytics.features.galaxy.drawing import canvas as paint
from analytics.features.galaxy.drawing import plots
from analytics.features.galaxy.drawing.canvas import Canvas
from analytics.features.galaxy.drawing.frame import Reading, counted, draw_frame, legend, message
from analytics.features.galaxy.drawing.layout import Wall
from analytics.features.galaxy.reads import TODAY
from analytics.features.galaxy.snapshots import EngagementSnapshot, local_time
from analytics.numbers.measures import EngagementBucket
from analytics.verdicts.metrics import format_number


@register
class TodayBoard(Board[EngagementSnapshot]):
    """A site's day by the hour: the average number of people facing the displays."""

    name = "today"
    title = "Today by the hour"
    scope = Scope.ONE_SITE
    order = 10
    source = TODAY

    def draw(self, snapshot: EngagementSnapshot, wall: Wall) -> Canvas:
        site = snapshot.sites[0]
        canvas, hour, now = Canvas(wall), site.hour_at(snapshot.at), local_time(snapshot.at, site.timezone)
        total = site.total
        readings = [
            Reading("people this hour", format_number("{:.1f}", hour.average_faces if hour else None)),
            *_people(snapshot, total),
            counted(snapshot.coffees, "coffee today", "coffees today"),
            Reading("thumbs-up today", f"{snapshot.thumbs_up:,}"),
            Reading("of the time on camera", format_number("{:.0%}", total.known_coverage)),
        ]
        draw_frame(canvas, site.name, "People facing the displays", readings, now)
        if not site.cameras:
            message(canvas, "No camera stands here yet.")
            return canvas
        plots.draw_hours(canvas, site.hours, now.timestamp())
        legend(canvas, [(paint.DATA, "people"), (paint.DATA_SOFT, "partly seen"), ("url(#off)", "off")])
        return canvas


def _people(snapshot: EngagementSnapshot, total: EngagementBucket) -> list[Reading]:
    """Return who came and looked today; without a device that follows people, how many were there and how often."""
    if snapshot.visits is None:
        occupied = Reading("of the time occupied", format_number("{:.0%}", total.occupied_share))
        return [Reading("most at once today", format_number("{:,}", total.known_peak)), occupied]
    came = counted(snapshot.visits, "person came today", "people came today")
    if snapshot.conversion is not None:
        return [came, Reading("of passers-by looked", f"{snapshot.conversion:.0%}")]
    return [came, Reading("of them looked", format_number("{:,}", snapshot.viewers))]
