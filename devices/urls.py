"""The addresses of this app: its part of the API, the account page, members, health and metrics."""

from typing import Any

from django.urls import path

from devices.cameras.adding import views as adding
from devices.cameras.adding.api import AgentViewSet, ClaimViewSet
from devices.cameras.fleet import views as fleet
from devices.cameras.provisioning.api import DeviceViewSet, MemberViewSet, RolloutViewSet, SiteViewSet
from devices.managing import history, new_site, quarantine_page, site_page
from devices.managing.members import views as members
from devices.managing.places import device_list
from devices.managing.places import pages as places
from devices.pages import metrics, views
from devices.rest.views import AuditViewSet, LogViewSet, MessageViewSet, QuarantineViewSet

api: list[tuple[str, Any, str]] = [
    ("sites", SiteViewSet, "site"),
    ("devices", DeviceViewSet, "device"),
    ("members", MemberViewSet, "member"),
    ("rollouts", RolloutViewSet, "rollout"),
    ("logs", LogViewSet, "log"),
    ("quarantine", QuarantineViewSet, "quarantine"),
    ("messages", MessageViewSet, "message"),
    ("audit", AuditViewSet, "audit"),
    ("claims", ClaimViewSet, "claim"),
    ("agent", AgentViewSet, "agent"),
]
urlpatterns: list[Any] = [
    path("healthz", views.healthz, name="healthz"),
    path("account/", views.account, name="account"),
    path("account/tokens/<int:pk>/revoke/", views.revoke_token, name="revoke-token"),
    path("account/tokens/revoke/", views.revoke_all_tokens, name="revoke-all-tokens"),
    path("add-site/", new_site.new_site, name="site-new"),
    path("sites/<slug:slug>/settings/", site_page.site_settings, name="site-settings"),
    path("sites/<slug:slug>/settings/devices/", device_list.site_devices, name="site-devices"),
    path("sites/<slug:slug>/settings/devices/<int:pk>/", places.device_place, name="device-place"),
    path("sites/<slug:slug>/settings/devices/<int:pk>/token/", places.issue_token, name="device-token"),
    path("sites/<slug:slug>/settings/devices/<int:pk>/camera/", places.camera_settings, name="device-camera"),
    path(
        "sites/<slug:slug>/settings/devices/<int:pk>/<slug:change>/",
        places.change_place,
        name="device-place-change",
    ),
    path("sites/<slug:slug>/settings/quarantine/", quarantine_page.site_quarantine, name="site-quarantine"),
    path("sites/<slug:slug>/settings/quarantine/adopt/", quarantine_page.adopt, name="site-adopt"),
    path("sites/<slug:slug>/settings/quarantine/<int:pk>/", quarantine_page.message, name="quarantined-message"),
    path("sites/<slug:slug>/settings/history/", history.site_audit, name="site-audit"),
    path("sites/<slug:slug>/members/", members.members, name="members"),
    path("sites/<slug:slug>/members/<int:pk>/", members.change_member, name="change-member"),
    path("sites/<slug:slug>/invitations/<int:pk>/withdraw/", members.withdraw_invitation, name="withdraw-invitation"),
    path("invitations/<str:token>/", members.invitation, name="invitation"),
    path("sites/<slug:slug>/cameras/add/", adding.add_camera, name="add-camera"),
    path("sites/<slug:slug>/cameras/<slug:name>/setup/", adding.camera_setup, name="camera-setup"),
    path("agent/install.sh", adding.install_script, name="agent-install"),
    path("agent/<str:file_name>", adding.agent_wheel, name="agent-wheel"),
    path("fleet/", fleet.fleet, name="fleet"),
    path("metrics", metrics.metrics, name="metrics"),
]
