"""Records in the audit which walls may show a site. A wall's token has several sites, each with an entry."""

from collections.abc import Mapping
from typing import Any

from django.db.models.signals import m2m_changed, pre_delete

from analytics.models.walls import WallToken
from devices.audit.recording import record
from devices.models import Action


def audit_wall_tokens() -> None:
    """Record from now on which tokens get a site, and which lose one."""
    m2m_changed.connect(_sites_changed, sender=WallToken.sites.through)
    pre_delete.connect(_deleted, sender=WallToken)


def record_change(token: WallToken, changes: Mapping[str, Any]) -> None:
    """Record for each site of the token what of it was changed."""
    for site in token.sites.values_list("pk", flat=True):
        _record(Action.CHANGED, token, site, changes)


def _sites_changed(instance: WallToken, action: str, pk_set: set[int] | None, **_: Any) -> None:
    actions = {"post_add": Action.ADDED, "post_remove": Action.DELETED}
    for site in sorted(pk_set or ()) if action in actions else ():
        _record(actions[action], instance, site)


def _deleted(instance: WallToken, **_: Any) -> None:
    for site in instance.sites.values_list("pk", flat=True):
        _record(Action.DELETED, instance, site)


def _record(action: Action, token: WallToken, site: int, changes: Mapping[str, Any] | None = None) -> None:
    record(action=action, subject="wall token", number=token.pk, label=token.name, site=site, changes=changes)
