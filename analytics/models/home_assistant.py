"""The topics with retained messages for Home Assistant, so that the messages can be removed again."""

from django.db import models


class AnnouncedTopic(models.Model):
    """A topic with a retained message of ours at the broker; an empty message removes it."""

    topic = models.CharField(max_length=255, unique=True)

    objects = models.Manager["AnnouncedTopic"]()

    def __str__(self) -> str:
        return self.topic
