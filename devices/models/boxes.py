"""Camera boxes: how one is set up, its credentials at the broker, what it reports over HTTPS, and its updates."""

from django.conf import settings
from django.db import models

from devices.models.places import Thing


class CameraClaim(models.Model):
    """A code with which a box fetches the credentials and settings of its thing, once, before it expires."""

    thing = models.OneToOneField(Thing, on_delete=models.CASCADE, primary_key=True, related_name="claim")
    handle = models.CharField(
        max_length=8,
        unique=True,
        editable=False,
        help_text="The first part of the code; the rest follows from it and SECRET_KEY.",
    )
    source = models.TextField(
        blank=True, editable=False, help_text="The camera's address for the box. It is deleted when the box has it."
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    failed_attempts = models.PositiveSmallIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"claim of {self.thing_id}"


class BrokerCredentials(models.Model):
    """The credentials that a thing has at the broker. They end when no open stretch has the thing."""

    thing = models.OneToOneField(Thing, on_delete=models.CASCADE, primary_key=True, related_name="credentials")
    issuer = models.CharField(max_length=20, help_text="The value of DEVICE_CREDENTIALS with which they were issued.")
    identity = models.CharField(max_length=256, help_text="The user name, or the number of the certificate.")
    issued_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"credentials of {self.thing_id}"


class BoxReport(models.Model):
    """What a thing's box has reported over HTTPS last: what is wrong, and what its camera sees while it is set up."""

    thing = models.OneToOneField(Thing, on_delete=models.CASCADE, primary_key=True, related_name="report")
    received_at = models.DateTimeField()
    version = models.CharField(max_length=64, blank=True)
    trouble = models.TextField(blank=True, help_text="What is wrong, in one sentence of the agent; empty: nothing.")
    view = models.BinaryField(null=True, help_text="A JPEG. It is deleted when the set-up ends.")
    viewed_at = models.DateTimeField(null=True, help_text="Arrival of the view.")

    def __str__(self) -> str:
        return f"report of {self.thing_id}"


class AgentRelease(models.Model):
    """A version of the agent that boxes can install: a wheel that the platform has built from its own source."""

    version = models.CharField(max_length=64, unique=True)
    file_name = models.CharField(max_length=128, unique=True)
    sha256 = models.CharField(max_length=64)
    wheel = models.BinaryField()
    built_at = models.DateTimeField()

    class Meta:
        ordering = ["-built_at", "-pk"]

    def __str__(self) -> str:
        return self.version


class Rollout(models.Model):
    """A version that somebody has pinned for some boxes, which install it wave by wave."""

    release = models.ForeignKey(AgentRelease, on_delete=models.CASCADE, related_name="rollouts")
    started_at = models.DateTimeField()
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-started_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.release} since {self.started_at:%Y-%m-%d %H:%M} UTC"


class AgentUpdate(models.Model):
    """A thing's part in a rollout. A thing is in one rollout at most, the latest."""

    thing = models.OneToOneField(Thing, on_delete=models.CASCADE, primary_key=True, related_name="update")
    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="updates")
    wave = models.PositiveSmallIntegerField(help_text="The waves follow each other from 0.")
    done_at = models.DateTimeField(null=True)
    failure = models.TextField(blank=True, help_text="Why the box went back to the version before; empty: it did not.")

    class Meta:
        indexes = [models.Index(fields=["rollout", "wave"], name="waves_of_a_rollout")]

    def __str__(self) -> str:
        return f"{self.thing_id} to {self.rollout}"
