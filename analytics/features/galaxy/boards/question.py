"""The board `question`."""

from analytics.features.galaxy.boards.board import Board, Scope, register
from analytics.features.galaxy.drawing import canvas as paint
from analytics.features.galaxy.drawing import plots
from analytics.features.galaxy.drawing.canvas import Canvas
from analytics.features.galaxy.drawing.frame import Reading, draw_frame, legend, message, paragraph, plot_top
from analytics.features.galaxy.drawing.layout import Wall
from analytics.features.galaxy.reads import QUESTION
from analytics.features.galaxy.snapshots import QuestionSnapshot, local_time
from analytics.numbers.intervals import wilson
from analytics.verdicts.metrics import format_number


@register
class QuestionBoard(Board[QuestionSnapshot]):
    """A site's current or last question: its text, the answers over time, and their shares over the whole wall."""

    name = "question"
    title = "The question and its answers"
    scope = Scope.ONE_SITE
    order = 30
    source = QUESTION

    def draw(self, snapshot: QuestionSnapshot, wall: Wall) -> Canvas:
        canvas, answers = Canvas(wall), snapshot.yes + snapshot.no
        interval = wilson(snapshot.yes, answers)
        readings = [
            Reading("say yes", format_number("{:.0%}", snapshot.yes / answers if answers else None)),
            Reading(snapshot.unit, f"{answers:,}"),
            Reading(
                "95% sure that it is between", f"{100 * interval.low:.0f}–{interval.high:.0%}" if interval else "–"
            ),
        ]
        now = local_time(snapshot.at, snapshot.timezone)
        draw_frame(canvas, snapshot.place, _subtitle(snapshot), readings, now)
        if snapshot.text is None:
            message(canvas, "No question yet.")
            return canvas
        top = plot_top(canvas)
        paragraph(canvas, snapshot.text, top, plots.SHARES_TOP - top - 60)
        plots.draw_answers(canvas, snapshot.bars, snapshot.at.timestamp())
        plots.draw_shares(canvas, snapshot.yes, snapshot.no)
        if wall.count > 1:
            legend(canvas, [(paint.DATA, "yes"), (paint.NEEDLE, "no"), ("url(#off)", "camera off")])
        return canvas


def _subtitle(snapshot: QuestionSnapshot) -> str:
    """Return until when the question is asked, or when it ended."""
    if snapshot.until is None:
        return "The question"
    until = local_time(snapshot.until, snapshot.timezone)
    return f"{'Asked until' if snapshot.is_running else 'Ended'} {until:%a} {until.day} {until:%b, %H:%M}"
