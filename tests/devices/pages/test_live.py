"""What a page's own script is answered when it asks what has changed."""

import datetime as dt
import re
from collections.abc import Callable
from http import HTTPStatus

import pytest
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.template import Context, Template, TemplateSyntaxError
from django.test import Client, RequestFactory
from django.urls import reverse

from devices.models import Device, Site
from devices.pages import live
from devices.rules.roles import Role
from tests import clock
from tests.world import places

PAGE = "{% load live %}<h1>Page</h1>{% live 'one' 'part' %}<b>{{ one }}</b>{% endlive %}{% live 'two' %}2{% endlive %}"


def page(one: object, status: int = HTTPStatus.OK) -> Callable[[HttpRequest], HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(Template(PAGE).render(Context({"request": request, "one": one})), status=status)

    return live.send_live_parts(view)


def ask(view: Callable[[HttpRequest], HttpResponse], etag: str = "") -> HttpResponse:
    headers = {"X-Live": "1"} | ({"If-None-Match": etag} if etag else {})
    return view(RequestFactory(headers=headers).get("/"))


def test_a_reader_gets_the_whole_page() -> None:
    answer = page(1)(RequestFactory().get("/"))
    assert re.sub(r'data-live="\w{16}"', "", answer.content.decode()) == (
        '<h1>Page</h1><div id="live-one-part" ><b>1</b></div><div id="live-two" >2</div>'
    )
    assert "X-Live" in answer.headers["Vary"]


def test_the_script_gets_the_parts_alone_until_one_of_them_changes() -> None:
    first = ask(page(1))
    assert b"<h1>" not in first.content
    assert first.content.count(b"data-live=") == 2
    assert first.headers["Cache-Control"] == "private, no-cache"
    etag = first.headers["ETag"]
    same = ask(page(1), etag)
    assert (same.status_code, same.content, same.headers["ETag"]) == (HTTPStatus.NOT_MODIFIED, b"", etag)
    assert ask(page(1), f"W/{etag}").status_code == HTTPStatus.NOT_MODIFIED, "a proxy that compresses weakens it"
    changed = ask(page("<i>"), etag)
    assert changed.status_code == HTTPStatus.OK
    assert b"<b>&lt;i&gt;</b>" in changed.content
    versions = [re.findall(rb'data-live="(\w+)"', answer.content) for answer in (first, changed)]
    assert versions[0][0] != versions[1][0]
    assert versions[0][1] == versions[1][1]


def test_an_error_is_answered_as_such() -> None:
    answer = ask(page(1, HTTPStatus.NOT_FOUND))
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert b"<h1>" in answer.content


def test_a_part_has_a_name() -> None:
    with pytest.raises(TemplateSyntaxError, match="Give the live part a name"):
        Template("{% load live %}{% live %}{% endlive %}")


def test_who_is_signed_out_or_no_member_any_more_is_not_answered(seattle01: Device, outsider: User) -> None:
    headers = {"X-Live": "1"}
    address = seattle01.get_absolute_url()
    assert Client(headers=headers).get(address).status_code == HTTPStatus.FOUND
    client = Client(headers=headers)
    client.force_login(outsider)
    assert client.get(address).status_code == HTTPStatus.NOT_FOUND
    parts = client.get(reverse("overview"))
    assert parts.status_code == HTTPStatus.OK
    assert b"<html" not in parts.content
    assert b"Seattle" not in parts.content


class Shared:
    """A page that counts how often it is rendered, as users of Seattle and Chicago ask for its parts."""

    def __init__(self) -> None:
        self.rendered = 0
        self.view = live.send_live_parts(live.shared(self._render))

    def _render(self, request: HttpRequest) -> HttpResponse:
        self.rendered += 1
        return page_of(request, self.rendered)

    def ask(self, user: User, *, age: str = "any", path: str = "/one/", etag: str = "") -> HttpResponse:
        headers = {"X-Live": age} | ({"If-None-Match": etag} if etag else {})
        request = RequestFactory(headers=headers).get(path)
        request.user = user
        return self.view(request)


def page_of(request: HttpRequest, one: object) -> HttpResponse:
    return HttpResponse(Template(PAGE).render(Context({"request": request, "one": one})))


def test_users_with_the_same_roles_share_one_rendering_of_each_interval(
    seattle: Site, set_clock: clock.SetClock
) -> None:
    set_clock(clock.NOW)
    shared, users = Shared(), [places.user(f"viewer{number}", {seattle: Role.VIEWER}) for number in range(3)]
    answers = [shared.ask(user) for user in users]
    assert shared.rendered == 1
    assert len({answer.content for answer in answers}) == 1
    etag = answers[0].headers["ETag"]
    assert shared.ask(users[1], etag=etag).status_code == HTTPStatus.NOT_MODIFIED
    shared.ask(users[0], path="/two/")
    assert shared.rendered == 2
    set_clock(clock.NOW + dt.timedelta(seconds=live.INTERVAL_S))
    assert shared.ask(users[0]).content != answers[0].content
    assert shared.rendered == 3


def test_users_with_other_roles_or_single_permissions_share_nothing(
    viewer: User, operator: User, outsider: User, superuser: User, set_clock: clock.SetClock
) -> None:
    set_clock(clock.NOW)
    shared = Shared()
    users = [viewer, operator, outsider, superuser]
    assert len({shared.ask(user).content for user in users}) == 4
    viewer.is_staff = True
    assert shared.ask(viewer).content != shared.ask(viewer).content


def test_whoever_has_changed_something_is_shown_nothing_older(viewer: User, set_clock: clock.SetClock) -> None:
    set_clock(clock.NOW)
    shared = Shared()
    before = shared.ask(viewer)
    after = shared.ask(viewer, age=live.AT_ONCE)
    assert before.content != after.content
    assert shared.ask(viewer).content == after.content


def test_a_rendering_that_fails_is_shared_with_nobody(viewer: User) -> None:
    def fail(request: HttpRequest) -> HttpResponse:
        return HttpResponse("gone", status=HTTPStatus.NOT_FOUND)

    view = live.send_live_parts(live.shared(fail))
    for _ in range(2):
        request = RequestFactory(headers={"X-Live": "any"}).get("/gone/")
        request.user = viewer
        assert view(request).status_code == HTTPStatus.NOT_FOUND


def test_a_page_that_is_not_there_keeps_nobody_waiting(viewer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail("a request waits for parts that never come"))

    def missing(request: HttpRequest) -> HttpResponse:
        raise Http404

    view = live.shared(missing)
    for _ in range(2):
        request = RequestFactory(headers={"X-Live": "any"}).get("/missing/")
        request.user = viewer
        with pytest.raises(Http404):
            view(request)
