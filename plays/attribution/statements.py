"""The statement that finds who was there while what was shown, for PostgreSQL and SQLite.

A play and a visit of one camera are together from the later start to the earlier end. A pair that is together for a
second or more is an impression. The device tells how long a visit's face was turned to the display, not when: so the
visit's attention is taken to be spread evenly over it, and a play gets the share of the time together. Somebody is a
viewer of a play from `VIEWER_MS` of this share on.

One pass joins all plays and visits of some devices and days. Both are cut into minutes, which are joined
by hash: the time grows with the number of plays and visits, not with their product.

Times are integers of milliseconds since 1970 here. A player's clock is corrected by `Screen.clock_ahead_ms`.
"""

# ruff: noqa: S608 - the statements are made of constants and whole numbers

from collections.abc import Collection

from django.db import connection

from analytics.counting.visits import TENTH_MS, VIEWER_MS
from edge_agent.vision.gestures import THUMBS_UP
from plays.models import MOST_SHOWN_MS, OPEN_MS

IMPRESSION_MS = 1_000
"""Together for at least so long: the product's own definition, that of a viewer applied to presence."""

SLACK_MS = 2_000
"""A play that reaches less than this into the next one on its screen ends where the next begins: players round."""

LONGEST_MS = MOST_SHOWN_MS
"""The longest play and the longest visit that are looked for."""

QUARTER_MS = 900_000
MINUTE_MS = 60_000

COLUMNS = (
    *("device_id", "start", "screen_id", "content_id", "position", "plays", "shown_ms", "seen_ms", "impressions"),
    *("together_ms", "noticed_ms", "told", "attention_ms", "visits", "viewers", "passers_by", "passing_viewers"),
    "thumbs_up",
)


class Dialect:
    """What the two databases write differently."""

    def __init__(self, vendor: str) -> None:
        self.is_postgresql = vendor == "postgresql"

    def ms(self, column: str) -> str:
        """Return the expression of a time column in milliseconds."""
        if self.is_postgresql:
            return f"CAST(EXTRACT(EPOCH FROM {column}) * 1000 AS bigint)"
        return f"CAST(ROUND((julianday({column}) - 2440587.5) * 86400000.0) AS INTEGER)"

    def time(self, milliseconds: str) -> str:
        """Return the expression of a column's time from milliseconds."""
        if self.is_postgresql:
            return f"TO_TIMESTAMP(({milliseconds}) / 1000.0)"
        return f"strftime('%%Y-%%m-%%d %%H:%%M:%%S', ({milliseconds}) / 1000, 'unixepoch')"

    def date(self, text: str) -> str:
        """Return the expression of a column's date from its text, such as "2026-11-28"."""
        return f"CAST({text} AS {'date' if self.is_postgresql else 'text'})"

    def local_hour(self, column: str) -> str:
        """Return the expression of a time column's hour in the time zone that is the parameter `zone`."""
        if self.is_postgresql:
            return f"CAST(EXTRACT(HOUR FROM {column} AT TIME ZONE %(zone)s) AS int)"
        return f"django_datetime_extract('hour', {column}, %(zone)s, 'UTC')"

    def low(self, *values: str) -> str:
        return f"{'LEAST' if self.is_postgresql else 'MIN'}({', '.join(values)})"

    def high(self, *values: str) -> str:
        return f"{'GREATEST' if self.is_postgresql else 'MAX'}({', '.join(values)})"

    def bits(self, column: str) -> str:
        """Return the expression of the number of minutes that are set in a mask of a quarter hour."""
        if self.is_postgresql:
            return f"BIT_COUNT({column}::int::bit(15))"
        return "(" + " + ".join(f"(({column} >> {bit}) & 1)" for bit in range(15)) + ")"


def shown_plays(dialect: Dialect, which: str) -> str:
    """Return the CTEs whose last one, `shown`, has the plays that start before `high`, with their real ends.

    `which` is the condition that selects the plays `p`: it names their devices and the first start. Parameters by name:
    `high` and `after` (times; the plays up to `after` tell where those before `high` end), `now` (milliseconds).
    """
    ms, low, high = dialect.ms, dialect.low, dialect.high
    trimmed = f"CASE WHEN last_ms > next_ms AND last_ms - next_ms < {SLACK_MS} THEN next_ms ELSE last_ms END"
    longest = f"last_ms + {OPEN_MS}"
    open_end = low(f"COALESCE(next_ms, {longest})", longest, high("%(now)s", "start_ms"))
    end = low(f"start_ms + {LONGEST_MS}", f"CASE WHEN is_closed THEN {trimmed} ELSE {open_end} END")
    return f"""
    raw AS (
        SELECT p.id, p.device_id, p.screen_id, p.content_id, p.position, p.is_closed, p.started_at,
            {ms("p.started_at")} AS raw_ms, {ms("p.started_at")} - s.clock_ahead_ms AS start_ms,
            {ms("p.ended_at")} - s.clock_ahead_ms AS last_ms
        FROM plays_play p JOIN plays_screen s ON s.id = p.screen_id
        WHERE {which} AND p.started_at < %(after)s
    ), followed AS (
        SELECT raw.*, FIRST_VALUE(start_ms) OVER (
            PARTITION BY device_id, screen_id ORDER BY start_ms RANGE BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS next_ms FROM raw
    ), shown AS (
        SELECT id, device_id, screen_id, content_id, position, raw_ms, start_ms, {end} AS end_ms
        FROM followed WHERE started_at < %(high)s
    )"""


def _visits(dialect: Dialect, devices: str) -> str:
    return f"""
    visits AS (
        SELECT v.device_id, v.id, {dialect.ms("v.began_at")} AS begin_ms,
            {dialect.ms("v.began_at")} + v.dwell_ms AS leave_ms, v.dwell_ms, v.attention_ms, v.bodies
        FROM analytics_visit v
        WHERE v.device_id IN ({devices}) AND v.began_at >= %(before)s AND v.began_at < %(after)s
            AND v.dwell_ms >= {IMPRESSION_MS}
    )"""


def _by_minute(dialect: Dialect) -> str:
    """Return the CTEs of plays and visits with a row for each minute that they touch; `first` is their first minute."""
    plays = "id, device_id, screen_id, content_id, position, raw_ms, start_ms, end_ms"
    visits = "id, device_id, begin_ms, leave_ms, dwell_ms, attention_ms, bodies"
    parts = []
    for name, columns, start, end, condition in (
        ("shown", plays, "start_ms", "end_ms", f"WHERE end_ms >= start_ms + {IMPRESSION_MS}"),
        ("visits", visits, "begin_ms", "leave_ms", ""),
    ):
        first, last = f"{start} / {MINUTE_MS}", f"({end} - 1) / {MINUTE_MS}"
        if dialect.is_postgresql:
            # Not merged into the join: the planner would join by the device alone, and compare minutes afterwards.
            series = f"CROSS JOIN LATERAL GENERATE_SERIES({first}, {last}) AS minute"
            select = f"SELECT {columns}, minute, {first} AS first FROM {name} {series} {condition}"
            parts.append(f"{name}_by_minute AS MATERIALIZED ({select})")
        else:
            parts.append(
                f"{name}_by_minute ({columns}, minute, first, last) AS ("
                f"SELECT {columns}, {first}, {first}, {last} FROM {name} {condition} UNION ALL "
                f"SELECT {columns}, minute + 1, first, last FROM {name}_by_minute WHERE minute < last)"
            )
    return ", ".join(parts)


def _pairs(dialect: Dialect) -> str:
    together = f"{dialect.low('s.end_ms', 'v.leave_ms')} - {dialect.high('s.start_ms', 'v.begin_ms')}"
    return f"""
    pairs AS (
        SELECT s.id AS play, s.device_id, s.screen_id, s.content_id, s.position, s.raw_ms, v.id AS visit,
            v.attention_ms, v.dwell_ms, v.bodies, {together} AS together_ms
        FROM shown_by_minute s JOIN visits_by_minute v ON v.device_id = s.device_id AND v.minute = s.minute
        WHERE s.minute = {dialect.high("s.first", "v.first")} AND {together} >= {IMPRESSION_MS}
    )"""


def attribute(keys: Collection[int]) -> str:
    """Return the statement that computes the tallies of the plays of these devices that start within the period.

    It inserts rows of `ContentQuarter`, which must have been deleted before. Its parameters are those of `shown_plays`,
    `low` (the start of the period) and `before` (a day earlier: visits that began then may go on).
    """
    dialect, devices = Dialect(connection.vendor), ", ".join(str(int(key)) for key in sorted(keys))
    which, quarter = f"p.device_id IN ({devices}) AND p.started_at >= %(low)s", f"raw_ms / {QUARTER_MS} * {QUARTER_MS}"
    shared = "(attention_ms * together_ms / CASE WHEN dwell_ms > 0 THEN dwell_ms ELSE 1 END)"
    if dialect.is_postgresql:
        shared = shared.replace("attention_ms *", "attention_ms::bigint *")
    nothing = ["0"] * 13
    at = {name: place for place, name in enumerate(COLUMNS[5:])}

    def row(**values: str) -> str:
        found = list(nothing)
        for name, value in values.items():
            found[at[name]] = value
        return ", ".join(found)

    of_play = row(plays="1", shown_ms="end_ms - start_ms")
    of_camera = row(
        seen_ms=f"({dialect.low('s.end_ms', 'q.end_ms')} - {dialect.high('s.start_ms', 'q.start_ms')}) * q.seen / 15"
    )
    of_pair = row(
        impressions="1",
        together_ms="together_ms",
        noticed_ms=f"CASE WHEN attention_ms >= {VIEWER_MS} THEN together_ms ELSE 0 END",
        told="CASE WHEN attention_ms IS NULL THEN 0 ELSE 1 END",
        attention_ms=f"COALESCE({shared}, 0)",
    )
    viewer = f"CASE WHEN attention_ms >= {VIEWER_MS} THEN 1 ELSE 0 END"
    of_visit = row(
        visits="1",
        viewers=viewer,
        passers_by="CASE WHEN is_told AND bodies THEN 1 ELSE 0 END",
        passing_viewers=f"CASE WHEN is_told AND bodies THEN {viewer} ELSE 0 END",
    )
    whose, outer = "device_id, screen_id, content_id, position", "s.device_id, s.screen_id, s.content_id, s.position"
    any_true = "BOOL_OR(bodies)" if dialect.is_postgresql else "MAX(bodies)"
    sums = ", ".join(f"SUM({name})" for name in COLUMNS[5:])
    names = ", ".join(f"{name}" for name in COLUMNS[5:])
    return f"""
    WITH RECURSIVE {shown_plays(dialect, which)}, {_visits(dialect, devices)}, {_by_minute(dialect)},
    {_pairs(dialect)}, {_by_quarter(dialect)},
    attended AS (
        SELECT {whose.replace("position", "MIN(position) AS position")}, MIN(raw_ms) AS raw_ms,
            SUM({shared}) AS attention_ms, MAX(CASE WHEN attention_ms IS NULL THEN 0 ELSE 1 END) = 1 AS is_told,
            {any_true} AS bodies
        FROM pairs GROUP BY device_id, screen_id, content_id, visit
    ), cameras AS (
        SELECT device_id, {dialect.ms("start")} AS start_ms, {dialect.ms("start")} + {QUARTER_MS} AS end_ms,
            {dialect.bits("minutes_seen")} AS seen
        FROM analytics_engagementquarter e
        WHERE e.device_id IN ({devices}) AND e.start >= %(before)s AND e.start < %(after)s
    ), thumbs AS (
        SELECT device_id, {dialect.ms("started")} AS at_ms FROM analytics_episode e
        WHERE e.device_id IN ({devices}) AND label = '{THUMBS_UP}' AND started >= %(before)s AND started < %(after)s
    ), parts (device_id, screen_id, content_id, position, raw_ms, {names}) AS (
        SELECT {whose}, raw_ms, {of_play} FROM shown
        UNION ALL
        SELECT {outer}, s.raw_ms, {of_camera} FROM touched s {_quarters(dialect)}
        UNION ALL
        SELECT {whose}, raw_ms, {of_pair} FROM pairs
        UNION ALL
        SELECT {whose}, raw_ms, {of_visit} FROM attended
        UNION ALL
        SELECT {outer}, s.raw_ms, {row(thumbs_up="1")} FROM shown_by_minute s
        JOIN thumbs t ON t.device_id = s.device_id AND t.at_ms / {MINUTE_MS} = s.minute
        WHERE t.at_ms >= s.start_ms AND t.at_ms < s.end_ms
    )
    INSERT INTO plays_contentquarter ({", ".join(COLUMNS)})
    SELECT device_id, {dialect.time(quarter)}, screen_id, content_id, position, {sums} FROM parts
    GROUP BY device_id, {quarter}, screen_id, content_id, position"""


def _quarters(dialect: Dialect) -> str:
    """Return the join of plays `s` with the camera's quarter hours `q` that each play touches."""
    if dialect.is_postgresql:
        return f"JOIN cameras q ON q.device_id = s.device_id AND q.start_ms = s.quarter * {QUARTER_MS}"
    return "JOIN cameras q ON q.device_id = s.device_id AND q.start_ms < s.end_ms AND q.end_ms > s.start_ms"


def _by_quarter(dialect: Dialect) -> str:
    """Return the CTE `touched`: the plays, on PostgreSQL with a row for each quarter hour that they touch."""
    if not dialect.is_postgresql:
        return "touched AS (SELECT * FROM shown)"
    series = f"GENERATE_SERIES(start_ms / {QUARTER_MS}, end_ms / {QUARTER_MS}) AS quarter"
    return f"touched AS MATERIALIZED (SELECT shown.*, quarter FROM shown CROSS JOIN LATERAL {series})"


def bound(keys: Collection[int]) -> str:
    """Return the statement that sets how long the plays of these devices that began on a day are shown at most.

    Parameters by name: `day`, `low` and `high` (its start and end).
    """
    dialect, devices = Dialect(connection.vendor), ", ".join(str(int(key)) for key in sorted(keys))
    lasts = (
        f"{dialect.ms('p.ended_at')} - {dialect.ms('p.started_at')} + CASE WHEN p.is_closed THEN 0 ELSE {OPEN_MS} END"
    )
    return f"""
    UPDATE plays_playday SET longest_ms = COALESCE((
        SELECT MAX({dialect.low(str(LONGEST_MS), lasts)}) FROM plays_play p
        WHERE p.device_id = plays_playday.device_id AND p.started_at >= %(low)s AND p.started_at < %(high)s), 0)
    WHERE plays_playday.device_id IN ({devices}) AND day = {dialect.date("%(day)s")}"""


def add_up(keys: Collection[int], *, by_hour: bool) -> str:
    """Return the statement that adds the quarter hours of a local day of these devices up: to rows of `ContentHour`, or
    else of `ContentDay`.

    Parameters by name: `day`, `low` and `high` (its start and end, UTC), and `zone`. The rows of a content are written
    side by side, because its page reads all of them.
    """
    dialect, tenths, sums = Dialect(connection.vendor), f"(attention_ms / {TENTH_MS})", COLUMNS[5:]
    devices = ", ".join(str(int(key)) for key in sorted(keys))
    squares = f"COUNT(*), SUM({tenths} * {tenths}), SUM(CAST(told AS bigint) * told), SUM({tenths} * told)"
    table, column, value = (
        ("contenthour", "hour", dialect.local_hour("start")) if by_hour else ("contentday", "position", "position")
    )
    return f"""
    INSERT INTO plays_{table} (device_id, day, screen_id, content_id, {column}, {", ".join(sums)},
        groups, attention_squares, told_squares, products)
    SELECT device_id, {dialect.date("%(day)s")}, screen_id, content_id, {value},
        {", ".join(f"SUM({name})" for name in sums)}, {squares}
    FROM plays_contentquarter
    WHERE plays_contentquarter.device_id IN ({devices}) AND start >= %(low)s AND start < %(high)s
    GROUP BY 1, 3, 4, 5
    ORDER BY 4, 3, 5"""
