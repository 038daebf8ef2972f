"""Shows the platform what the camera sees while somebody sets it up, and what is wrong where it sees nothing.

The platform asks for views only for some minutes after a box was set up. They are pictures with the detections drawn
into them, as the stream on the box shows them. The platform keeps the latest one alone, until the set-up ends.
"""

import base64
import logging
import threading
from collections.abc import Callable

import cv2
import msgspec

from edge_agent.config import AgentConfig
from edge_agent.delivery.platform_client import PlatformClient, PlatformError
from edge_agent.pictures.encoding import Picture
from edge_agent.release import installed_version

log = logging.getLogger(__name__)

PERIOD_SECONDS = 2.0
PATIENCE_SECONDS = 300.0
"""How long a platform that does not answer is asked; a view is only of use while somebody waits for it."""

LARGEST_SIDE = 960
JPEG_QUALITY = 70
"""A view of this size has some 80 KB: enough to aim a camera by."""

REPORTS = "/api/v1/agent/"


class _Answer(msgspec.Struct, frozen=True):
    wants_views: bool = False


class ViewSender:
    """Sends the latest view from a thread of its own, until the platform wants no more and no trouble is left to end.

    `trouble` returns what is wrong at the moment, in one sentence, or "".
    """

    def __init__(self, config: AgentConfig, trouble: Callable[[], str]) -> None:
        self._client = PlatformClient(config.platform_url or "", config.device_token or "")
        self._trouble = trouble
        self._view: Picture | None = None
        self._stop = threading.Event()
        self._silent_for = 0.0
        self._is_wanted = True
        self._told = ""
        self._thread = threading.Thread(target=self._run, name="views", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def is_wanted(self) -> bool:
        """Whether the platform wants views."""
        return self._is_wanted and not self._stop.is_set()

    @property
    def has_one(self) -> bool:
        """Whether a view waits to be sent."""
        return self._view is not None

    def show(self, view: Picture) -> None:
        """Make this picture (RGB, height × width × 3) the one that is sent next. Any thread."""
        self._view = view

    def stop(self) -> None:
        """Send no further view."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(PERIOD_SECONDS):
            try:
                self.step()
            except Exception:
                log.exception("the view could not be sent")
                self._stop.set()

    def step(self) -> None:
        """Send the latest view, if there is a new one, and what is wrong.

        Without a platform that wants views, send only that a trouble has changed or is over: the platform would show
        the last one for ever.
        """
        view, self._view = self._view, None
        trouble = self._trouble()[:1_000]
        if not self._is_wanted and trouble == self._told:
            return
        report = {"version": installed_version(), "trouble": trouble}
        if view is not None:
            report["picture"] = base64.b64encode(_jpeg(view)).decode("ascii")
        try:
            answer = msgspec.convert(self._client.post(REPORTS, report), _Answer)
        except (PlatformError, msgspec.ValidationError) as error:
            self._silent_for += PERIOD_SECONDS
            if self._silent_for >= PATIENCE_SECONDS:
                log.warning("no more views are sent, because the platform does not take them: %s", error)
                self._stop.set()
            return
        self._silent_for = 0.0
        self._is_wanted, self._told = answer.wants_views, trouble
        if not answer.wants_views and not trouble:
            self._stop.set()


def _jpeg(rgb: Picture) -> bytes:
    scale = min(1.0, LARGEST_SIDE / max(rgb.shape[:2]))
    if scale < 1.0:
        rgb = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return bytes(encoded)
