"""Query sets of data sets and of what belongs to them, limited to what a user may see."""

from devices.storage.querysets import SiteScopedQuerySet


class OfDataSetQuerySet(SiteScopedQuerySet):
    site_path = "data_set__site"


class OfPictureQuerySet(SiteScopedQuerySet):
    site_path = "picture__data_set__site"


class OfRunQuerySet(SiteScopedQuerySet):
    site_path = "run__data_set__site"
