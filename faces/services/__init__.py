"""Every write about pictures and people, by subject."""

from faces.services.coffees import restore_coffee, void_coffee
from faces.services.erasure import NotErasedYet, finish_erasures, forget
from faces.services.people import (
    EnrolmentRefused,
    check_portrait,
    create_person,
    enrol,
    record_consent,
    withdraw_consent,
)
from faces.services.policies import PolicyRefused, set_policy
from faces.services.recognition import NotAgain, recognise, recognise_again, sweep

__all__ = [
    "EnrolmentRefused",
    "NotAgain",
    "NotErasedYet",
    "PolicyRefused",
    "check_portrait",
    "create_person",
    "enrol",
    "finish_erasures",
    "forget",
    "recognise",
    "recognise_again",
    "record_consent",
    "restore_coffee",
    "set_policy",
    "sweep",
    "void_coffee",
    "withdraw_consent",
]
