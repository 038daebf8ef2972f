"""Records who does what. An app registers the models whose changes are recorded; the intake writes none of them.

The person who acts is whoever sent the request that is being answered, by page, API or admin. Without a request, as in
a command or a task, nobody is named.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.cache import caches
from django.db.models import Model
from django.db.models.signals import post_save, pre_delete, pre_save
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from devices.models import Action, AuditEntry, Site, Way

if TYPE_CHECKING:
    from devices.models import User

HIDDEN = "(not recorded)"
"""Stands for the values of a field of which only the change is recorded."""

_request: ContextVar[HttpRequest | None] = ContextVar("audited_request", default=None)


def know_who_acts(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: have what is done while a request is answered recorded as done by its user."""

    def respond(request: HttpRequest) -> HttpResponse:
        before = _request.set(request)
        try:
            return get_response(request)
        finally:
            _request.reset(before)

    return respond


def who_acts() -> "tuple[User | None, Way]":
    """Return the user whose request is being answered, if somebody is signed in, and the way of the request."""
    request = _request.get()
    if request is None:
        return None, Way.PROGRAM
    # Where the API knows the user by a token, it has set the request's user.
    user = getattr(request, "user", None)
    way = Way.API if request.path.startswith("/api/") else Way.ADMIN if request.path.startswith("/admin/") else Way.PAGE
    return (user if user is not None and user.is_authenticated else None), way


def record(
    *,
    action: Action,
    subject: str,
    number: object = "",
    label: str = "",
    site: int | None = None,
    about: int | None = None,
    changes: Mapping[str, Any] | None = None,
    by: "User | None" = None,
    once: str | None = None,
) -> None:
    """Add an entry to the audit. `by` is otherwise whoever acts now; `site` and `about` are keys."""
    actor, way = who_acts()
    entry = AuditEntry(
        at=timezone.now(),
        site_id=site,
        by=by or actor,
        way=way,
        action=action,
        subject=subject,
        number=str(number),
        label=label[:128],
        about=about,
        changes=dict(changes or {}),
        once=once,
    )
    # Another process may record the same look at the same time.
    AuditEntry.objects.bulk_create([entry], ignore_conflicts=once is not None)


LOOKS_ARE_ONE_FOR_S = 3600
"""Looks of one person at one device's pictures within the same hour are one entry."""


def record_look(*, by: "User", subject: str, site: Site, number: object, label: str) -> None:
    """Record once an hour that this person looked at this. Most looks cost no query."""
    hour = int(timezone.now().timestamp()) // LOOKS_ARE_ONE_FOR_S
    once = f"{by.pk}:{subject}:{site.pk}:{number}:{hour}".replace(" ", "-")
    if caches["process"].add(f"audit:{once}", True, LOOKS_ARE_ONE_FOR_S):
        record(action=Action.LOOKED, subject=subject, number=number, label=label, site=site.pk, by=by, once=once)


def record_export(*, by: "User", subject: str, sites: Iterable[Site]) -> None:
    """Record for each of these sites that this person exported rows of its people."""
    for site in sites:
        record(action=Action.EXPORTED, subject=subject, site=site.pk, by=by)


@dataclass(frozen=True)
class Audited:
    """How the changes of a model are recorded."""

    subject: str
    fields: Collection[str]
    """The columns whose values are recorded. None of them names a person by text."""
    hidden: Collection[str] = ()
    """The columns of which only the fact that they changed is recorded."""
    site: Callable[[Any], int | None] = lambda _: None
    """Returns the key of the object's site."""
    about: Callable[[Any], int | None] = lambda _: None
    """Returns the number of the account that the object is about."""
    label: Callable[[Any], str] = lambda _: ""
    """Returns the object's name, unless it may be a person's."""
    unless: Callable[[Any], bool] = lambda _: False
    """Tells of an object whose changes are not recorded."""


def audit(model: type[Model], audited: Audited) -> None:
    """Record from now on what is added to this model, changed and deleted, by objects and not by bare updates."""
    columns = [*audited.fields, *audited.hidden]

    def remember(sender: Any, instance: Any, update_fields: Any = None, raw: bool = False, **_: Any) -> None:
        is_about_us = update_fields is None or not {*columns}.isdisjoint(_columns(sender, update_fields))
        instance._before = None
        if not raw and not instance._state.adding and is_about_us:
            instance._before = sender._default_manager.filter(pk=instance.pk).values(*columns).first()

    def saved(sender: Any, instance: Any, created: bool, raw: bool = False, **_: Any) -> None:
        if raw or audited.unless(instance):
            return
        before: dict[str, Any] = instance.__dict__.pop("_before", None) or {}
        now = {name: getattr(instance, name) for name in columns}
        if created:
            write(instance, Action.ADDED, {name: [None, value] for name, value in now.items() if value})
        elif before and (changed := {name: [before[name], now[name]] for name in columns if before[name] != now[name]}):
            write(instance, Action.CHANGED, changed)

    def deleted(instance: Any, **_: Any) -> None:
        if not audited.unless(instance):
            write(instance, Action.DELETED, {})

    def write(instance: Any, action: Action, changes: dict[str, Any]) -> None:
        shown = {name: [HIDDEN] if name in audited.hidden else values for name, values in changes.items()}
        record(
            action=action,
            subject=audited.subject,
            number=instance.pk,
            label=audited.label(instance),
            site=audited.site(instance),
            about=audited.about(instance),
            changes=shown,
        )

    pre_save.connect(remember, sender=model, weak=False)
    post_save.connect(saved, sender=model, weak=False)
    # Before, because an object loses its key and its relations when it is deleted.
    pre_delete.connect(deleted, sender=model, weak=False)


def _columns(model: type[Model], names: Iterable[str]) -> set[str]:
    return {getattr(model._meta.get_field(name), "attname", name) for name in names}
