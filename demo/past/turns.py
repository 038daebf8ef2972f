"""The contents that took turns on the display before one camera in the demo's past, one of which holds people longer.

The turns are drawn from the time alone, so that busy and quiet hours favour neither. Whoever comes stays by `HOLDS` of
the content that is shown then, which is why the difference on the pages of contents is known: `LIFT`.
"""

import hashlib

from demo.camera_profiles import SEATTLE01, CameraProfile

CAMERA = SEATTLE01
CONTENTS = ("Our offices from space", "Today's numbers")
HOLDS = (1.1, 0.9)
"""By how much longer than usual people stay before each content; on average as long as before other displays."""

LIFT = HOLDS[0] / HOLDS[1] - 1
"""How much longer people stay before the first content than before the second one, as a share."""

TURN_MS = 30 * 60 * 1_000


def shown_at(at: int) -> int:
    """Return the index of the content that is shown at this time (epoch milliseconds)."""
    return hashlib.blake2b(str(at // TURN_MS).encode(), digest_size=1).digest()[0] % len(CONTENTS)


def stay(profile: CameraProfile, started: int) -> float:
    """Return by how much longer than usual somebody stays who comes to this camera at this time."""
    return HOLDS[shown_at(started)] if profile.thing == CAMERA.thing else 1.0
