"""Sets the clock of a Python program, and of the Python programs that it starts, ahead of the machine's clock.

    PYTHONPATH=tests/ahead SECONDS_AHEAD=31536000 pytest

Python imports a module of this name at its start, before any other code reads the time.
"""

import os
import time

import time_machine

time_machine.travel(time.time() + float(os.environ["SECONDS_AHEAD"])).start()
