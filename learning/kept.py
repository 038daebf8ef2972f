"""What the tables and folders of this app keep about people."""

from devices.kept.register import Place, Table, register_kept

REPLACED = "An erasure replaces the name."


def register_learning() -> None:
    register_kept(
        Table(
            "learning.DataSet",
            "whose consent and licence its pictures have",
            REPLACED,
            names=("licence", "consent"),
            other=("name",),
            site="site",
        ),
        Table("learning.Label", other=("name", "key")),
        Table(
            "learning.Picture",
            "pictures of people, and the landmarks of their hands",
            "An erasure deletes the copies of the pictures in which the person was recognised, the frames that cameras "
            "sent for training within two minutes of one, and each picture whose name or recording is the person's "
            "name.",
            deleted=("name", "recording"),
            own=("image",),
            other=("sha256", "folder", "hands"),
            site="data_set__site",
        ),
        Table("learning.Annotation"),
        Table("learning.Opinion", other=("boxes",)),
        Table("learning.TrainingPolicy"),
        Table(
            "learning.Run",
            "notes and the names of recordings",
            REPLACED + " A model keeps no picture.",
            names=("note", "reason", "split", "warnings"),
            other=(
                *("parameters", "step", "labels", "silent", "trained_pictures", "figures", "curve", "not_found"),
                *("model_file", "model_sha256", "job"),
            ),
            site="data_set__site",
        ),
        Table(
            "learning.Prediction",
            "the name of a recording",
            REPLACED,
            names=("recording",),
            other=("truth", "truth_box", "label", "box"),
            site="run__data_set__site",
        ),
        Table("learning.Rollout"),
        Place(
            "pictures of data sets", "the pictures of learning.Picture", "With the picture's row.", folder="learning"
        ),
        Place("trained models", "no picture and no name", "With the run.", folder="models"),
        Place(
            "the bucket of jobs at SageMaker",
            "the pictures of a data set that is being trained with",
            "With the end of the run.",
        ),
        Place(
            "exports and imports of data sets in preparation",
            "pictures",
            "With the request or command that made them.",
        ),
    )
