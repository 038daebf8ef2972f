"""All functions that change pictures, people and coffees."""

from faces.coffees.counting import restore_coffee, void_coffee
from faces.enrolment.enrolment import EnrolmentRefused, check_capture, check_portrait, enrol, enrol_portrait
from faces.erasure.erasing import NotErasedYet, finish_erasures, forget
from faces.people.consent import agree_to, create_person, record_consent, withdraw_consent
from faces.people.merging import MergeRefused, merge_people, undo_merge
from faces.people.naming import name_person
from faces.people.policies import PolicyRefused, set_policy, set_retention
from faces.recognition.recognising import NotAgain, recognise, recognise_again, sweep

__all__ = [
    "EnrolmentRefused",
    "MergeRefused",
    "NotAgain",
    "NotErasedYet",
    "PolicyRefused",
    "agree_to",
    "check_capture",
    "check_portrait",
    "create_person",
    "enrol",
    "enrol_portrait",
    "finish_erasures",
    "forget",
    "merge_people",
    "name_person",
    "recognise",
    "recognise_again",
    "record_consent",
    "restore_coffee",
    "set_policy",
    "set_retention",
    "sweep",
    "undo_merge",
    "void_coffee",
    "withdraw_consent",
]
