"""What is retained at the broker for Home Assistant, so that it can be removed from there again."""

from django.db import models


class AnnouncedTopic(models.Model):
    """A topic under which we left a retained message; an empty one ends that."""

    topic = models.CharField(max_length=255, unique=True)

    objects = models.Manager["AnnouncedTopic"]()

    def __str__(self) -> str:
        return self.topic
