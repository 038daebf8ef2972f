"""What happened at a site, which rules want it told, through which channels, and what was told."""

import datetime as dt
import uuid

from django.conf import settings
from django.db import models

from devices.models import Device, Site
from devices.storage.querysets import SiteScopedQuerySet


class OfRuleQuerySet(SiteScopedQuerySet):
    site_path = "rule__site"


class OfReaderQuerySet(SiteScopedQuerySet):
    site_path = "reader__site"


class Kind(models.TextChoices):
    """What can happen. Each value is the end of the sentence “when …” by which a rule is made."""

    LABEL = "label", "somebody shows a gesture, or a thing is seen"
    COFFEE = "coffee", "a coffee is counted"
    CAMERA_OFF = "camera-off", "a camera goes off"
    CAMERA_BACK = "camera-back", "a camera is back"
    PICTURE = "picture", "a camera's picture is dark, covered, blurred or turned"
    QUARANTINE = "quarantine", "messages are quarantined"
    MILESTONE = "milestone", "so many people have come today"
    MILESTONE_WEEK = "milestone-week", "so many people have come this week"
    MILESTONE_MONTH = "milestone-month", "so many people have come this month"
    MILESTONE_ALL = "milestone-all", "so many people have come in all"
    COFFEES = "coffees", "so many coffees have been counted in all"
    ANSWERED = "answered", "a question has so many answers"
    ENDED = "ended", "a question has ended"
    COVERAGE = "coverage", "a camera was on for less than so many percent of yesterday"
    USUAL = "usual", "today is busier or quieter than usual so far"
    CONSENT = "consent", "a person's consent ends within so many days"
    BUDGET = "budget", "the month's budget of recognition is spent"
    PICTURES = "pictures", "a camera has sent more pictures than it may"


THRESHOLDS = {
    Kind.MILESTONE: 100,
    Kind.MILESTONE_WEEK: 500,
    Kind.MILESTONE_MONTH: 2_000,
    Kind.MILESTONE_ALL: 10_000,
    Kind.COFFEES: 1_000,
    Kind.ANSWERED: 50,
    Kind.COVERAGE: 90,
    Kind.CONSENT: 14,
}
"""The kinds that need a number, and the number of a rule that gives none."""

DETECTED = (Kind.LABEL, Kind.COFFEE)
"""The kinds that a person can review, and that a picture may show."""


class ChannelKind(models.TextChoices):
    """A way to tell somebody. `sending/channels.py` has a function for each."""

    INBOX = "inbox", "this page only"
    EMAIL = "email", "e-mail"
    WEBHOOK = "webhook", "webhook, signed"
    NTFY = "ntfy", "ntfy"
    TEAMS = "teams", "Teams"
    MASTODON = "mastodon", "Mastodon"
    MQTT = "mqtt", "MQTT"
    SNS = "sns", "Amazon SNS"
    SERVICE = "service", "Slack, Telegram, Discord, X"


class Channel(models.Model):
    """A way to tell somebody something, such as an address for e-mail. Its secrets are encrypted."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="channels")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=16, choices=ChannelKind.choices)
    secrets = models.TextField(blank=True, help_text="Address and keys as encrypted JSON; never shown again.")
    shown = models.CharField(max_length=120, blank=True, help_text="What may be shown of the address.")
    enabled = models.BooleanField(default=True)
    last_sent_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True, help_text="What the other side answered last, if it took nothing.")

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["site", "name"], name="one_channel_of_each_name_at_a_site")]

    def __str__(self) -> str:
        return self.name


class Rule(models.Model):
    """When something happens, tell it through these channels, in one of these texts."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="notice_rules")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    device_name = models.CharField(max_length=80, blank=True, help_text="Of this device only; empty: of all.")
    label = models.CharField(max_length=64, blank=True, help_text="For `label`: what is seen.")
    every_nth = models.PositiveIntegerField(default=1, help_text="For `coffee`: only each person's n-th, 2n-th, ….")
    threshold = models.PositiveIntegerField(default=0, help_text="For kinds with “so many”: people, answers, %, days.")
    channels = models.ManyToManyField(Channel, related_name="rules")
    texts = models.JSONField(default=list, help_text="One is drawn, never the same twice running.")
    cool_down_s = models.PositiveIntegerField(default=0, help_text="Seconds after a notice without another one.")
    quiet_days = models.CharField(max_length=7, blank=True, help_text="Weekdays with quiet hours: 1 is Monday.")
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    escalate_after_min = models.PositiveIntegerField(
        default=0, help_text="Minutes without an acknowledgement after which others are told; 0: never."
    )
    escalate_to = models.ManyToManyField(Channel, related_name="escalating_rules", blank=True)
    after_review = models.BooleanField(
        default=False, help_text="For what is detected: nothing is told until a person has confirmed it."
    )
    with_picture = models.BooleanField(
        default=False, help_text="For what is detected: with its picture, where everyone in it has agreed."
    )
    enabled = models.BooleanField(default=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    last_text = models.PositiveIntegerField(null=True, blank=True, help_text="Index of the text that was drawn last.")
    last_told_at = models.DateTimeField(
        null=True, blank=True, help_text="When the latest thing happened that was told."
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        where = f" at {self.device_name}" if self.device_name else ""
        what = f"“{self.label}” is seen" if self.kind == Kind.LABEL else Kind(self.kind).label
        if self.kind == Kind.COFFEE and self.every_nth > 1:
            what = f"somebody has had {self.every_nth} more coffees"
        if self.kind in THRESHOLDS:
            what = what.replace("so many", f"{self.threshold:,}")
        return f"When {what}{where}"


class Happening(models.Model):
    """Something that happened once, however often it is reported. The intake writes it; rules are matched later."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    key = models.CharField(max_length=200, help_text="The same for all reports of the same thing.")
    device = models.ForeignKey(Device, on_delete=models.CASCADE, null=True, related_name="+")
    label = models.CharField(max_length=64, blank=True)
    count = models.PositiveIntegerField(default=1)
    threshold = models.PositiveIntegerField(null=True, help_text="The number that was passed, of kinds that have one.")
    details = models.CharField(max_length=300, blank=True, help_text="More in words, such as a question's result.")
    person = models.BigIntegerField(null=True, help_text="The number of the person's row; never a name.")
    at = models.DateTimeField()
    noted_at = models.DateTimeField()
    matched_at = models.DateTimeField(null=True, blank=True)

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="one_happening_of_each_kind_and_key")]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(matched_at=None), name="happenings_to_match"),
            models.Index(fields=["noted_at"], name="happenings_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class State(models.TextChoices):
    REVIEW = "review", "waits for a review"
    DROPPED = "dropped", "was not told"
    WAITING = "waiting", "is sent"
    SENT = "sent", "was sent"
    DEAD = "dead", "could not be sent"


class Notice(models.Model):
    """One text for one channel. It is sent at least once, each time with the same id."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="notices")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="notices")
    happening = models.ForeignKey(Happening, on_delete=models.SET_NULL, null=True, related_name="notices")
    subject = models.CharField(max_length=200)
    text = models.TextField()
    about_person = models.BooleanField(default=False)
    happened_at = models.DateTimeField()
    created_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    sent_with = models.UUIDField(null=True, help_text="The notice under whose id this one was told, of a group.")
    problem = models.TextField(blank=True)
    escalate_at = models.DateTimeField(null=True, blank=True, help_text="When others are told, unless acknowledged.")
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="Empty for somebody with the message's link.",
    )

    objects = OfRuleQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["rule", "channel", "happening"], name="one_notice_for_each_happening")
        ]
        indexes = [
            models.Index(fields=["next_try_at"], condition=models.Q(state="waiting"), name="notices_to_send"),
            models.Index(fields=["created_at"], condition=models.Q(state="review"), name="notices_to_review"),
            models.Index(
                fields=["escalate_at"], condition=models.Q(escalate_at__isnull=False), name="notices_to_escalate"
            ),
        ]

    def __str__(self) -> str:
        return self.subject


TOLD_WITHIN = dt.timedelta(minutes=10)
"""What is noted later than that after it happened, such as an outbox that drains, is not told any more."""


class Unit(models.TextChoices):
    """How long the time is that a letter is about."""

    WEEK = "week", "each week"
    MONTH = "month", "each month"


class Letter(models.Model):
    """What a site's letter about a week or month says, as it was when it was made.

    The content is numbers, sentences and figures, so that the letter can be shown again as it was.
    """

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="letters")
    unit = models.CharField(max_length=8, choices=Unit.choices)
    first = models.DateField(help_text="The first local day.")
    last = models.DateField(help_text="The last local day.")
    made_at = models.DateTimeField()
    content = models.JSONField()

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-first", "unit", "site__name"]
        constraints = [models.UniqueConstraint(fields=["site", "unit", "first"], name="one_letter_of_each_period")]

    def __str__(self) -> str:
        return f"{self.site.name}, {self.content.get('period', self.first)}"


class Reader(models.Model):
    """Somebody who gets letters by e-mail: a user, or the address of somebody without an account.

    Without a site, the letter is about all sites that the user may see.
    """

    site = models.ForeignKey(Site, on_delete=models.CASCADE, null=True, related_name="letter_readers")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    address = models.EmailField()
    unit = models.CharField(max_length=8, choices=Unit.choices, default=Unit.WEEK)
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        ordering = ["address", "unit"]
        constraints = [
            models.UniqueConstraint(fields=["site", "address", "unit"], name="one_reader_of_each_address"),
            models.UniqueConstraint(
                fields=["user", "unit"], condition=models.Q(site=None), name="one_reader_of_all_sites_for_each_user"
            ),
            models.CheckConstraint(
                condition=models.Q(site__isnull=False) | models.Q(user__isnull=False),
                name="a_reader_of_all_sites_is_a_user",
            ),
        ]

    def __str__(self) -> str:
        return self.address


class Copy(models.Model):
    """A letter for one reader. It is sent at least once, each time with the same id."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reader = models.ForeignKey(Reader, on_delete=models.CASCADE, related_name="copies")
    first = models.DateField()
    created_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True)

    objects = OfReaderQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["reader", "first"], name="one_copy_of_each_letter")]
        indexes = [models.Index(fields=["next_try_at"], condition=models.Q(state="waiting"), name="copies_to_send")]

    def __str__(self) -> str:
        return f"{self.first} for {self.reader}"
