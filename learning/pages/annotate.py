"""The page on which boxes are drawn, and what its script asks for."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import msgspec
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from edge_agent.vision.files import ModelsUnavailable
from learning.annotating.proposals import propose
from learning.datasets.boxes import set_boxes
from learning.datasets.formats.boxes import MOST_BOXES
from learning.datasets.rights import check_operator
from learning.models import Picture, Review
from learning.pages.datasets import visible_data_set

if TYPE_CHECKING:
    from devices.models import User

MOST_PICTURES = 20_000
"""Pictures of one queue; their numbers are in the page."""

AT_ONCE = 20
"""Pictures that one request describes; the script asks for some ahead of the one that it shows."""


class SentBox(msgspec.Struct):
    """A box as the script sends it."""

    label: str
    left: int
    top: int
    width: int
    height: int


class Sent(msgspec.Struct):
    """All boxes of a picture, and whether it is kept."""

    boxes: list[SentBox]
    review: Review


@login_required
@require_safe
def annotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the page; `?show=all` goes through all pictures, `?picture=` begins with one, `?label=` selects a label."""
    data_set = visible_data_set(request, pk)
    check_operator(data_set.site, _user(request))
    queue = data_set.pictures.order_by("-uncertainty", "pk")
    chosen = request.GET.get("show", "open")
    if chosen == "open":
        queue = queue.filter(review=Review.OPEN)
    label = request.GET.get("label", "")
    if label:
        queue = queue.filter(annotations__label__key=label).distinct()
    keys = list(queue.values_list("pk", flat=True)[:MOST_PICTURES])
    first = request.GET.get("picture", "")
    if first.isdecimal() and len(first) < 19:
        get_object_or_404(data_set.pictures, pk=int(first))
        keys = [int(first), *(key for key in keys if key != int(first))]
    context = {
        "data_set": data_set,
        "show": chosen,
        "is_empty": not keys and not data_set.pictures.exists(),
        "label": label,
        "start": {
            "pictures": keys,
            "at_once": AT_ONCE,
            "labels": list(data_set.labels.values_list("name", flat=True)),
            "describe": reverse("annotate-pictures", args=[data_set.pk]),
            "save": reverse("annotate-save", args=[0]),
            "proposals": reverse("annotate-proposals", args=[0]),
        },
    }
    return render(request, "learning/annotate.html", context)


@login_required
@require_safe
def describe(request: HttpRequest, pk: int) -> JsonResponse:
    """Return the pictures with these `?ids=`, with their boxes; at most `AT_ONCE`."""
    data_set = visible_data_set(request, pk)
    ids = [int(each) for each in request.GET.get("ids", "").split(",") if each.isdecimal() and len(each) < 19]
    found = data_set.pictures.filter(pk__in=ids[:AT_ONCE]).prefetch_related("annotations__label").defer("hands")
    return JsonResponse({"pictures": [_described(picture) for picture in found]})


def _described(picture: Picture) -> dict[str, Any]:
    return {
        "id": picture.pk,
        "name": picture.name,
        "recording": picture.recording,
        "url": reverse("picture-file", args=[picture.pk]),
        "width": picture.width,
        "height": picture.height,
        "review": picture.review,
        "boxes": [
            {"label": each.label.name, "left": each.left, "top": each.top, "width": each.width, "height": each.height}
            for each in picture.annotations.all()
        ],
    }


@login_required
@require_POST
def save(request: HttpRequest, pk: int) -> JsonResponse:
    """Set the boxes of a picture as the script sends them; the response tells what is wrong in a sentence."""
    picture = _picture(request, pk)
    check_operator(picture.data_set.site, _user(request))
    try:
        sent = msgspec.json.decode(request.body, type=Sent)
        if len(sent.boxes) > MOST_BOXES:
            raise ValidationError(f"A picture has at most {MOST_BOXES:,} boxes.")
        boxes = [(each.label, each.left, each.top, each.width, each.height) for each in sent.boxes]
        set_boxes(picture=picture, boxes=boxes, review=sent.review, by=_user(request))
    except msgspec.DecodeError as error:
        return JsonResponse({"detail": f"The boxes cannot be read: {error}."}, status=HTTPStatus.BAD_REQUEST)
    except ValidationError as error:
        return JsonResponse({"detail": " ".join(error.messages)}, status=HTTPStatus.BAD_REQUEST)
    return JsonResponse({"saved": picture.pk})


@login_required
@require_safe
def proposals(request: HttpRequest, pk: int) -> JsonResponse:
    """Return what the models propose for a picture; an empty list with a sentence where they cannot."""
    picture = _picture(request, pk)
    check_operator(picture.data_set.site, _user(request))
    try:
        found = propose(picture)
    except ModelsUnavailable as error:
        return JsonResponse({"proposals": [], "detail": str(error)})
    except FileNotFoundError:
        return JsonResponse({"proposals": [], "detail": "The picture was removed."})
    rows = [
        {
            "label": each.label,
            "kind": each.kind,
            "confidence": each.confidence,
            **dict(zip(("left", "top", "width", "height"), each.box, strict=True)),
        }
        for each in found
    ]
    return JsonResponse({"proposals": rows})


@login_required
@require_POST
def bulk(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep or discard all pictures of the data set, or those with the label `label`, that are as `from` says."""
    data_set = visible_data_set(request, pk)
    check_operator(data_set.site, _user(request))
    review, before, label = (request.POST.get(name, "") for name in ("review", "from", "label"))
    if review not in Review.values:
        messages.error(request, "Choose whether the pictures are kept, discarded or annotated again.")
        return redirect(data_set)
    rows = data_set.pictures.exclude(review=review)
    if before in Review.values:
        rows = rows.filter(review=before)
    if label:
        rows = rows.filter(pk__in=data_set.pictures.filter(annotations__label__key=label).values("pk"))
    changed = rows.update(review=review)
    messages.success(request, f"{changed:,} pictures are now “{Review(review).label}”.")
    return redirect(data_set)


def _picture(request: HttpRequest, pk: int) -> Picture:
    visible = Picture.objects.for_user(request.user).select_related("data_set__site")
    picture: Picture = get_object_or_404(visible, pk=pk)
    return picture


def _user(request: HttpRequest) -> "User":
    return cast("User", request.user)
