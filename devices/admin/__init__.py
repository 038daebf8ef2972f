"""The admin of sites, members, devices, API tokens and quarantined messages, and what the admin of every app shares."""

from devices.admin import registered
from devices.admin.base import OWN_ONLY, ReadOnlyAdmin, ScopedAdmin

__all__ = ["OWN_ONLY", "ReadOnlyAdmin", "ScopedAdmin", "registered"]
