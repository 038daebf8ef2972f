"""A claim code gives a box its credentials once, for an hour, and not to whoever guesses."""

import base64
import datetime as dt
import io

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from PIL import Image
from pytest_django import Settings

from devices import services as devices
from devices.cameras.adding import codes, services
from devices.cameras.adding.services import CodeRefused, Kind, NewCamera
from devices.models import BoxReport, CameraClaim, Device, Site, Thing
from devices.services import token_digest
from tests import clock
from tests.world import places

ADDRESS = "rtsp://viewer:secret@192.0.2.7/stream1"


def added(site: Site, **more: str) -> Device:
    camera = NewCamera(**{"name": "Front desk", "kind": Kind.RTSP, "address": ADDRESS, **more})
    return services.add_camera(site=site, camera=camera, now=clock.now())


def code_of(device: Device) -> str:
    return services.open_code(CameraClaim.objects.get(thing=device.thing), clock.now())


def test_a_box_gets_the_camera_and_a_token_for_its_code(seattle: Site) -> None:
    device = added(seattle)
    claimed = services.claim_box(code=code_of(device), software="", now=clock.now())
    assert (claimed.thing.name, claimed.source) == (device.thing_name, ADDRESS)
    assert Thing.objects.get(name=device.thing_name).token_digest == token_digest(claimed.token)


def test_the_camera_s_password_is_deleted_once_the_box_has_it(seattle: Site) -> None:
    device = added(seattle)
    services.claim_box(code=code_of(device), software="", now=clock.now())
    assert CameraClaim.objects.get().source == ""


def test_a_code_works_once(seattle: Site) -> None:
    code = code_of(added(seattle))
    services.claim_box(code=code, software="", now=clock.now())
    with pytest.raises(CodeRefused, match="Make a new one"):
        services.claim_box(code=code, software="", now=clock.now())


def test_a_code_expires_after_an_hour_and_takes_the_password_with_it(seattle: Site) -> None:
    code, later = code_of(added(seattle)), clock.now() + dt.timedelta(hours=1, seconds=1)
    with pytest.raises(CodeRefused):
        services.claim_box(code=code, software="", now=later)
    services.end_old_setups(now=later)
    assert CameraClaim.objects.get().source == ""


def test_after_five_wrong_codes_the_right_one_is_refused_too(seattle: Site) -> None:
    code = code_of(added(seattle))
    wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
    for _ in range(codes.MOST_FAILED_ATTEMPTS):
        with pytest.raises(CodeRefused, match="no such code"):
            services.claim_box(code=wrong, software="", now=clock.now())
    with pytest.raises(CodeRefused):
        services.claim_box(code=code, software="", now=clock.now())


def test_a_new_code_ends_the_one_before(seattle: Site) -> None:
    device = added(seattle)
    before = code_of(device)
    new = services.make_claim(device=device, now=clock.now())
    with pytest.raises(CodeRefused):
        services.claim_box(code=before, software="", now=clock.now())
    assert services.claim_box(code=new, software="", now=clock.now()).source == ADDRESS


def test_a_retired_camera_cannot_be_claimed(seattle: Site) -> None:
    device = added(seattle)
    code = code_of(device)
    devices.retire_device(device=device, at=clock.now())
    with pytest.raises(CodeRefused, match="at no place"):
        services.claim_box(code=code, software="", now=clock.now())


def test_boxes_get_the_shared_user_of_the_broker_and_not_the_platform_s(seattle: Site, settings: Settings) -> None:
    settings.MQTT_URL, settings.DEVICES_MQTT_URL = (
        "mqtt://platform:own@10.0.0.1",
        "mqtt://cameras:shared@broker.example",
    )
    claimed = services.claim_box(code=code_of(added(seattle)), software="", now=clock.now())
    assert claimed.mqtt_url == "mqtt://cameras:shared@broker.example"


@pytest.mark.parametrize(
    ("field", "camera"),
    [
        ("name", {"name": ""}),
        ("kind", {"kind": "balloon"}),
        ("address", {"address": "192.0.2.7"}),
        ("address", {"address": "rtsp://viewer:pass#word@192.0.2.7/"}),
        ("thing_name", {"kind": Kind.DEEPLENS}),
        ("bucket", {"kind": Kind.S3}),
    ],
)
def test_an_error_names_its_field_and_registers_nothing(seattle: Site, field: str, camera: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as error:
        added(seattle, **camera)
    assert list(error.value.message_dict) == [field]
    assert not Device.objects.exists()


def test_a_deeplens_that_is_elsewhere_is_not_registered_again(seattle01: Device, chicago: Site) -> None:
    with pytest.raises(ValidationError) as error:
        added(chicago, kind=Kind.DEEPLENS, thing_name=seattle01.thing_name)
    assert list(error.value.message_dict) == ["thing_name"]


def test_the_claim_over_http_answers_with_the_configuration_and_is_not_cached(seattle: Site, client: Client) -> None:
    device = added(seattle)
    response = client.post("/api/v1/claims/", {"code": code_of(device)}, content_type="application/json")
    assert response.status_code == 201
    assert response.json()["config"] == {"mqtt_url": "mqtt://127.0.0.1:1883", "source": ADDRESS}
    assert response.headers["Cache-Control"] == "no-store"
    again = client.post("/api/v1/claims/", {"code": "0000-0000-0000"}, content_type="application/json")
    assert (again.status_code, list(again.json()["errors"])) == (400, ["code"])


class TestViews:
    """What a box shows while somebody sets it up."""

    @pytest.fixture
    def claimed(self, seattle: Site) -> services.Claimed:
        return services.claim_box(code=code_of(added(seattle)), software="", now=clock.now())

    def report(self, client: Client, claimed: services.Claimed, **body: str) -> dict[str, object]:
        response = client.post(
            "/api/v1/agent/",
            body,
            content_type="application/json",
            headers={"Authorization": f"Device {claimed.token}"},
        )
        assert response.status_code == 200, response.content
        answer: dict[str, object] = response.json()
        return answer

    def test_a_view_is_wanted_for_a_quarter_of_an_hour(
        self, claimed: services.Claimed, client: Client, set_clock: clock.SetClock
    ) -> None:
        assert self.report(client, claimed)["wants_views"] is True
        set_clock(clock.now() + services.VIEWS_FOR)
        assert self.report(client, claimed)["wants_views"] is False

    def test_the_view_is_deleted_when_the_set_up_ends(self, claimed: services.Claimed, client: Client) -> None:
        self.report(client, claimed, picture=picture_text())
        assert BoxReport.objects.get().view is not None
        services.finish_setup(thing=claimed.thing)
        assert BoxReport.objects.get().view is None
        assert self.report(client, claimed, picture=picture_text())["wants_views"] is False
        assert BoxReport.objects.get().view is None

    def test_a_forgotten_view_is_deleted_after_a_quarter_of_an_hour(
        self, claimed: services.Claimed, client: Client
    ) -> None:
        self.report(client, claimed, picture=picture_text())
        services.end_old_setups(now=clock.now() + services.VIEWS_FOR)
        assert BoxReport.objects.get().view is None

    def test_what_is_no_picture_is_refused(self, claimed: services.Claimed, client: Client) -> None:
        response = client.post(
            "/api/v1/agent/",
            {"picture": "bm8gcGljdHVyZQ=="},
            content_type="application/json",
            headers={"Authorization": f"Device {claimed.token}"},
        )
        assert (response.status_code, list(response.json()["errors"])) == (400, ["picture"])


def picture_text() -> str:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "grey").save(out, "JPEG")
    return base64.b64encode(out.getvalue()).decode()


def test_a_viewer_may_not_add_a_camera(seattle: Site, viewer: User, client: Client) -> None:
    client.force_login(viewer)
    assert client.get(f"/sites/{seattle.slug}/cameras/add/").status_code == 403


def test_a_camera_is_added_with_one_field_and_two_clicks(seattle: Site, operator: User, client: Client) -> None:
    client.force_login(operator)
    response = client.post(f"/sites/{seattle.slug}/cameras/add/", {"name": "Front desk", "kind": "webcam"}, follow=True)
    device = Device.objects.get(site=seattle)
    assert device.name == "front-desk"
    page = response.content.decode()
    assert code_of(device) in page
    assert "curl -fsSL http://testserver/agent/install.sh | sudo sh -s -- " in page
    assert "<svg" in page


def test_what_was_typed_survives_an_error(seattle: Site, operator: User, client: Client) -> None:
    client.force_login(operator)
    typed = {"name": "Front desk", "kind": "rtsp", "address": "somewhere"}
    response = client.post(f"/sites/{seattle.slug}/cameras/add/", typed)
    assert response.status_code == 400
    page = response.content.decode()
    assert 'value="Front desk"' in page
    assert 'value="somewhere"' in page
    assert places.seattle().devices.count() == 0
