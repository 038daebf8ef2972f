"""The pages of data sets: the list, a data set with its labels, recordings and pictures, and the forms.

A data set that the user may not see is a 404.
"""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.core.paginator import Paginator
from django.db.models import Count, Max, Q
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from devices.models import Site
from devices.pages.bodies import limits_body
from devices.rules.roles import Right
from devices.rules.text import whole_number
from learning.datasets import formats, reads, services
from learning.datasets.archives import BadArchive
from learning.datasets.boxes import compare_annotators
from learning.datasets.corrections import waiting_corrections
from learning.datasets.exporting import archive_response
from learning.datasets.importing import import_files
from learning.datasets.policies import policy_of
from learning.datasets.rights import check_operator
from learning.datasets.uploads import LIMIT, files_in
from learning.evaluating.reads import side_by_side
from learning.models import DataSet, Label, Picture, Review
from learning.pages.forms import DataSetForm
from learning.training.sagemaker import account

if TYPE_CHECKING:
    from devices.models import User

PAGE_SIZE = 24
"""Pictures on a page."""

LISTED_PROBLEMS = 50
"""Problems of an import that the page lists; the API returns all."""

PICTURES_CACHED_S = 3600
"""How long a browser may keep a picture, which never changes."""


def visible_data_set(request: HttpRequest, pk: int) -> DataSet:
    """Return the data set. Raises `Http404` unless the user may see it."""
    sets = DataSet.objects.for_user(request.user).select_related("site")
    data_set: DataSet = get_object_or_404(sets, pk=pk)
    return data_set


@login_required
@require_safe
def data_sets(request: HttpRequest) -> HttpResponse:
    """Show the data sets of the user's sites; `?site=` selects a site."""
    sites = list(Site.objects.for_user(request.user))
    slug = request.GET.get("site", "")
    selected = get_object_or_404(Site.objects.for_user(request.user), slug=slug) if slug else None
    visible = DataSet.objects.for_user(request.user).select_related("site")
    if selected:
        visible = visible.filter(site=selected)
    counted = visible.annotate(
        pictures_count=Count("pictures", filter=~Q(pictures__review=Review.DISCARDED), distinct=True),
        open_count=Count("pictures", filter=Q(pictures__review=Review.OPEN), distinct=True),
        labels_count=Count("labels", distinct=True),
        latest=Max("pictures__added_at"),
    ).order_by("site__name", "name")
    operated = list(Site.objects.all().permitted(request.user, Right.OPERATE))
    context = {
        "sites": sites,
        "chosen": slug,
        "operated": [site for site in operated if not selected or site == selected],
        "page": Paginator(counted, PAGE_SIZE).get_page(request.GET.get("page")),
    }
    return render(request, "learning/data_sets.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, site: str) -> HttpResponse:
    """Show and handle the form of a new data set of the site."""
    visible = get_object_or_404(Site.objects.for_user(request.user), slug=site)
    check_operator(visible, _user(request))
    form = DataSetForm(request.POST or None)
    form.instance.site = visible
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_data_set(site=visible, by=_user(request), **form.cleaned_data)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            return redirect(made)
    return render(request, "learning/data_set_form.html", {"form": form, "site": visible})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Show and handle the form of an existing data set."""
    data_set = visible_data_set(request, pk)
    check_operator(data_set.site, _user(request))
    form = DataSetForm(request.POST or None, instance=data_set)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_data_set(data_set=data_set, by=_user(request), **form.cleaned_data)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            return redirect(data_set)
    return render(request, "learning/data_set_form.html", {"form": form, "site": data_set.site})


@login_required
@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete the data set with its pictures."""
    data_set = visible_data_set(request, pk)
    try:
        services.delete_data_set(data_set=data_set, by=_user(request))
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return redirect(data_set)
    messages.success(request, f"The data set “{data_set.name}” was deleted.")
    return redirect("data-sets")


@login_required
@require_safe
def data_set(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a data set: counts, labels, recordings, split and pictures; `?label=` and `?review=` select pictures."""
    return render(request, "learning/data_set.html", context_of(request, visible_data_set(request, pk)))


def context_of(request: HttpRequest, data_set: DataSet, **more: Any) -> dict[str, Any]:
    """Return what the page of a data set shows."""
    chosen = data_set.pictures.prefetch_related("annotations__label").order_by("-pk")
    label, review = request.GET.get("label", ""), request.GET.get("review", "")
    if label:
        chosen = chosen.filter(annotations__label__key=label).distinct()
    if review in Review.values:
        chosen = chosen.filter(review=review)
    return {
        "data_set": data_set,
        "summary": reads.summarise(data_set),
        "page": Paginator(chosen.defer("hands"), PAGE_SIZE).get_page(request.GET.get("page")),
        "label": label,
        "review": review,
        "reviews": Review.choices,
        "agreements": compare_annotators(data_set),
        "corrections": len(waiting_corrections(data_set)),
        "policy": policy_of(data_set.site),
        "formats": formats.FORMATS.values(),
        "runs": side_by_side(list(data_set.runs.select_related("data_set"))),
        "may_change": data_set.site.allows(request.user, Right.OPERATE),
        "has_sagemaker": account.is_set_up(),
        **more,
    }


@limits_body(LIMIT)
@login_required
@require_POST
def import_upload(request: HttpRequest, pk: int) -> HttpResponse:
    """Import the uploaded `files`: pictures, annotations, or one archive of both. The page then tells what was done."""
    data_set = visible_data_set(request, pk)
    check_operator(data_set.site, _user(request))
    uploads = request.FILES.getlist("files")
    recording = request.POST.get("recording", "").strip()
    wrong = "" if uploads else "Choose at least one file."
    report = None
    try:
        if uploads:
            files = files_in(uploads)
            report = import_files(data_set=data_set, files=files, recording=recording, by=_user(request))
    except BadArchive as error:
        wrong = str(error)
    more = {
        "report": report,
        "import_error": wrong,
        "problems": report.problems[:LISTED_PROBLEMS] if report else [],
        "unlisted": max(0, len(report.problems) + report.further_problems - LISTED_PROBLEMS) if report else 0,
        "recording": recording,
    }
    status = HTTPStatus.BAD_REQUEST if wrong else HTTPStatus.OK
    return render(request, "learning/data_set.html", context_of(request, data_set, **more), status=status)


@login_required
@require_safe
def export(request: HttpRequest, pk: int, form: str) -> FileResponse:
    """Return the data set as a ZIP archive in this format; `?pictures=no` leaves the pictures out."""
    data_set = visible_data_set(request, pk)
    if form not in formats.FORMATS:
        raise Http404(f"There is no format “{form}”.")
    return archive_response(data_set, form, with_pictures=request.GET.get("pictures") != "no")


@login_required
@require_POST
def change_label(request: HttpRequest, pk: int) -> HttpResponse:
    """Add, rename or remove a label: `label`, `name`, and `remove`. Renaming to another label's name joins the two."""
    data_set = visible_data_set(request, pk)
    check_operator(data_set.site, _user(request))
    name = request.POST.get("name", "").strip()
    number = request.POST.get("label", "")
    try:
        if not number:
            services.label_named(data_set=data_set, name=name)
            return redirect(data_set)
        label: Label = get_object_or_404(data_set.labels, pk=whole_number(number))
        if "remove" in request.POST:
            services.remove_label(label=label, by=_user(request))
        else:
            kept = services.rename_label(label=label, name=name, by=_user(request))
            if kept.pk != label.pk:
                messages.success(request, f"“{label.name}” and “{kept.name}” are one label now.")
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    return redirect(data_set)


@login_required
@require_safe
def picture_file(request: HttpRequest, pk: int) -> FileResponse:
    """Return the picture as a JPEG. The user's browser may cache it, shared caches never."""
    picture: Picture = get_object_or_404(Picture.objects.for_user(request.user).only("image"), pk=pk)
    try:
        file = default_storage.open(str(picture.image))
    except FileNotFoundError:
        raise Http404("The picture was removed.") from None
    headers = {"Cache-Control": f"private, max-age={PICTURES_CACHED_S}"}
    return FileResponse(file, content_type="image/jpeg", headers=headers)


def _user(request: HttpRequest) -> "User":
    return cast("User", request.user)
