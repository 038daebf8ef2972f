"""Fills the device and time of detections and reviews that an earlier version has stored, in short transactions."""

from tqdm import tqdm

from analytics.migrations._keys import run

AT_ONCE = 20_000
"""The number of ids in one statement: a reviewer waits less than a second for its rows."""


def fill(connection):
    """Copy device and time to all detections from their frames, and to all reviews from their detections.

    Each statement commits. May be interrupted and repeated; it goes on with the rows that are left. A detection
    without a frame counts nowhere; it is deleted, and their number printed.
    """
    _fill(connection, "analytics_detection", "analytics_frame", "frame_id")
    _delete_rest(connection, "analytics_detection", "detections", "frame")
    _fill(connection, "analytics_review", "analytics_detection", "detection_id")
    _delete_rest(connection, "analytics_review", "reviews", "detection")


def _fill(connection, table, owner, column):
    ((first, last),) = run(connection, f"SELECT min(id), max(id) FROM {table} WHERE device_id IS NULL")
    if first is None:
        return
    with tqdm(total=last - first + 1, desc=f"  {table}", unit=" ids", unit_scale=True, disable=None) as bar:
        for start in range(first, last + 1, AT_ONCE):
            run(
                connection,
                f"UPDATE {table} SET device_id = owner.device_id, taken_at = owner.taken_at FROM {owner} AS owner"
                f" WHERE owner.id = {table}.{column} AND {table}.id >= %s AND {table}.id < %s"
                f" AND {table}.device_id IS NULL",
                start,
                start + AT_ONCE,
            )
            bar.update(min(AT_ONCE, last + 1 - start))


def _delete_rest(connection, table, rows, owner):
    """Delete the rows whose owner does not exist. A row whose owner was written meanwhile stays for the next call."""
    owners = {"frame": "analytics_frame", "detection": "analytics_detection"}[owner]
    lost = f"device_id IS NULL AND NOT EXISTS (SELECT 1 FROM {owners} WHERE {owners}.id = {table}.{owner}_id)"
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table} WHERE {lost}")
        if cursor.rowcount:
            print(f"  {cursor.rowcount} {rows} without a {owner} were deleted; they counted nowhere.")
