"""Questions that a site asks the people in front of its displays."""

import datetime as dt
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Case, F, IntegerField, Max, OuterRef, Q, QuerySet, Subquery, Value, When
from django.urls import reverse

from analytics.models.episodes import Episode
from analytics.models.quarters import QUARTER_MINUTES, quarter_start
from devices.models import Site
from devices.rules.text import LineField
from devices.storage.constraints import OneAtATime
from devices.storage.querysets import SiteScopedQuerySet
from edge_agent.vision.gestures import THUMBS_DOWN, THUMBS_UP

LONGEST_TEXT = 200
"""The most characters of a question; more would not fit on a wall."""


LONGEST = dt.timedelta(days=366)
"""The longest time for which a question may be asked; longer times are typing mistakes."""

YEARS = range(2000, 3000)
"""The years in which a question may be asked; other years are typing mistakes."""


def validate_quarter(moment: dt.datetime) -> None:
    """Raise `ValidationError` unless the time is the start of a quarter hour: answers are tallied by quarter hours."""
    if moment.year not in YEARS:
        raise ValidationError(f"Choose a year from {YEARS[0]} to {YEARS[-1]}.")
    if quarter_start(moment.astimezone(dt.UTC)) != moment:
        raise ValidationError(f"Choose a full quarter of an hour, such as 9:{QUARTER_MINUTES}.")


class QuestionQuerySet(SiteScopedQuerySet):
    def answered(self) -> Self:
        """Add `yes` and `no`, the numbers of either answer, and `people`, how many of both are people's; in one query.

        The other answers are gestures of devices that do not follow people.
        """
        while_asked = Episode.objects.filter(
            device__site=OuterRef("site"), started__gte=OuterRef("asked_from"), started__lt=OuterRef("asked_until")
        )
        answers = answers_in(while_asked, OuterRef("yes_label"), OuterRef("no_label"))
        yes, no = answers.filter(MEANS_YES), answers.filter(MEANS_NO)
        people = answers.filter(MEANS_YES | MEANS_NO).exclude(visit="")
        return self.annotate(yes=_Count(yes), no=_Count(no), people=_Count(people))


class _Count(Subquery):
    """The number of rows of a query."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


def answers_in(episodes: "QuerySet[Episode]", yes_label: Any, no_label: Any) -> Any:
    """Return a row for each answer: `device_id`, `visit`, and when it last said yes and no (`yes_at`, `no_at`).

    A person answers once, and the last gesture decides (`MEANS_YES`, `MEANS_NO`). At a device that does not follow
    people, each gesture is an answer.
    """
    of_nobody = Case(When(visit="", then=F("pk")), default=Value(0))
    either = episodes.filter(Q(label=yes_label) | Q(label=no_label)).order_by()
    return either.values("device_id", "visit", gesture=of_nobody).annotate(
        yes_at=Max("started", filter=Q(label=yes_label)), no_at=Max("started", filter=Q(label=no_label))
    )


MEANS_YES = Q(yes_at__isnull=False) & (Q(no_at__isnull=True) | Q(yes_at__gt=F("no_at")))
MEANS_NO = Q(no_at__isnull=False) & (Q(yes_at__isnull=True) | Q(no_at__gt=F("yes_at")))
"""The answer of a row of `answers_in`. Somebody who begins both gestures at once has not answered."""


class Question(models.Model):
    """A question that a site asks from `asked_from` to before `asked_until`; people answer with a gesture."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="questions", db_index=False)
    text = LineField(max_length=LONGEST_TEXT, help_text="Such as “Enjoying your coffee?”")
    asked_from = models.DateTimeField(validators=[validate_quarter])
    asked_until = models.DateTimeField(validators=[validate_quarter])
    yes_label = models.CharField(
        "gesture for yes", max_length=64, default=THUMBS_UP, help_text="Its label in the devices' messages."
    )
    no_label = models.CharField(
        "gesture for no", max_length=64, default=THUMBS_DOWN, help_text="Its label in the devices' messages."
    )

    objects = QuestionQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_from", "-pk"]
        indexes = [models.Index(fields=["site", "asked_from"], name="questions_of_a_site")]
        constraints = [
            models.CheckConstraint(
                condition=Q(asked_from__lt=F("asked_until")),
                name="a_question_ends_after_it_begins",
                violation_error_message="The question must end after it begins.",
            ),
            models.CheckConstraint(
                condition=~Q(yes_label=F("no_label")),
                name="yes_is_not_no",
                violation_error_message="One gesture cannot mean both yes and no.",
            ),
            OneAtATime(
                of=["site"],
                start="asked_from",
                end="asked_until",
                name="one_question_at_a_time",
                violation_error_message="The site asks another question in this time; a thumb could answer either.",
            ),
        ]

    def __str__(self) -> str:
        return self.text

    def get_absolute_url(self) -> str:
        return reverse("question", args=[self.pk])

    def say_overlapped(self) -> str:
        """Return why another question cannot be asked at the same time, naming this one."""
        zone = self.site.zone
        start, end = (f"{at.astimezone(zone):%-d %b %Y, %H:%M}" for at in (self.asked_from, self.asked_until))
        other = f"“{self.text}”, from {start} to {end}"
        return f"{self.site} asks another question in this time: {other}. A thumb could answer either."

    def clean(self) -> None:
        if self.asked_from and self.asked_until and self.asked_until - self.asked_from > LONGEST:
            raise ValidationError(f"A question is asked for {LONGEST.days} days at most.")
