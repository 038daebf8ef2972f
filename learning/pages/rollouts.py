"""The forms that put a model on cameras and take it off."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from devices.models import Device
from learning.models import Rollout
from learning.pages.runs import visible_run
from learning.rollout import services

if TYPE_CHECKING:
    from devices.models import User


@login_required
@require_POST
def put_on(request: HttpRequest, pk: int) -> HttpResponse:
    """Put the run's model on the cameras that the form names as `device`, or on those of its `group`."""
    run = visible_run(request, pk)
    keys = [int(key) for key in request.POST.getlist("device") if key.isdecimal() and len(key) < 19]
    devices: Sequence[Device]
    devices = list(Device.objects.for_user(request.user).filter(pk__in=keys).select_related("site"))
    try:
        if group := request.POST.get("group", ""):
            devices = services.group_named(run, group)
        made = services.put_on(run=run, devices=devices, by=_user(request))
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        if made:
            messages.success(
                request, f"{', '.join(str(each.device) for each in made)} fetch the model within a minute."
            )
        else:
            messages.info(request, "Choose a camera that does not run the model yet.")
    return redirect(f"{run.get_absolute_url()}#devices")


@login_required
@require_POST
def take_off(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the model off a camera."""
    rollouts = Rollout.objects.for_user(request.user).select_related("device__site", "run__data_set")
    rollout: Rollout = get_object_or_404(rollouts, pk=pk)
    services.take_off(rollout=rollout, by=_user(request))
    return redirect(f"{rollout.run.get_absolute_url()}#devices")


def _user(request: HttpRequest) -> "User":
    return cast("User", request.user)
