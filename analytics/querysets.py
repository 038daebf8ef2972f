"""Reads that are scoped to what a user may see."""

from devices.querysets import SiteScopedQuerySet


class DetectionQuerySet(SiteScopedQuerySet):
    """A queryset of detections; they belong to the site of their frame's device."""

    site_path = "frame__device__site"
