"""The card of ground truth on a device's page."""

from django.template.loader import render_to_string

from analytics.features.groundtruth import charts, reads
from analytics.pages.cards import Subject


def accuracy_card(subject: Subject) -> str:
    """Return a sentence such as “measures 84% of what a person counts” and a link to count; empty for a site."""
    if subject.device is None:
        return ""
    accuracy = reads.read_accuracy(subject.device)
    context = {
        "device": subject.device,
        "accuracy": accuracy,
        "calibration": charts.calibration(accuracy),
        "minutes": accuracy.comparison.minutes,
    }
    return render_to_string("analytics/groundtruth/beside.html", context)
