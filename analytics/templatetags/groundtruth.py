"""`{% ground_truth device %}`: how right a device is, beside its numbers."""

from django import template

from analytics.groundtruth import charts, reads
from devices.models import Device

register = template.Library()


@register.inclusion_tag("analytics/groundtruth/beside.html")
def ground_truth(device: Device) -> dict[str, object]:
    """A sentence such as “measures about 84% of what a person sees”, and the way to count. Takes four queries."""
    found = reads.accuracy(device)
    return {
        "device": device,
        "accuracy": found,
        "comparison": found.comparison,
        "sentence": charts.sentence(found.comparison),
    }
