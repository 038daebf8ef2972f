"""The admin of sites, members, devices, API tokens and quarantined messages, and what the admin of every app shares."""

from devices.admin import accounts, registered
from devices.admin.base import OWN_ONLY, ReadOnlyAdmin, ScopedAdmin, may_open_admin

__all__ = ["OWN_ONLY", "ReadOnlyAdmin", "ScopedAdmin", "accounts", "may_open_admin", "registered"]
