"""Records which faces were added to a site's gallery or removed, so that every process can update its copy."""

from functools import partial
from typing import Any

from django.db import transaction

from faces.coffees.counting import lock_site
from faces.models import Face, GalleryChange
from faces.recognition import gallery


def record_added_face(sender: type[Face], instance: Face, created: bool, **_: Any) -> None:
    """Receive `post_save`: record a new face, in the transaction that stores it."""
    if created:
        _record(instance)


def record_removed_face(sender: type[Face], instance: Face, **_: Any) -> None:
    """Receive `post_delete`: record a deleted face. After the commit, remove it from this process's memory."""
    site_id = _record(instance)
    transaction.on_commit(partial(gallery.drop_face, site_id, instance.pk), robust=True)


def _record(face: Face) -> int:
    """Lock the site, so that changes are numbered in the order of their commits and no reader skips one."""
    site = face.person.site
    with transaction.atomic():
        lock_site(site)
        GalleryChange.objects.create(site=site, face_number=face.pk)
    return site.pk
