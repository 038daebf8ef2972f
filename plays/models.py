"""What was shown on which screen, what people did meanwhile, and experiments of one content against another.

A play is a fact of a camera: of the device that sees the screen's audience. So it keeps its place when the camera moves
on, and each statement finds it by device and month, as frames; see docs/scaling.md. A screen that several cameras see
has a row for each of them, with the same start and key.
"""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.urls import reverse

from analytics.models.walls import WallToken
from devices.models import Device, Site, Thing
from devices.rules.text import LineField
from devices.storage.querysets import DeviceScopedQuerySet, SiteScopedQuerySet

MOST_NAME = 128
"""Characters of the name that a player gives a content or layout."""

MOST_SHOWN_MS = 86_400_000
"""The longest time for which one play is shown, in milliseconds."""

OPEN_MS = 3_600_000
"""An open play lasts until the next one on its screen, and at most so long after it was last known to be shown."""

MOST_CAMERAS = 16
"""Cameras that see one screen."""


class Screen(models.Model):
    """A display, or several that show one content together, and the cameras that see its audience."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="screens")
    name = LineField(max_length=80, help_text="As players and files call it; unique at its site.")
    cameras = models.JSONField(default=list, help_text="The names of the spots whose cameras see the audience.")
    player = models.ForeignKey(
        Thing,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="screens",
        help_text="The thing that reports by MQTT what it shows.",
    )
    wall = models.ForeignKey(
        WallToken,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The wall or globe of Headcount on this screen, which tells itself what it shows.",
    )
    usual = models.ForeignKey(
        "Content",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The content that the player shall show where no experiment decides; empty: what it likes.",
    )
    asked_address = models.CharField(
        max_length=200,
        blank=True,
        help_text="The address of an Anthias player, such as http://10.0.0.7; it is asked what it shows.",
    )
    asked_problem = models.CharField(
        max_length=300, blank=True, editable=False, help_text="Why the player could not be asked the last time."
    )
    external_id = models.CharField(
        max_length=64, blank=True, help_text="The screen's number at an ad server: of Broadsign, “display unit/frame”."
    )
    clock_ahead_ms = models.IntegerField(
        default=0, help_text="How far the player's clock is ahead of the cameras', in milliseconds."
    )
    clock_is_set = models.BooleanField(
        default=False, help_text="Whether somebody has entered it; otherwise live reports tell it."
    )
    link_digest = models.CharField(max_length=64, blank=True, editable=False, db_index=True)

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        ordering = ["site__name", "name"]
        constraints = [models.UniqueConstraint(fields=["site", "name"], name="one_screen_of_each_name_at_a_site")]

    def __str__(self) -> str:
        return self.name


class Content(models.Model):
    """Something that screens show: a video, a page, a scene, a board of a wall."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="contents")
    key = models.CharField(max_length=MOST_NAME, help_text="As players call it.")
    name = LineField(max_length=MOST_NAME, help_text="As people call it.")
    address = models.CharField(
        validators=[RegexValidator(r"\Ahttps?://[^\s]+\Z", "Write an address that begins with https:// or http://.")],
        max_length=500,
        blank=True,
        help_text="The address that a kiosk page opens to show it; empty: not known.",
    )

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["site", "key"], name="one_content_of_each_key_at_a_site")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("content", args=[self.site.slug, self.pk])


class Source(models.TextChoices):
    """How a play became known."""

    API = "api", "API"
    MQTT = "mqtt", "MQTT"
    FILE = "file", "file"
    XIBO = "xibo", "Xibo"
    ANTHIAS = "anthias", "Anthias"
    DIRECTOR = "director", "Liquid Galaxy"
    WALL = "wall", "Headcount's wall"
    LINK = "link", "player's link"


class Play(models.Model):
    """One showing of a content on a screen, before one camera; kept as long as frames.

    Times are the player's own. `Screen.clock_ahead_ms` corrects them where they are compared with visits.
    """

    partitioned_by = "started_at"

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    started_at = models.DateTimeField(help_text="By the player's clock.")
    key = models.BigIntegerField(help_text="Hash of the screen and the content.")
    screen = models.ForeignKey(Screen, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    content = models.ForeignKey(
        Content, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    ended_at = models.DateTimeField(help_text="The end; of an open play the last moment at which it was shown.")
    is_closed = models.BooleanField(help_text="Whether the end is known; an open play lasts until the next one.")
    layout = models.CharField(max_length=MOST_NAME, blank=True, db_default="")
    position = models.PositiveSmallIntegerField(
        db_default=0, help_text="The place in the player's sequence, from 1 on; 0 where the player does not tell."
    )
    source = models.CharField(max_length=8, choices=Source.choices)

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "started_at", "key"], name="one_play_once")]
        # For lists of the newest plays: of many devices, as with frames; of one content; of one screen.
        indexes = [
            models.Index(fields=["-started_at"], name="plays_by_time"),
            models.Index(fields=["content", "-started_at"], name="plays_of_a_content"),
            models.Index(fields=["screen", "-started_at"], name="plays_of_a_screen"),
        ]

    def __str__(self) -> str:
        return f"content {self.content_id} on screen {self.screen_id} from {self.started_at:%Y-%m-%d %H:%M:%S} UTC"


class ContentSums(models.Model):
    """What people did while a content was shown on a screen, before one camera; all numbers add up."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    screen = models.ForeignKey(Screen, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    content = models.ForeignKey(
        Content, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    plays = models.IntegerField()
    shown_ms = models.BigIntegerField()
    seen_ms = models.BigIntegerField(help_text="The part of `shown_ms` in which the camera was on.")
    impressions = models.IntegerField(help_text="Pairs of a play and a visit that were together for a second or more.")
    together_ms = models.BigIntegerField(help_text="Of these pairs.")
    noticed_ms = models.BigIntegerField(help_text="Of the pairs whose person looked at the display in the visit.")
    told = models.IntegerField(help_text="Impressions whose attention is known.")
    attention_ms = models.BigIntegerField(help_text="Of them.")
    visits = models.IntegerField(help_text="Visits with an impression of the content, each once.")
    viewers = models.IntegerField(help_text="Visits with a second of attention to the content, each once.")
    passers_by = models.IntegerField(help_text="Visits that were told of by devices that look for bodies.")
    passing_viewers = models.IntegerField(help_text="The viewers among them.")
    thumbs_up = models.IntegerField(help_text="Thumbs-up that were begun while the content was shown.")

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        abstract = True


class ContentQuarter(ContentSums):
    """The sums of the plays that began in a quarter hour.

    `attribution/statements.py` computes it from plays, visits and gestures, and may compute it again.
    """

    start = models.DateTimeField()
    position = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["device", "start", "screen", "content", "position"], name="one_tally_per_quarter_and_content"
            )
        ]
        indexes = [models.Index(fields=["content", "start"], name="tallies_of_a_content")]

    def __str__(self) -> str:
        return f"content {self.content_id} from {self.start:%Y-%m-%d %H:%M} UTC: {self.impressions} impressions"


class LocalContentSums(ContentSums):
    """Sums of quarter hours of a local day of the site, for pages about weeks; computed with the quarter hours.

    The squares and products are those of the quarter hours, which are the units of the intervals.
    """

    day = models.DateField()
    groups = models.IntegerField(help_text="Quarter hours.")
    attention_squares = models.BigIntegerField(help_text="Of attention in tenths of a second.")
    told_squares = models.BigIntegerField()
    products = models.BigIntegerField(help_text="Of attention in tenths of a second and `told`.")

    class Meta:
        abstract = True


class ContentDay(LocalContentSums):
    """The sums of a local day, by the place in the sequence."""

    position = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["device", "day", "screen", "content", "position"], name="one_tally_per_day_and_content"
            )
        ]
        indexes = [models.Index(fields=["content", "day"], name="days_of_a_content")]

    def __str__(self) -> str:
        return f"content {self.content_id} on {self.day}: {self.impressions} impressions"


class ContentHour(LocalContentSums):
    """The sums of an hour of a local day, of all places in the sequence together."""

    hour = models.PositiveSmallIntegerField(help_text="The local hour, 0 to 23; where clocks go back, both of them.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["device", "day", "screen", "content", "hour"], name="one_tally_per_hour_and_content"
            )
        ]
        indexes = [models.Index(fields=["content", "day"], name="hours_of_a_content")]

    def __str__(self) -> str:
        return f"content {self.content_id} on {self.day} from {self.hour}:00: {self.impressions} impressions"


class PlayDay(models.Model):
    """A UTC day of a device that has plays, and what its tallies were computed from."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    is_changed = models.BooleanField(help_text="Whether plays have come since the tallies were computed.")
    longest_ms = models.IntegerField(
        db_default=MOST_SHOWN_MS, help_text="No play that began on this day is shown for longer; an upper bound."
    )
    fingerprint = models.CharField(
        max_length=64, blank=True, db_default="", help_text="The zone and the visits that the tallies were made from."
    )

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "day"], name="one_day_of_plays_once")]

    def __str__(self) -> str:
        return f"{self.device} on {self.day}"


class Measure(models.TextChoices):
    """What an experiment compares."""

    PER_VISIT = "attention-per-visit", "seconds of attention per visit"
    PER_HOUR = "attention-per-hour", "seconds of attention per hour"
    CONVERSION = "viewers-per-visit", "viewers per visit"


class StopRule(models.TextChoices):
    """When an experiment may be read; fixed before it starts."""

    FIXED = "fixed", "once, on the last day"
    SEQUENTIAL = "sequential", "at any time"


class Experiment(models.Model):
    """Two or more contents that take turns on a screen, by a plan that was drawn and published before the start."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="experiments")
    screen = models.ForeignKey(Screen, on_delete=models.CASCADE, related_name="experiments")
    name = LineField(max_length=80)
    contents = models.ManyToManyField(Content, through="Arm", related_name="+")
    measure = models.CharField(max_length=20, choices=Measure.choices, default=Measure.PER_VISIT)
    stop_rule = models.CharField(max_length=10, choices=StopRule.choices, default=StopRule.FIXED)
    first_day = models.DateField(help_text="The first local day.")
    days = models.PositiveSmallIntegerField(validators=[MinValueValidator(2), MaxValueValidator(180)])
    from_hour = models.PositiveSmallIntegerField(
        default=8, validators=[MaxValueValidator(23)], help_text="The local hour at which each day's blocks begin."
    )
    to_hour = models.PositiveSmallIntegerField(
        default=20, validators=[MinValueValidator(1), MaxValueValidator(24)], help_text="The hour at which they end."
    )
    block_minutes = models.PositiveSmallIntegerField(
        default=60, validators=[MinValueValidator(5), MaxValueValidator(360)]
    )
    smallest_lift = models.FloatField(
        default=0.15,
        validators=[MinValueValidator(0.02), MaxValueValidator(2)],
        help_text="The smallest difference that matters, as a share: 0.15 for 15 %.",
    )
    seed = models.CharField(max_length=32, editable=False, help_text="The plan is drawn from it.")
    plan_hash = models.CharField(max_length=64, editable=False, help_text="SHA-256 of the published plan.")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )
    stopped_at = models.DateTimeField(null=True, editable=False, help_text="When somebody stopped it early.")

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-first_day", "-pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("experiment", args=[self.site.slug, self.pk])


class OfExperimentQuerySet(SiteScopedQuerySet):
    site_path = "experiment__site"


class Arm(models.Model):
    """A content of an experiment. The first one is what the others are compared with."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="arms")
    content = models.ForeignKey(Content, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveSmallIntegerField()

    objects = OfExperimentQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "number"], name="one_arm_of_each_number"),
            models.UniqueConstraint(fields=["experiment", "content"], name="one_arm_of_each_content"),
        ]

    def __str__(self) -> str:
        return str(self.content)


class Block(models.Model):
    """A stretch of an experiment in which one content is shown."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="blocks")
    number = models.PositiveIntegerField()
    square = models.PositiveIntegerField(help_text="Blocks of one square balance hours and days; see `plan.py`.")
    arm = models.PositiveSmallIntegerField(help_text="The number of the arm that is shown.")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    objects = OfExperimentQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["experiment", "number"], name="one_block_of_each_number")]
        indexes = [models.Index(fields=["experiment", "starts_at"], name="blocks_by_time")]

    def __str__(self) -> str:
        return f"block {self.number} of {self.experiment_id}"
