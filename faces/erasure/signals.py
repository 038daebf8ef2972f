"""What this floor tells those above."""

from django.dispatch import Signal

person_erased = Signal()
"""Sent, with `site`, in the transaction that ends somebody's erasure: whatever names a person of the site must go."""
