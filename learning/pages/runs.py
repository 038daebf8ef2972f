"""The pages of runs: a run with its evaluation, and the forms that start, enter, stop and delete runs."""

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db.models import ProtectedError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from devices.rules.roles import Right
from learning.datasets.reads import split_of
from learning.datasets.rights import check_operator
from learning.datasets.splitting import TRAIN, VALIDATION, CannotSplit
from learning.evaluating import reads
from learning.models import DataSet, Kind, Run
from learning.pages import curves
from learning.pages.datasets import visible_data_set
from learning.rollout.field import read_field_precision
from learning.rollout.services import devices_of, groups_of
from learning.training import running
from learning.training.parameters import SAGEMAKER, Parameter, clean
from learning.training.sagemaker import account, prices

if TYPE_CHECKING:
    from devices.models import User

SHOWN_MISTAKES = 24


def visible_run(request: HttpRequest, pk: int) -> Run:
    """Return the run. Raises `Http404` unless the user may see it."""
    runs = Run.objects.for_user(request.user).select_related("data_set__site", "created_by")
    run: Run = get_object_or_404(runs, pk=pk)
    return run


@login_required
@require_safe
def run(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a run with its evaluation at `?threshold=`, by default at the model's own."""
    found = visible_run(request, pk)
    threshold = _threshold(request.GET.get("threshold"))
    evaluation = reads.evaluate(found, threshold)
    rows = reads.side_by_side(list(found.data_set.runs.select_related("data_set").order_by("number")))
    row = next(each for each in rows if each.run.pk == found.pk)
    context = {
        "run": found,
        "row": row,
        "evaluation": evaluation,
        "drawing": curves.precision_recall(evaluation.curve, evaluation.threshold) if evaluation else None,
        "learning": curves.learning(found.curve),
        "advice": curves.advice(found.curve),
        "mistakes": reads.mistakes(found, evaluation.threshold, SHOWN_MISTAKES) if evaluation else None,
        "confusion_rows": _confusion_rows(evaluation) if evaluation else [],
        "field": read_field_precision(found, evaluation, now=timezone.now()),
        "cameras": devices_of(found) if found.runs_on_cameras else [],
        "groups": [group for group in groups_of(found) if group.devices] if found.runs_on_cameras else [],
        "may_change": found.data_set.site.allows(request.user, Right.OPERATE),
    }
    return render(request, "learning/run.html", context)


class _Cell(NamedTuple):
    number: int
    right: bool


def _confusion_rows(evaluation: reads.Evaluation) -> list[tuple[str, list[_Cell]]]:
    found = evaluation.confusion
    return [
        (label, [_Cell(count, row == column) for column, count in enumerate(counts)])
        for row, (label, counts) in enumerate(zip(found.labels, found.rows, strict=True))
    ]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """Show and handle the form that starts a run of this kind."""
    data_set = visible_data_set(request, pk)
    check_operator(data_set.site, _user(request))
    parameters = running.PARAMETERS.get(kind)
    if parameters is None:
        raise Http404(f"There is no kind of run “{kind}”.")
    errors: dict[str, list[str]] = {}
    if request.method == "POST":
        given = {each.name: request.POST[each.name] for each in parameters if each.name in request.POST}
        note = request.POST.get("note", "")
        try:
            made = running.start(data_set=data_set, kind=Kind(kind), by=_user(request), given=given, note=note)
        except ValidationError as refusal:
            errors = _errors(refusal)
        else:
            return redirect(made)
    latest = data_set.runs.filter(kind=kind).order_by("-number").first()
    before = latest.parameters if latest else {}
    context = {
        "data_set": data_set,
        "kind": Kind(kind),
        "fields": [
            _Field(each, request.POST.get(each.name, before.get(each.name, each.default)), errors)
            for each in parameters
        ],
        "errors": errors.get("", []) + errors.get("__all__", []),
        "note": request.POST.get("note", ""),
        "sagemaker": _sagemaker(data_set) if kind == Kind.SAGEMAKER else None,
    }
    return render(request, "learning/run_form.html", context, status=400 if errors else 200)


def _sagemaker(data_set: DataSet) -> dict[str, Any]:
    """Return what the form says of costs, with the parameters of the latest run or the defaults."""
    latest = data_set.runs.filter(kind=Kind.SAGEMAKER).order_by("-number").first()
    parameters = clean(SAGEMAKER, {}) | (latest.parameters if latest else {})
    try:
        split = split_of(data_set)
        train, validation = len(split.keys(TRAIN)), len(split.keys(VALIDATION))
    except CannotSplit:
        train = validation = 0
    estimate = prices.estimate(parameters, train=train, validation=validation) if train else None
    return {
        "is_set_up": account.is_set_up(),
        "bucket": settings.SAGEMAKER_BUCKET,
        "estimate": estimate,
        "training": prices.TRAINING,
        "hosting": prices.HOSTING,
        "dated": prices.DATED,
        "region": prices.REGION,
    }


class _Field:
    """A parameter with its value in the form and what is wrong with it."""

    def __init__(self, parameter: Parameter, value: Any, errors: dict[str, list[str]]) -> None:
        self.parameter, self.value, self.errors = parameter, value, errors.get(parameter.name, [])


ENTERED_PARAMETERS = ("mini_batch_size", "image_shape", "epochs", "learning_rate", "base_network")
ENTERED_FIGURES = (
    ("expected", "Expected predictions"),
    ("true", "True predictions"),
    ("false", "False predictions"),
    ("mean_true", "Average confidence of the true"),
    ("mean_false", "Average confidence of the false"),
    ("seconds", "Time in seconds"),
)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def enter(request: HttpRequest, pk: int) -> HttpResponse:
    """Show and handle the form in which the figures of a training elsewhere are entered."""
    data_set = visible_data_set(request, pk)
    check_operator(data_set.site, _user(request))
    errors: list[str] = []
    if request.method == "POST":
        given = {name: value for name in ENTERED_PARAMETERS if (value := request.POST.get(name, "").strip())}
        try:
            figures = {name: _number(title, request.POST.get(name, "")) for name, title in ENTERED_FIGURES}
            seconds = figures.pop("seconds")
            running.enter(
                data_set=data_set,
                by=_user(request),
                given={name: _plain(value) for name, value in given.items()},
                figures=figures,
                seconds=seconds,
                note=request.POST.get("note", ""),
            )
        except ValidationError as refusal:
            errors = list(refusal.messages)
        else:
            return redirect(f"{data_set.get_absolute_url()}#runs")
    context = {
        "data_set": data_set,
        "parameters": [(name, request.POST.get(name, "")) for name in ENTERED_PARAMETERS],
        "figures": [(name, title, request.POST.get(name, "")) for name, title in ENTERED_FIGURES],
        "note": request.POST.get("note", ""),
        "errors": errors,
    }
    return render(request, "learning/enter_run.html", context, status=400 if errors else 200)


@login_required
@require_POST
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop a run that waits or works."""
    found = visible_run(request, pk)
    running.stop(run=found, by=_user(request))
    return redirect(found)


@login_required
@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete a run with its model."""
    found = visible_run(request, pk)
    try:
        running.delete(run=found, by=_user(request))
    except ProtectedError:
        messages.error(request, "A camera has this model, or had it; the run stays, so that its past can be read.")
        return redirect(found)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return redirect(found)
    return redirect(f"{found.data_set.get_absolute_url()}#runs")


@login_required
@require_safe
def model(request: HttpRequest, pk: int) -> FileResponse:
    """Return the model's file to save."""
    found = visible_run(request, pk)
    if not found.has_model:
        raise Http404("The run has no model.")
    return FileResponse(
        found.model_file.open("rb"),
        as_attachment=True,
        filename=f"headcount-{found.model_sha256[:12]}{found.model_suffix}",
    )


def _threshold(text: str | None) -> float | None:
    try:
        number = float(text) if text else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number <= 1 else None


def _number(title: str, text: str) -> float | None:
    if not text.strip():
        return None
    number = _plain(text.strip())
    if isinstance(number, str) or number != number or abs(number) > 1e9:
        raise ValidationError(f"{title}: “{text[:20]}” is not a number.")
    return number


def _plain(text: str) -> float | int | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text[:60]


def _errors(refusal: ValidationError) -> dict[str, list[str]]:
    if hasattr(refusal, "error_dict"):
        return dict(refusal.message_dict)
    return {"": list(refusal.messages)}


def _user(request: HttpRequest) -> "User":
    return cast("User", request.user)
