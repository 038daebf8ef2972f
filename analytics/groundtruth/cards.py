"""What a device's page says of its ground truth."""

from django.template.loader import render_to_string

from analytics.groundtruth import charts, reads
from analytics.pages.cards import Subject


def accuracy(subject: Subject) -> str:
    """A sentence such as “measures about 84% of what a person sees”, and the way to count. Takes four queries.

    Nothing for a site.
    """
    if subject.device is None:
        return ""
    found = reads.accuracy(subject.device)
    context = {
        "device": subject.device,
        "accuracy": found,
        "comparison": found.comparison,
        "sentence": charts.sentence(found.comparison),
    }
    return render_to_string("analytics/groundtruth/beside.html", context)
