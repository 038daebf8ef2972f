"""The board `week`."""

from itertools import groupby

from analytics.features.galaxy.boards.board import Board, Scope, register
from analytics.features.galaxy.drawing import plots
from analytics.features.galaxy.drawing.canvas import Canvas
from analytics.features.galaxy.drawing.frame import Reading, draw_frame, legend, message
from analytics.features.galaxy.drawing.layout import Wall
from analytics.features.galaxy.reads import WEEK
from analytics.features.galaxy.snapshots import EngagementSnapshot, local_time
from analytics.verdicts.metrics import format_number


@register
class WeekBoard(Board[EngagementSnapshot]):
    """A site's last seven days as a heat map of hours."""

    name = "week"
    title = "Seven days by the hour"
    scope = Scope.ONE_SITE
    order = 20
    source = WEEK

    def draw(self, snapshot: EngagementSnapshot, wall: Wall) -> Canvas:
        site = snapshot.sites[0]
        canvas, total, busiest = Canvas(wall), site.total, plots.busiest_hour(site.hours)
        readings = [
            Reading("people on average", format_number("{:.2f}", total.average_faces)),
            Reading("busiest hour", f"{busiest.start:%a %H:%M}" if busiest else "–"),
            Reading("most at once", format_number("{:,}", total.known_peak)),
            Reading("of the time occupied", format_number("{:.0%}", total.occupied_share)),
            Reading("of the time on camera", format_number("{:.0%}", total.known_coverage)),
        ]
        draw_frame(canvas, site.name, self.title, readings, local_time(snapshot.at, site.timezone))
        if not site.cameras:
            message(canvas, "No camera stands here yet.")
            return canvas
        days = [list(day) for _, day in groupby(site.hours, lambda hour: hour.start.date())]
        plots.draw_heat_map(canvas, days, busiest)
        ramp = [(colour, "") for colour in plots.RAMP[1:-1]]
        legend(canvas, [(plots.RAMP[0], "few"), *ramp, (plots.RAMP[-1], "many"), ("url(#off)", "off")])
        return canvas
