"""The pages of questions: the list, a question with its answers, and the form. What a user may not see is a 404."""

from typing import TYPE_CHECKING, cast

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from analytics.models.questions import Question
from analytics.plots import library
from analytics.questions import charts, reads, services
from analytics.questions.forms import QuestionForm, first_values
from analytics.questions.reads import Answers
from devices.models import Site
from devices.roles import Right
from edge_agent.vision.gestures import GESTURES

if TYPE_CHECKING:
    from devices.models import User

PAGE = 20


@login_required
@require_safe
def questions(request: HttpRequest) -> HttpResponse:
    """The questions of the user's sites, the latest first; `?site=` shows one site's, `?page=` older ones."""
    sites = list(Site.objects.all().for_user(request.user))
    chosen = request.GET.get("site", "")
    shown = get_object_or_404(Site.objects.all().for_user(request.user), slug=chosen) if chosen else None
    asked = Question.objects.all().for_user(request.user).select_related("site").answered()
    page = Paginator(asked.filter(site=shown) if shown else asked, PAGE).get_page(request.GET.get("page"))
    own, now = Site.objects.all().permitted(request.user, Right.OPERATE), timezone.now()
    context = {
        "sites": sites,
        "chosen": chosen,
        "operated": [site for site in own if not shown or site == shown],
        "page": page,
        "rows": [(question, reads.state(question, now), Answers(question.yes, question.no, 0, 0)) for question in page],
    }
    return render(request, "analytics/questions/list.html", context)


@login_required
@require_safe
def question(request: HttpRequest, pk: int) -> HttpResponse:
    """A question with what it was answered, over time and by device."""
    asked = _visible(request, pk)
    now = timezone.now()
    result = reads.result(asked, now=now)
    context = {
        "question": asked,
        "result": result,
        "state": result.state,
        "sentence": charts.sentence(result.answers),
        "figure": charts.answers_figure(result.buckets, now=now),
        "plotly": library.address(),
        "may_ask": asked.site.allows(request.user, Right.OPERATE),
    }
    return render(request, "analytics/questions/question.html", context)


@login_required
def ask(request: HttpRequest, site: str) -> HttpResponse:
    """The form of a new question of this site."""
    here = get_object_or_404(Site.objects.all().for_user(request.user), slug=site)
    with timezone.override(here.zone):
        form = QuestionForm(request.POST or None, initial=first_values(timezone.now()))
        return _form_page(request, form, here)


@login_required
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """The form of a question that is there already."""
    asked = _visible(request, pk)
    with timezone.override(asked.site.zone):
        return _form_page(request, QuestionForm(request.POST or None, instance=asked), asked.site)


@login_required
@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete a question; the answer is the list of its site's others."""
    asked = _visible(request, pk)
    services.withdraw(question=asked, by=_user(request))
    return redirect(f"{reverse('questions')}?{urlencode({'site': asked.site.slug})}")


def _form_page(request: HttpRequest, form: QuestionForm, site: Site) -> HttpResponse:
    services.check_role(site, _user(request))
    if request.method == "POST" and (asked := form.write(site=site, by=_user(request))):
        return redirect(asked)
    return render(request, "analytics/questions/form.html", {"form": form, "site": site, "gestures": GESTURES})


def _visible(request: HttpRequest, pk: int) -> Question:
    asked: Question = get_object_or_404(Question.objects.all().for_user(request.user).select_related("site"), pk=pk)
    return asked


def _user(request: HttpRequest) -> "User":
    return cast("User", request.user)
