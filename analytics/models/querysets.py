"""Reads that are scoped to what a user may see."""

from devices.querysets import SiteScopedQuerySet


class DetectionQuerySet(SiteScopedQuerySet):
    """A queryset of detections; they belong to the site of their frame's device."""

    site_path = "frame__device__site"


class ReviewQuerySet(SiteScopedQuerySet):
    """A queryset of reviews; they belong to the site of what was reviewed."""

    site_path = "detection__frame__device__site"
