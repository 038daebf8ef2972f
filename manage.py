#!/usr/bin/env python
"""Headcount's commands: `python manage.py help` lists them."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent


def main() -> None:
    sys.path[:0] = [str(ROOT), str(ROOT / "platform")]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.core.management import execute_from_command_line

        from config.environment import keep_files_private
    except ImportError:
        sys.exit("Django is not installed in this Python: run `make install` and use .venv/bin/python.")
    keep_files_private()
    if sys.argv[1:] == ["--version"]:
        from edge_agent.release import VERSION

        print(f"Headcount {VERSION}")
        return
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
