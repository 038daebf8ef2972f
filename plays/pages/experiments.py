"""The pages of experiments: a new one, and one with its plan and what may be said of it."""

import datetime as dt
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from devices.managing.access import find_site, find_site_with
from devices.models import Site
from devices.rules.roles import Right
from plays.experiments import services
from plays.experiments.plan import published
from plays.experiments.reads import announce, read_result
from plays.models import Content, Experiment, Screen
from plays.pages.forms import ExperimentForm

if TYPE_CHECKING:
    from devices.models import User

NEXT_BLOCKS = 12
"""Blocks of the plan on the page; the published plan has all of them."""


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_experiment(request: HttpRequest, slug: str) -> HttpResponse:
    """Plan an experiment. “How long?” tells how many days it needs; “Publish” draws the plan and publishes it."""
    site, now = find_site_with(cast("User", request.user), slug, Right.OPERATE), timezone.now()
    tomorrow = now.astimezone(site.zone).date() + dt.timedelta(days=1)
    form = ExperimentForm(request.POST or None, site=site, initial={"first_day": tomorrow, "days": 14})
    announcement = None
    if request.method == "POST" and form.is_valid():
        experiment = form.save(commit=False)
        if "ask" in request.POST:
            announcement = announce(experiment.screen, form.contents, experiment, now=now)
        else:
            try:
                made = services.publish(
                    experiment=experiment, contents=form.contents, by=cast("User", request.user), now=now
                )
            except ValidationError as error:
                _add_errors(form, error)
            else:
                messages.success(request, f"The plan of “{made}” is drawn and published.")
                return redirect(made)
    context = {
        "site": site,
        "form": form,
        "announcement": announcement,
        "has_contents": Content.objects.filter(site=site).count() > 1 and Screen.objects.filter(site=site).exists(),
    }
    status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
    return render(request, "plays/experiment_form.html", context, status=status)


def _add_errors(form: ExperimentForm, error: ValidationError) -> None:
    by_field = error.message_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.messages}
    names = {"contents": "others", "smallest_lift": "percent"}
    for field, sentences in by_field.items():
        name = names.get(field, field)
        for sentence in sentences:
            form.add_error(name if name in form.fields else None, sentence)


@login_required
@require_safe
def experiment(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Show the plan, and what may be said of the experiment now."""
    user, now = cast("User", request.user), timezone.now()
    site = find_site(user, slug)
    found = _find(site, pk)
    result = read_result(found, now=now)
    blocks = list(found.blocks.filter(ends_at__gt=now)[:NEXT_BLOCKS]) if found.stopped_at is None else []
    context: dict[str, Any] = {
        "site": site,
        "experiment": found,
        "result": result,
        "rows": [
            (arm, result.average(arm.number), result.words(arm.number) if arm.number else "", result.sums[arm.number])
            for arm in result.arms
        ],
        "blocks": [(block, result.arms[block.arm].content, block.starts_at <= now) for block in blocks],
        "may_change": Right.OPERATE in site.rights_of(user),
        "share": result.squares / result.planned_squares if result.planned_squares else 0,
    }
    return render(request, "plays/experiment.html", context)


@login_required
@require_safe
def published_plan(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Return the plan as it was published: a text whose SHA-256 is the plan's hash."""
    found = _find(find_site(cast("User", request.user), slug), pk)
    keys = [arm.content.key for arm in found.arms.select_related("content")]
    blocks: Any = found.blocks.all()
    return HttpResponse(published(blocks, keys), content_type="text/plain; charset=utf-8")


@login_required
@require_POST
def stop_experiment(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Stop an experiment before its end."""
    site = find_site_with(cast("User", request.user), slug, Right.OPERATE)
    found = _find(site, pk)
    try:
        services.stop(experiment=found, now=timezone.now())
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, f"“{found}” is stopped.")
    return redirect(found)


def _find(site: Site, pk: int) -> Experiment:
    found: Experiment = get_object_or_404(
        Experiment.objects.filter(site=site).select_related("site", "screen__site"), pk=pk
    )
    return found
