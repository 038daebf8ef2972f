"""The pages of questions: the list, a question with its answers, and the form.

A question that the user may not see is a 404.
"""

from typing import TYPE_CHECKING, cast

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from analytics.features.questions import charts, reads, services
from analytics.features.questions.forms import QuestionForm, initial_values
from analytics.features.questions.reads import AnswerCounts
from analytics.models.questions import Question
from analytics.plots import library
from devices.models import Site
from devices.rules.roles import Right

if TYPE_CHECKING:
    from devices.models import User

PAGE_SIZE = 20


@login_required
@require_safe
def questions(request: HttpRequest) -> HttpResponse:
    """Show the questions of the user's sites, the latest first; `?site=` selects a site, `?page=` an older page."""
    sites = list(Site.objects.all().for_user(request.user))
    slug = request.GET.get("site", "")
    selected = get_object_or_404(Site.objects.all().for_user(request.user), slug=slug) if slug else None
    visible = Question.objects.all().for_user(request.user).select_related("site").answered()
    page = Paginator(visible.filter(site=selected) if selected else visible, PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    own, now = Site.objects.all().permitted(request.user, Right.OPERATE), timezone.now()
    context = {
        "sites": sites,
        "chosen": slug,
        "operated": [site for site in own if not selected or site == selected],
        "page": page,
        "rows": [
            (
                question,
                reads.question_state(question, now),
                AnswerCounts(question.yes, question.no, 0, 0, question.people),
            )
            for question in page
        ],
    }
    return render(request, "analytics/questions/list.html", context)


@login_required
@require_safe
def question(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a question with its answers, over time and per device."""
    question = _visible_question(request, pk)
    now = timezone.now()
    result = reads.read_result(question, now=now)
    context = {
        "question": question,
        "result": result,
        "state": result.state,
        "sentence": charts.sentence(result.answers),
        "figure": charts.answers_figure(result.buckets, now=now),
        "plotly": library.address(),
        "may_ask": question.site.allows(request.user, Right.OPERATE),
    }
    return render(request, "analytics/questions/question.html", context)


@login_required
def ask(request: HttpRequest, site: str) -> HttpResponse:
    """Show and handle the form of a new question of the site."""
    visible_site = get_object_or_404(Site.objects.all().for_user(request.user), slug=site)
    with timezone.override(visible_site.zone):
        form = QuestionForm(request.POST or None, initial=initial_values(timezone.now()))
        return _form_page(request, form, visible_site)


@login_required
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Show and handle the form of an existing question."""
    question = _visible_question(request, pk)
    with timezone.override(question.site.zone):
        return _form_page(request, QuestionForm(request.POST or None, instance=question), question.site)


@login_required
@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete a question and redirect to the list of its site's questions."""
    question = _visible_question(request, pk)
    services.withdraw(question=question, by=_user(request))
    return redirect(f"{reverse('questions')}?{urlencode({'site': question.site.slug})}")


def _form_page(request: HttpRequest, form: QuestionForm, site: Site) -> HttpResponse:
    services.check_role(site, _user(request))
    if request.method == "POST" and (question := form.write(site=site, by=_user(request))):
        return redirect(question)
    return render(
        request, "analytics/questions/form.html", {"form": form, "site": site, "gestures": services.known_labels(site)}
    )


def _visible_question(request: HttpRequest, pk: int) -> Question:
    questions = Question.objects.all().for_user(request.user).select_related("site")
    question: Question = get_object_or_404(questions, pk=pk)
    return question


def _user(request: HttpRequest) -> "User":
    return cast("User", request.user)
