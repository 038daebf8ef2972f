"""Sets the clock of a Python program, and of those that it starts, ahead of the machine's.

    PYTHONPATH=tests/ahead SECONDS_AHEAD=31536000 pytest

Python imports this module by its name before anything else, so that nothing has read the time yet.
"""

import os
import time

import time_machine

time_machine.travel(time.time() + float(os.environ["SECONDS_AHEAD"])).start()
