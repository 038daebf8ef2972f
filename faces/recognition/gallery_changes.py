"""What every process must know about who entered a gallery and who left it."""

from functools import partial
from typing import Any

from django.db import transaction

from faces.coffees.counting import lock_site
from faces.models import Face, GalleryChange
from faces.recognition import gallery


def record_added_face(sender: type[Face], instance: Face, created: bool, **_: Any) -> None:
    """A signal's receiver: each face that is saved for the first time; the caller is in the face's transaction."""
    if created:
        _note(instance)


def record_removed_face(sender: type[Face], instance: Face, **_: Any) -> None:
    """A signal's receiver: each face that is deleted, by whatever cascade. This process forgets it with the commit."""
    site_id = _note(instance)
    transaction.on_commit(partial(gallery.drop_face, site_id, instance.pk), robust=True)


def _note(face: Face) -> int:
    """The site's lock puts the changes in the order of their commits, so that no reader skips one."""
    site = face.person.site
    with transaction.atomic():
        lock_site(site)
        GalleryChange.objects.create(site=site, face_number=face.pk)
    return site.pk
