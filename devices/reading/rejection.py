"""Why a message cannot be taken in."""

import datetime as dt

from devices.models import Reason


class Rejection(Exception):
    """The message cannot be taken in and must be quarantined. The text is one sentence with the detail."""

    def __init__(self, reason: Reason, detail: str, at: dt.datetime | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.at = at
        """The time that the message gives for its content, as far as it is known."""
