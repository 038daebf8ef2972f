"""The admin of pictures, people and coffees, and of what is kept about them."""

from faces.admin import core, upkeep

__all__ = ["core", "upkeep"]
