"""What the tables of this app keep about people. Tracks, visits and tallies name nobody."""

from devices.kept.register import Place, Table, register_kept


def register_analytics() -> None:
    register_kept(
        Table("analytics.ReportedGesture", other=("label", "visit")),
        Table("analytics.Episode", other=("label", "visit")),
        Table("analytics.Frame"),
        Table("analytics.FramePart"),
        Table("analytics.Detection", other=("label", "box", "visit")),
        Table("analytics.Review"),
        Table("analytics.DeviceSetup", other=("setup",)),
        Table("analytics.DeviceSoftware", other=("software",)),
        Table("analytics.GroundTruthSession"),
        Table("analytics.GroundTruthCount"),
        Table("analytics.AnnouncedTopic", other=("topic",)),
        Table(
            "analytics.OpeningPlan",
            other=(
                *("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
                *("country", "region", "holiday"),
            ),
        ),
        Table(
            "analytics.OpeningException",
            "a note on a day, which may name somebody",
            "An erasure replaces the name.",
            names=("note",),
            other=("hours",),
            site="site",
        ),
        # The text stands on a display for everybody.
        Table("analytics.Question", other=("text", "yes_label", "no_label")),
        Table("analytics.SharedPage", other=("name", "device_name", "parameters", "token_digest")),
        Table("analytics.EngagementQuarter"),
        Table("analytics.SignOfLifeQuarter"),
        Table("analytics.LabelQuarter", other=("label",)),
        Table("analytics.VisitQuarter"),
        Table("analytics.DurationQuarter"),
        Table("analytics.SettledDay"),
        Table(
            "analytics.Visit",
            "when somebody came and left, by a random number that ends with the visit",
            "With the frames, after FRAME_RETENTION_DAYS.",
            other=("key",),
        ),
        Table(
            "analytics.ArchivedFile",
            "when somebody came and left, by a random number that ends with the visit, in its files",
            "With the frames, after FRAME_RETENTION_DAYS.",
            other=("file", "digest"),
        ),
        Place(
            "archived facts",
            "when somebody came and left, by a random number that ends with the visit",
            "After FRAME_RETENTION_DAYS. No file names anybody, so that an erasure has nothing to remove.",
            folder="facts",
        ),
        Table("analytics.WallToken", other=("name", "token_digest")),
        Table("analytics.WallToken_sites"),
    )
