"""The API shows each member the own sites' devices and nothing else."""

import datetime as dt
import json
from codecs import BOM_UTF8
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from analytics.models import Frame
from devices.intake.batches import accept
from devices.models import Device, DeviceLog, QuarantinedMessage, Reason
from devices.reading.decoding import Arrival
from devices.rest import exports
from devices.services import issue_device_token
from edge_agent import messages
from tests import clock
from tests.world import places

NOW = dt.datetime(2026, 11, 20, 18, 30, tzinfo=dt.UTC)

pytestmark = pytest.mark.django_db


def api(user: User | None = None) -> APIClient:
    client = APIClient()
    if user is not None:
        client.force_authenticate(user)
    return client


def results(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.data
    return list(response.data["results"])


def test_a_member_sees_the_own_site_and_its_devices_only(viewer: User, seattle01: Device, chicago01: Device) -> None:
    assert [site["slug"] for site in results(api(viewer).get("/api/v1/sites/"))] == ["seattle"]
    assert [device["name"] for device in results(api(viewer).get("/api/v1/devices/"))] == ["Seattle01"]


def test_another_sites_object_is_not_found(viewer: User, chicago01: Device) -> None:
    assert api(viewer).get(f"/api/v1/devices/{chicago01.pk}/").status_code == 404
    response = api(viewer).get("/api/v1/sites/chicago/")
    assert response.status_code == 404
    assert response.data["title"] == "Not found"


@pytest.mark.parametrize("path", ["sites", "devices", "logs", "quarantine"])
def test_nobody_sees_anything_without_an_account(path: str, seattle01: Device) -> None:
    response = api().get(f"/api/v1/{path}/")
    assert response.status_code in (401, 403)
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["logs", "quarantine"])
def test_reads_change_nothing(path: str, owner: User) -> None:
    assert api(owner).post(f"/api/v1/{path}/", {}).status_code == 405


def test_the_superuser_sees_all_sites(superuser: User, seattle01: Device, chicago01: Device) -> None:
    assert len(results(api(superuser).get("/api/v1/sites/"))) == 2


def test_a_device_tells_its_live_state(viewer: User, seattle01: Device) -> None:
    now = clock.now()
    accept([Arrival(f"$aws/things/{places.SEATTLE01}/infer", b"{}", now)])
    state = results(api(viewer).get("/api/v1/devices/"))[0]["state"]
    assert state["live"] is True


def test_quarantined_messages_are_listed_with_their_reason(viewer: User, outsider: User, seattle01: Device) -> None:
    accept([Arrival(f"$aws/things/{places.SEATTLE01}/infer", b'{"face": 17}', NOW)])
    accept([Arrival("$aws/things/deeplens_nobody/infer", b"{}", NOW)])
    assert [each["reason"] for each in results(api(viewer).get("/api/v1/quarantine/"))] == ["bad-value"]
    assert results(api(outsider).get("/api/v1/quarantine/")) == []


def log(device: Device, *lines: tuple[str, str]) -> None:
    """These lines, level and text, a minute apart up to `NOW`."""
    for age, (level, text) in enumerate(reversed(lines)):
        at = NOW - dt.timedelta(minutes=age)
        payload = {"id": f"log-{age}", "at": round(at.timestamp() * 1000), "level": level, "text": text}
        accept([Arrival(f"dt/headcount/{device.thing_name}/log", msgspec.json.encode(payload), at)])


def test_a_list_of_quarantined_messages_has_the_beginning_of_each_payload(viewer: User, seattle01: Device) -> None:
    large = b'{"face": ' + b"7" * 100_000
    accept([Arrival(f"$aws/things/{seattle01.thing_name}/infer", large, clock.now())])
    (listed,) = api(viewer).get("/api/v1/quarantine/").data["results"]
    assert (listed["payload"], listed["size"]) == (large[:1_000].decode(), len(large))
    single = api(viewer).get(f"/api/v1/quarantine/{listed['id']}/").data
    assert single["payload"] == large.decode()


def test_the_log_is_the_own_sites_newest_first(viewer: User, seattle01: Device, chicago01: Device) -> None:
    log(seattle01, ("info", "It runs."), ("error", "The camera is gone."))
    log(chicago01, ("info", "Not for Seattle's eyes."))
    lines = results(api(viewer).get("/api/v1/logs/"))
    assert [(line["site"], line["device"], line["level"], line["text"]) for line in lines] == [
        ("seattle", "Seattle01", "error", "The camera is gone."),
        ("seattle", "Seattle01", "info", "It runs."),
    ]
    assert lines[0]["at"] == "2026-11-20T18:30:00Z"
    other = DeviceLog.objects.get(device=chicago01)
    assert api(viewer).get(f"/api/v1/logs/{other.pk}/").status_code == 404


def test_the_log_is_narrowed_and_comes_page_by_page_or_as_a_file(
    superuser: User, seattle01: Device, chicago01: Device
) -> None:
    log(seattle01, ("info", "It runs."), ("warning", "The clock was set."), ("error", "The camera is gone."))
    log(chicago01, ("error", "So is this one."))

    def texts(**query: str) -> list[str]:
        return [line["text"] for line in results(api(superuser).get("/api/v1/logs/", query))]

    assert texts(site="chicago") == ["So is this one."]
    assert texts(device="Seattle01", level="error") == ["The camera is gone."]
    assert texts(device="Seattle01", at__lt="2026-11-20T18:29:00Z") == ["It runs."]
    first = api(superuser).get("/api/v1/logs/?site=seattle&page_size=2").data
    assert [line["text"] for line in results(api(superuser).get(first["next"]))] == ["It runs."]
    assert "level" in api(superuser).get("/api/v1/logs/?level=loud").data["errors"]
    file = b"".join(api(superuser).get("/api/v1/logs/?format=csv&site=chicago")).decode("utf-8-sig").splitlines()
    assert file[0] == "id,site,device,at,received_at,level,text"
    assert file[1].endswith(",error,So is this one.")


def test_any_list_comes_as_csv(viewer: User, seattle01: Device) -> None:
    response = api(viewer).get("/api/v1/devices/?format=csv")
    assert response["Content-Type"].startswith("text/csv")
    header, row = b"".join(response).decode("utf-8-sig").splitlines()
    assert dict(zip(header.split(","), row.split(","), strict=True))["name"] == "Seattle01"


def test_a_formula_in_a_name_is_defused_in_csv(superuser: User, seattle01: Device) -> None:
    seattle01.site.name = "=HYPERLINK()"
    seattle01.site.save()
    assert "'=HYPERLINK()" in b"".join(api(superuser).get("/api/v1/sites/?format=csv")).decode()


def test_a_formula_that_a_list_begins_with_is_defused_in_csv() -> None:
    assert b"".join(exports.as_csv([[["=1+1", "a"]], ["\n=1"]], ["names"])).startswith(BOM_UTF8 + b"names\r\n'=1+1")
    assert b"".join(exports.as_csv([["\n=1"]], ["names"])) == BOM_UTF8 + b'names\r\n"\'\n=1"\r\n'


def test_an_error_is_json_whatever_was_asked_for(viewer: User) -> None:
    response = api(viewer).get("/api/v1/sites/nowhere/?format=csv")
    assert (response.status_code, response.json()["title"]) == (404, "Not found")
    assert response["Content-Type"] == "application/problem+json"


class TestMessages:
    def post(self, token: str, body: Any) -> Any:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Device {token}")
        return client.post("/api/v1/messages/", body, format="json")

    def test_a_device_without_mqtt_hands_in_its_messages(self, seattle01: Device) -> None:
        frames = {"id": "m1", "frames": [{"taken_at": clock.epoch_ms(), "faces": [{"confidence": 0.9}]}]}
        response = self.post(issue_device_token(device=seattle01), [{"kind": "frames", "payload": frames}])
        assert (response.status_code, response.data["ids"]) == (202, ["m1"])
        assert Frame.objects.get().device == seattle01

    @pytest.mark.parametrize("taken_at", ["{}", " {}\n"])
    def test_a_message_is_the_same_by_http_and_by_mqtt(self, seattle01: Device, taken_at: str) -> None:
        time = taken_at.format(clock.epoch_ms())
        payload = '{"frames": [{"taken_at": %s, "x": "\\u00e9", "x": 1.50}], "id": "m1"}' % time  # noqa: UP031
        body = f'[ {{"payload" : {payload} , "kind": "frames"}} ]'
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Device {issue_device_token(device=seattle01)}")
        posted = client.post("/api/v1/messages/", body, content_type="application/json")
        assert (posted.status_code, posted.data["ids"]) == (202, ["m1"])
        topic = messages.topic_from_device(seattle01.thing_name, "frames")
        accept([Arrival(topic, payload.encode(), clock.now())])
        assert Frame.objects.count() == 1

    def test_a_message_that_cannot_be_stored_harms_no_other_of_its_list(self, seattle01: Device) -> None:
        frames = {"id": "p1", "frames": [{"taken_at": clock.epoch_ms(), "faces": []}]}
        line = {"id": "p2", "at": clock.epoch_ms(), "text": "hello \ud83d"}
        sent = [{"kind": "frames", "payload": frames}, {"kind": "log", "payload": line}]
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Device {issue_device_token(device=seattle01)}")
        posted = client.post("/api/v1/messages/", json.dumps(sent), content_type="application/json")
        assert (posted.status_code, posted.data["committed"], posted.data["quarantined"]) == (202, 1, 1)
        assert QuarantinedMessage.objects.get().reason == Reason.UNREADABLE

    def test_a_wrong_token_is_refused(self, seattle01: Device) -> None:
        issue_device_token(device=seattle01)
        assert self.post("wrong", []).status_code == 401

    def test_a_new_token_ends_the_one_before(self, seattle01: Device) -> None:
        old = issue_device_token(device=seattle01)
        issue_device_token(device=seattle01)
        assert self.post(old, []).status_code == 401

    def test_a_wrong_kind_is_named(self, seattle01: Device) -> None:
        response = self.post(issue_device_token(device=seattle01), [{"kind": "smell", "payload": {}}])
        assert response.status_code == 400
        assert "smell" in str(response.data["errors"])

    def test_what_is_no_message_of_a_known_kind_is_refused_alone(self, seattle01: Device) -> None:
        frames = {"id": "m1", "frames": [{"taken_at": clock.epoch_ms(), "faces": []}]}
        sent = [{"kind": "smell", "payload": {}}, {"kind": "frames", "payload": frames}, {"kind": "log"}]
        sent += [3, None, "frames", [frames]]
        response = self.post(issue_device_token(device=seattle01), sent)
        assert (response.status_code, response.data["ids"], response.data["committed"]) == (202, ["m1"], 1)
        assert [refused["number"] for refused in response.data["refused"]] == [0, 2, 3, 4, 5, 6]
        assert response.data["refused"][-1]["detail"] == "The message must be an object with “kind” and “payload”."
        assert "“smell”" in response.data["refused"][0]["detail"]

    def test_a_user_is_no_device(self, owner: User) -> None:
        assert api(owner).post("/api/v1/messages/", [], format="json").status_code in (401, 403)


def test_an_operator_corrects_what_a_device_looks_for(operator: User, seattle01: Device) -> None:
    corrected = {"looks_for_faces": True, "looks_for_labels": ["Thumbs_Up", "cup "], "waits_between_uploads": False}
    response = api(operator).patch(f"/api/v1/devices/{seattle01.pk}/", corrected, format="json")
    assert response.status_code == 200, response.data
    expected = {**corrected, "looks_for_labels": ["cup", "thumbs-up"], "is_corrected": True}
    found = results(api(operator).get("/api/v1/devices/"))[0]
    assert {name: found[name] for name in expected} == {name: response.data[name] for name in expected} == expected


def test_a_correction_can_be_given_back_to_the_messages(operator: User, seattle01: Device) -> None:
    path = f"/api/v1/devices/{seattle01.pk}/"
    api(operator).patch(path, {"looks_for_faces": True}, format="json")
    response = api(operator).patch(path, {"looks_for_faces": None, "is_corrected": False}, format="json")
    assert (response.data["looks_for_faces"], response.data["is_corrected"]) == (None, False)


@pytest.mark.parametrize("labels", [["\u200b"], ["x" * 65], [""], ["a"] * 201, "cup"])
def test_labels_that_no_device_can_send_are_refused(operator: User, seattle01: Device, labels: Any) -> None:
    response = api(operator).patch(f"/api/v1/devices/{seattle01.pk}/", {"looks_for_labels": labels}, format="json")
    assert response.status_code == 400
    seattle01.refresh_from_db()
    assert not seattle01.labels_sought


def test_a_viewer_corrects_nothing_and_nobody_renames_a_device_so(
    viewer: User, operator: User, seattle01: Device
) -> None:
    path = f"/api/v1/devices/{seattle01.pk}/"
    assert api(viewer).patch(path, {"looks_for_faces": True}, format="json").status_code == 403
    api(operator).patch(path, {"name": "Other"}, format="json")
    seattle01.refresh_from_db()
    assert (seattle01.name, seattle01.faces_sought) == ("Seattle01", None)
