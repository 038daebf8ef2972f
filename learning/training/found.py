"""What a model of the camera box finds in a picture, in the form of the evaluation."""

from collections.abc import Iterable

from edge_agent.vision.search import Found, Picture, pixels
from learning.evaluating.matching import Guess


def guesses_of(found: Iterable[Found], rgb: Picture) -> list[Guess]:
    """Return the detections with their boxes in whole pixels, within the picture."""
    return [Guess(each.label, each.confidence, pixels(each, rgb)) for each in found]
