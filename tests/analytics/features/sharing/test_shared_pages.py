"""A link shows one page of one site, for a time, to whoever has it, and nothing else."""

import datetime as dt
import html
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.urls import reverse

from analytics.features.sharing import services
from analytics.models import SharedPage
from devices.models import AuditEntry, Device
from tests.analytics.pages.test_pages import NOW, half_an_hour, picture, words
from tests.clock import SetClock
from tests.world import places

DAY = dt.timedelta(days=1)


@pytest.fixture(autouse=True)
def _half_past_ten(set_clock: SetClock) -> None:
    set_clock(NOW)


def share(device: Device, by: User, **more: Any) -> tuple[SharedPage, str]:
    values = {"name": "The landlord", "device_name": device.name, "parameters": {"days": "7"}, "days": "30", **more}
    return services.share(site=device.site, by=by, now=NOW, **values)


def opened(token: str) -> Any:
    return Client().get(reverse("shared", args=[token]))


def test_whoever_has_the_link_sees_the_numbers_without_an_account(seattle01: Device, operator: User) -> None:
    half_an_hour(seattle01)
    _, token = share(seattle01, operator)
    answer = opened(token)
    shown = words(answer)
    assert answer.status_code == 200
    assert "Seattle01, Seattle" in shown
    assert "14 – 20 Nov 2026" in shown
    assert "1.00 people" in shown
    assert "works until 20 Dec 2026" in shown
    plots = Client().get(reverse("shared-plots", args=[token]))
    assert 'id="engagement-figure"' in plots.content.decode()


def test_it_shows_no_picture_no_log_and_no_link_to_another_page(seattle01: Device, operator: User) -> None:
    half_an_hour(seattle01)
    picture(seattle01, 1, NOW)
    _, token = share(seattle01, operator)
    body = opened(token).content.decode()
    addresses = {html.unescape(each) for each in re.findall(r'(?:href|src|action|data-plots)="([^"]*)"', body)}
    foreign = {each for each in addresses if not each.startswith(("/static/", "#", f"/shared/{token}/"))}
    assert foreign == set()
    assert "<img" not in body
    assert "<form" not in body


def test_the_address_cannot_widen_the_page(seattle01: Device, operator: User) -> None:
    other = places.device(seattle01.site, "Seattle02", "two")
    half_an_hour(other)
    _, token = share(seattle01, operator)
    for query in ("?days=30", "?device=Seattle02", "?site=seattle", "?label=cup"):
        answer = Client().get(reverse("shared", args=[token]) + query)
        assert "14 – 20 Nov 2026" in words(answer)
        assert "1.00 people" not in words(answer)


def test_the_link_opens_nothing_else(seattle01: Device, operator: User) -> None:
    _, token = share(seattle01, operator)
    client = Client()
    assert client.get(reverse("shared", args=[token])).status_code == 200
    assert client.post(reverse("shared", args=[token])).status_code == 405
    for path in ("/", "/sites/seattle/", seattle01.get_absolute_url(), "/api/v1/devices/", f"/wall/t/{token}/of/3"):
        assert client.get(path).status_code in (302, 401, 403, 404)
    assert client.get("/api/v1/devices/", headers={"Authorization": f"Token {token}"}).status_code == 401


def test_a_link_expires(seattle01: Device, operator: User, set_clock: SetClock) -> None:
    _, token = share(seattle01, operator, days="7")
    set_clock(NOW + 7 * DAY - dt.timedelta(seconds=1))
    assert opened(token).status_code == 200
    set_clock(NOW + 7 * DAY)
    answer = opened(token)
    assert answer.status_code == 404
    assert "revoked or has expired" in words(answer)
    assert Client().get(reverse("shared-plots", args=[token])).status_code == 404


def test_a_revoked_link_opens_nothing(seattle01: Device, operator: User) -> None:
    page, token = share(seattle01, operator)
    client = Client()
    client.force_login(operator)
    client.post(reverse("shared-page-revoke", args=["seattle", page.pk]))
    assert opened(token).status_code == 404
    assert not SharedPage.objects.exists()


def test_only_a_digest_of_the_token_is_stored(seattle01: Device, operator: User) -> None:
    page, token = share(seattle01, operator)
    stored = SharedPage.objects.values().get(pk=page.pk)
    assert token not in str(stored)
    assert opened(stored["token_digest"]).status_code == 404


def test_search_engines_and_other_hosts_are_not_told_of_the_link(seattle01: Device, operator: User) -> None:
    _, token = share(seattle01, operator)
    for name in ("shared", "shared-plots"):
        answer = Client().get(reverse(name, args=[token]))
        assert answer["X-Robots-Tag"] == "noindex, nofollow"
        assert answer["Referrer-Policy"] == "no-referrer"
        assert "no-store" in answer["Cache-Control"]


def test_operators_make_and_see_links_on_a_page(seattle01: Device, operator: User, viewer: User) -> None:
    client = Client()
    client.force_login(operator)
    address = reverse("shared-pages", args=["seattle"])
    form = client.get(f"{address}?device=Seattle01&period=month&to=2026-10-31")
    assert "over October 2026, with" in words(form)
    assert "over November 2026 so far, moving on with the days, with" in words(
        client.get(f"{address}?device=Seattle01&period=month")
    )
    made = client.post(
        address,
        {"name": "The landlord", "device": "Seattle01", "period": "month", "to": "2026-10-31", "works_for": "90"},
    )
    token = re.search(r"/shared/([\w-]+)/", made.content.decode())
    assert token
    assert "October 2026" in words(opened(token.group(1)))
    client.force_login(viewer)
    listed = client.get(address)
    assert "The landlord Seattle01, October 2026" in words(listed)
    assert "Make a link" not in words(listed)
    assert token.group(1) not in listed.content.decode()


def test_viewers_and_members_of_other_sites_share_nothing(seattle01: Device, viewer: User, outsider: User) -> None:
    for user in (viewer, outsider):
        with pytest.raises(PermissionDenied, match="may share its pages"):
            share(seattle01, user)


def test_a_page_of_a_site_revokes_no_page_of_another(seattle01: Device, operator: User, outsider: User) -> None:
    page, _ = share(seattle01, operator)
    client = Client()
    client.force_login(outsider)
    assert client.post(reverse("shared-page-revoke", args=["chicago", page.pk])).status_code == 404
    with pytest.raises(PermissionDenied, match="may revoke its shared pages"):
        services.revoke(page=page, by=outsider)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"days": "36500"}, "A link works for 7, 30, 90, 365 days."),
        ({"days": "never"}, "A link works for"),
        ({"device_name": "Chicago01"}, "has no device “Chicago01”"),
        ({"parameters": {"days": "0"}}, "A period of “0” days is not possible"),
        ({"name": ""}, "cannot be blank"),
    ],
)
def test_what_cannot_be_shared_is_told_in_a_sentence(
    seattle01: Device, operator: User, more: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValidationError, match=sentence):
        share(seattle01, operator, **more)


def test_the_number_of_links_is_bounded(seattle01: Device, operator: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MOST_PAGES", 1)
    share(seattle01, operator)
    with pytest.raises(ValidationError, match="has 1 shared pages"):
        share(seattle01, operator)


def test_the_audit_records_who_shared_what(seattle01: Device, operator: User) -> None:
    client = Client()
    client.force_login(operator)
    made = client.post(reverse("shared-pages", args=["seattle"]), {"name": "The landlord", "works_for": "7"})
    assert made.status_code == 200, words(made)
    entry = AuditEntry.objects.filter(subject="shared page").get()
    assert (entry.by_id, entry.site.slug, entry.label) == (operator.pk, "seattle", "The landlord")
