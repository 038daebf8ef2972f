"""What the tables of this app keep about people: nothing. A play is of a screen, and its numbers are of nobody."""

from devices.kept.register import Table, register_kept


def register_plays() -> None:
    register_kept(
        Table("plays.Arm"),
        Table("plays.Block"),
        Table("plays.Content", other=("address", "key", "name")),
        Table("plays.ContentDay"),
        Table("plays.ContentHour"),
        Table("plays.ContentQuarter"),
        Table("plays.Experiment", other=("name", "plan_hash", "seed")),
        Table("plays.Play", other=("layout",)),
        Table("plays.PlayDay", other=("fingerprint",)),
        Table(
            "plays.Screen",
            other=("asked_address", "asked_problem", "cameras", "external_id", "link_digest", "name"),
        ),
    )
