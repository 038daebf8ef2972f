"""GStreamer's RTSP server, in the system's Python: `rtsp_server.py PORT PHOTOGRAPH USER PASSWORD`.

Without arguments it only tells whether it could be started.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402


def serve(port: str, photograph: str, user: str, password: str) -> None:
    """Serve this PNG file as /camera until killed."""
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f'multifilesrc location="{photograph}" loop=true caps=image/png,framerate=10/1 ! pngdec ! videoconvert'
        " ! video/x-raw,format=I420 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10"
        " ! rtph264pay name=pay0"
    )
    factory.set_shared(True)
    permissions = GstRtspServer.RTSPPermissions()
    for permission in ("access", "construct"):
        permissions.add_permission_for_role(user, f"media.factory.{permission}", True)
    factory.set_permissions(permissions)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", user)
    auth = GstRtspServer.RTSPAuth()
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    server.set_auth(auth)
    server.get_mount_points().add_factory("/camera", factory)
    server.attach(None)
    print("ready", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    Gst.init(None)
    if not Gst.ElementFactory.find("x264enc"):
        sys.exit("there is no x264enc")
    if len(sys.argv) > 1:
        serve(*sys.argv[1:])
