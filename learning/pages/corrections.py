"""The button that retrains with what reviewers corrected, and an owner's page about pictures for training."""

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from devices.models import Site
from devices.rules.roles import Right
from learning.datasets.corrections import add_corrections
from learning.datasets.policies import policy_of, set_training_policy
from learning.models import ON_CAMERAS, DataSet, Kind, Run, TrainingPolicy
from learning.pages.datasets import visible_data_set
from learning.training import running

if TYPE_CHECKING:
    from devices.models import User


@login_required
@require_POST
def retrain(request: HttpRequest, pk: int) -> HttpResponse:
    """Add the pictures of the reviewed detections, and start a run of the kind and hyper-parameters of the latest one
    that cameras can run."""
    data_set = visible_data_set(request, pk)
    try:
        added, problems = add_corrections(data_set=data_set, by=_user(request))
        latest: Run | None = data_set.runs.filter(kind__in=ON_CAMERAS).order_by("-number").first()
        run = running.start(
            data_set=data_set,
            kind=Kind(latest.kind) if latest else Kind.GESTURE,
            by=_user(request),
            given=latest.parameters if latest else {},
            note=f"with {added} corrected pictures",
        )
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return redirect(data_set)
    for problem in problems[:10]:
        messages.warning(request, problem)
    messages.success(request, f"{added} corrected pictures were added, and a new version is being trained.")
    return redirect(run)


LIMITS = ("every", "megabytes")


class TrainingPolicyForm(forms.ModelForm[TrainingPolicy]):
    class Meta:
        model = TrainingPolicy
        fields = ["is_on", "keep_days", "from_cameras", "every", "megabytes", "data_set"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        of_site = DataSet.objects.filter(site=self.instance.site_id)
        cast("forms.ModelChoiceField[DataSet]", self.fields["data_set"]).queryset = of_site
        for name in LIMITS:
            self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        """Where no picture of the cameras is kept, none is sent either. A limit that is not given stays as it was."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name in LIMITS:
            if cleaned.get(name) is None and name not in self.errors:
                cleaned[name] = getattr(self.instance, name)
        if not cleaned.get("is_on"):
            cleaned["from_cameras"] = False
        return cleaned


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def training_policy(request: HttpRequest, site: str) -> HttpResponse:
    """Show what the site allows with pictures of its cameras; owners change it."""
    found = get_object_or_404(Site.objects.for_user(request.user), slug=site)
    may_decide = found.allows(request.user, Right.DECIDE_ON_FACES)
    form = TrainingPolicyForm(request.POST or None, instance=policy_of(found))
    if request.method == "POST" and form.is_valid():
        set_training_policy(site=found, by=_user(request), now=timezone.now(), **form.cleaned_data)
        messages.success(request, "The decision was stored.")
        return redirect(reverse("training-policy", args=[found.slug]))
    context = {"site": found, "policy": policy_of(found), "form": form, "may_decide": may_decide}
    return render(request, "learning/training_policy.html", context)


def _user(request: HttpRequest) -> "User":
    return cast("User", request.user)
