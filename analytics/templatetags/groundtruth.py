"""`{% ground_truth device %}`: how right a device is, beside its numbers."""

from django import template

from analytics.groundtruth import charts, reads
from analytics.headlines import written
from devices.models import Device

register = template.Library()


@register.filter
def signed(people: float | None) -> str:
    """Such as "+0.40" or "−0.40", or a dash where nothing is known."""
    return written("{:+.2f}", people).replace("-", "−")


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
