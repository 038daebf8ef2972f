"""Set the handling of SIGINT and SIGHUP in programs that tests start; for `Popen`'s `preexec_fn`."""

import signal


def as_from_a_terminal() -> None:
    """Let SIGINT (Ctrl-C) and SIGHUP (the terminal closes) end the program, as in a terminal.

    The tests may run under `nohup`, which ignores SIGHUP, or in the background of a script, where the shell ignores
    SIGINT. Child processes inherit ignored signals.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def as_in_the_background() -> None:
    """Ignore SIGINT and SIGHUP, as for `nohup COMMAND &` in a script."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
