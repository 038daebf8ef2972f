"""The pages of a site's notices: its rules and channels, the sent notices, and those that could not be sent."""

import datetime as dt
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from analytics.models import Verdict
from devices.managing.access import find_site, find_site_with
from devices.models import Site
from devices.rules.roles import Right
from edge_agent.vision.gestures import THUMBS_UP
from faces.pictures import storage
from notifications.models import Channel, Copy, Kind, Letter, Notice, Reader, Rule, State
from notifications.pages.forms import ChannelForm, RuleForm
from notifications.rules import escalating, reviewing, words
from notifications.rules import services as rules
from notifications.rules.matching import preview
from notifications.sending import pictures
from notifications.sending import services as sending

if TYPE_CHECKING:
    from devices.models import User

LATEST = 50
"""Notices on the page."""

SNOOZED_FOR = dt.timedelta(hours=8)


@login_required
@require_safe
def site_notices(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the site's rules as sentences, its channels, and the latest notices."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    notices = Notice.objects.filter(rule__site=site).select_related("channel", "rule", "acknowledged_by")
    context = {
        "site": site,
        "rules": Rule.objects.filter(site=site).prefetch_related("channels", "escalate_to"),
        "channels": Channel.objects.filter(site=site),
        "dead": notices.filter(state=State.DEAD)[:LATEST],
        "held": notices.filter(state=State.REVIEW).select_related("happening")[:LATEST],
        "notices": notices.exclude(state__in=[State.DEAD, State.REVIEW])[:LATEST],
        "may_change": Right.OPERATE in site.rights_of(user),
        "now": timezone.now(),
    }
    return render(request, "notifications/notices.html", context)


@login_required
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """Show what was sent, and what waits, from all sites of the user: notices and letters, the newest first."""
    notices = Notice.objects.for_user(request.user).select_related("channel", "rule__site").order_by("-created_at")
    letters = Letter.objects.for_user(request.user).exclude(content={}).select_related("site").order_by("-made_at")
    copies = Copy.objects.filter(reader__in=Reader.objects.permitted(request.user, Right.OPERATE)).select_related(
        "reader__site"
    )
    context = {
        "notices": notices[:LATEST],
        "letters": letters[:LATEST],
        "copies": copies[:LATEST],
        "catches": settings.NOTIFY_CATCH,
    }
    return render(request, "notifications/inbox.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_channel(request: HttpRequest, slug: str) -> HttpResponse:
    """Make a channel. The key that signs a webhook's messages is shown once."""
    site = _site_to_change(request, slug)
    form = ChannelForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            channel, key = sending.add_channel(site=site, **form.cleaned_data)
        except ValidationError as error:
            _add_errors(form, error)
        else:
            words = f" Its messages are signed with the key {key}, which is shown this once." if key else ""
            messages.success(request, f"“{channel}” is a channel of {site} now.{words}")
            return redirect("site-notices", site.slug)
    return _form_page(request, site, form, "Add a channel")


@login_required
@require_POST
def test_channel(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Send a test, and say what the other side answered."""
    site = _site_to_change(request, slug)
    channel = get_object_or_404(Channel.objects.filter(site=site), pk=pk)
    messages.info(request, sending.send_test(channel=channel, now=timezone.now()))
    return redirect("site-notices", site.slug)


@login_required
@require_POST
def delete_channel(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Delete a channel with its notices."""
    site = _site_to_change(request, slug)
    channel = get_object_or_404(Channel.objects.filter(site=site), pk=pk)
    sending.remove_channel(channel=channel)
    messages.success(request, f"“{channel}” is deleted, with the notices that were sent through it.")
    return redirect("site-notices", site.slug)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_rule(request: HttpRequest, slug: str) -> HttpResponse:
    """Make a rule."""
    return _rule_page(request, _site_to_change(request, slug), None)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def change_rule(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Change a rule."""
    site = _site_to_change(request, slug)
    return _rule_page(request, site, get_object_or_404(Rule.objects.filter(site=site), pk=pk))


@login_required
@require_POST
def delete_rule(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Delete a rule with its notices."""
    site = _site_to_change(request, slug)
    rules.remove_rule(rule=get_object_or_404(Rule.objects.filter(site=site), pk=pk))
    messages.success(request, "The rule is deleted, with its notices.")
    return redirect("site-notices", site.slug)


@login_required
@require_POST
def snooze_rule(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Tell nothing by a rule for some hours, or end that."""
    site = _site_to_change(request, slug)
    rule = get_object_or_404(Rule.objects.filter(site=site), pk=pk)
    now = timezone.now()
    sleeps = rule.snoozed_until is not None and rule.snoozed_until > now
    rules.snooze(rule=rule, until=None if sleeps else now + SNOOZED_FOR)
    return redirect("site-notices", site.slug)


@login_required
@require_POST
def send_again(request: HttpRequest, slug: str, pk: uuid.UUID) -> HttpResponse:
    """Have a dead letter sent again."""
    site = _site_to_change(request, slug)
    notice = get_object_or_404(Notice.objects.filter(rule__site=site), pk=pk)
    sending.send_again(notice=notice, now=timezone.now())
    messages.success(request, "The notice is sent again.")
    return redirect("site-notices", site.slug)


@login_required
@require_POST
def acknowledge_notice(request: HttpRequest, slug: str, pk: uuid.UUID) -> HttpResponse:
    """Note that the user takes care of what a notice tells, so that nobody else is told."""
    site = _site_to_change(request, slug)
    notice = get_object_or_404(Notice.objects.filter(rule__site=site), pk=pk)
    escalating.acknowledge(notice=notice, now=timezone.now(), by=cast("User", request.user))
    messages.success(request, "Acknowledged: nobody else is told.")
    return redirect("site-notices", site.slug)


@login_required
@require_POST
def decide_notice(request: HttpRequest, slug: str, pk: uuid.UUID) -> HttpResponse:
    """Confirm or reject what a waiting notice is about: `verdict` is right or wrong."""
    site = _site_to_change(request, slug)
    notice = get_object_or_404(Notice.objects.filter(rule__site=site), pk=pk)
    verdict = Verdict.RIGHT if request.POST.get("verdict") == Verdict.RIGHT else Verdict.WRONG
    reviewing.decide(notice=notice, verdict=verdict, by=cast("User", request.user), now=timezone.now())
    messages.success(request, "Confirmed: it is told." if verdict == Verdict.RIGHT else "Rejected: it is not told.")
    return redirect("site-notices", site.slug)


@require_http_methods(["GET", "HEAD", "POST"])
def acknowledge(request: HttpRequest, token: str) -> HttpResponse:
    """Show what a message told, and take the acknowledgement. A GET takes none: mail scanners open every link."""
    notice = escalating.find_by_token(token)
    if notice is None:
        raise Http404("This link leads to no notice any more.")
    if request.method == "POST":
        user = request.user if request.user.is_authenticated else None
        escalating.acknowledge(notice=notice, now=timezone.now(), by=user)
        notice.refresh_from_db()
    return render(request, "notifications/acknowledge.html", {"notice": notice})


@require_safe
def told_picture(request: HttpRequest, token: str) -> HttpResponse:
    """Return the picture that a message was about, to whoever has its link, while everyone in it agrees."""
    capture = pictures.find_by_token(token, timezone.now())
    if capture is None:
        raise Http404("This link leads to no picture any more.")
    try:
        return HttpResponse(storage.read(capture), content_type="image/jpeg", headers={"Cache-Control": "no-store"})
    except OSError:
        raise Http404("The picture is not stored any more.") from None


def _rule_page(request: HttpRequest, site: Site, rule: Rule | None) -> HttpResponse:
    form = RuleForm(
        request.POST or None,
        instance=rule,
        site=site,
        initial=None if rule else {"enabled": True, "kind": Kind.LABEL, "label": THUMBS_UP},
    )
    if request.method == "POST" and "preview" in request.POST:
        if form.is_valid():
            return _form_page(request, site, form, "Preview", **_previewed(form))
    elif request.method == "POST" and form.is_valid():
        form.instance.texts = form.cleaned_data["texts"]
        try:
            saved = rules.save_rule(
                rule=form.instance,
                channels=list(form.cleaned_data["channels"]),
                escalate_to=list(form.cleaned_data["escalate_to"]),
                by=cast("User", request.user),
            )
        except ValidationError as error:
            _add_errors(form, error)
        else:
            messages.success(request, f"{saved}: it is told from now on.")
            return redirect("site-notices", site.slug)
    return _form_page(request, site, form, "Change the rule" if rule else "Add a rule")


def _previewed(form: RuleForm) -> dict[str, Any]:
    """Return what the texts of the form would say of the last thing that happened; wrong texts are errors of it."""
    rule = form.instance
    try:
        rules.complete(rule)
        texts = words.check_texts(form.cleaned_data["texts"] or words.DEFAULT_TEXTS[Kind(rule.kind)])
    except ValidationError as error:
        _add_errors(form, error)
        return {}
    happening, told = preview(rule, texts)
    return {"is_previewed": True, "happening": happening, "previews": told}


def _form_page(request: HttpRequest, site: Site, form: BaseForm, title: str, **more: Any) -> HttpResponse:
    status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
    is_rule = isinstance(form, RuleForm)
    context = {"site": site, "form": form, "title": title, "tab": "site-notices", "is_rule": is_rule, **more}
    return render(request, "notifications/form.html", context, status=status)


def _add_errors(form: BaseForm, error: ValidationError) -> None:
    by_field = error.message_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.messages}
    for field, sentences in by_field.items():
        for sentence in sentences:
            form.add_error(field if field in form.fields else None, sentence)


def _site_to_change(request: HttpRequest, slug: str) -> Site:
    """Return the site. Raises `Http404` and `PermissionDenied`."""
    return find_site_with(cast("User", request.user), slug, Right.OPERATE)
