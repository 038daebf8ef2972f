"""How warm the box is."""

from pathlib import Path

ZONES = Path("/sys/class/thermal")
"""Linux has a folder here for each thermometer, whose file `temp` holds thousandths of a degree."""


def processor_temperature(zones: Path = ZONES) -> float | None:
    """Return the highest temperature that the box measures, in degrees Celsius; None where it measures none."""
    found = []
    for zone in zones.glob("thermal_zone*/temp"):
        try:
            degrees = int(zone.read_text()) / 1000
        except (OSError, ValueError):
            continue
        if -100.0 <= degrees <= 200.0:
            found.append(degrees)
    return max(found, default=None)
