"""Signals to the apps that build on `faces`."""

from django.dispatch import Signal

coffees_counted = Signal()
"""Sent with `coffees`, the new rows, in the transaction that counts them. A receiver that raises undoes it."""
