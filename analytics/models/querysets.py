"""Querysets that can be restricted to the sites of a user."""

from devices.querysets import SiteScopedQuerySet


class DetectionQuerySet(SiteScopedQuerySet):
    """A queryset of detections, which belong to the site of their frame's device."""

    site_path = "frame__device__site"


class ReviewQuerySet(SiteScopedQuerySet):
    """A queryset of reviews, which belong to the site of the reviewed detection."""

    site_path = "detection__frame__device__site"
