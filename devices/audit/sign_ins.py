"""Records who signs in and out, and who fails to."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models import Q

from devices.audit.recording import record
from devices.models import Action


def listen() -> None:
    """Record from now on each sign-in, sign-out and failure."""
    user_logged_in.connect(_signed_in)
    user_logged_out.connect(_signed_out)
    user_login_failed.connect(_refused)


def _signed_in(user: Any, **_: Any) -> None:
    record(action=Action.SIGNED_IN, subject="account", number=user.pk, about=user.pk, by=user)


def _signed_out(user: Any, **_: Any) -> None:
    if user is not None:
        record(action=Action.SIGNED_OUT, subject="account", number=user.pk, about=user.pk, by=user)


def _refused(credentials: Any, **_: Any) -> None:
    """Record a failure by the account's number. What was typed is not recorded: it may be a password."""
    typed = str(credentials.get("username") or credentials.get("email") or "")
    users = get_user_model()._default_manager.filter(Q(username__iexact=typed) | Q(email__iexact=typed))
    number = users.values_list("pk", flat=True).first() if typed else None
    record(action=Action.REFUSED, subject="account", number=number or "", about=number)
