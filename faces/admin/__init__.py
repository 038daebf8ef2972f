"""The admin of pictures, people and coffees, and of their upkeep."""

from faces.admin import core, upkeep

__all__ = ["core", "upkeep"]
