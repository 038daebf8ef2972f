"""What people can do about each reason for which messages are quarantined."""

from collections.abc import Mapping

from devices.models import Reason

_UPDATE = "Update the device’s software. Then discard these messages, or replay them once Headcount can read them."

MENDS: Mapping[str, str] = {
    Reason.UNKNOWN_TOPIC: "Correct the topic on the device. Messages on this topic can then be discarded.",
    Reason.UNKNOWN_DEVICE: "Register the thing name, then replay.",
    Reason.OTHER_DEVICE: "Give each device its own name and its own credentials. Then discard these messages.",
    Reason.TOO_LARGE: "Have the device send smaller pictures or fewer frames at once. Then discard these messages.",
    Reason.UNREADABLE: _UPDATE,
    Reason.BAD_VALUE: _UPDATE,
    Reason.BAD_PICTURE: "Look at the camera’s picture. A message with a broken picture can only be discarded.",
    Reason.TOO_OLD: "These are older than frames are kept, so they can only be discarded.",
    Reason.IN_FUTURE: "Set the device’s clock. Replay once the time that they give has come.",
    Reason.NO_PLACE: "Correct the dates of the camera’s places, then replay.",
    Reason.TOO_MANY: "Have the device take fewer pictures. Replay those that you want.",
    Reason.REFUSED: "Look at the detail of a message. Replay after an update of Headcount.",
}
"""What people can do about each reason."""
