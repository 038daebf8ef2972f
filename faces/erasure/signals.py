"""Signals to the apps that build on `faces`."""

from django.dispatch import Signal

person_erased = Signal()
"""Sent with `site` and `captures` in the transaction that finishes an erasure; `captures` are the keys of the captures
in which the person was recognised, also of those whose pictures were removed before.

Receivers must remove whatever they store that names people of the site, and their copies of those pictures.
"""
