"""Signals to the apps that build on `faces`."""

from django.dispatch import Signal

person_erased = Signal()
"""Sent with `site` in the transaction that finishes an erasure.

Receivers must remove whatever they store that names people of the site.
"""
