"""How programs that tests start are reached by Ctrl-C and by the end of a terminal; for `Popen`'s `preexec_fn`."""

import signal


def as_from_a_terminal() -> None:
    """As somebody starts it who sits before a terminal: Ctrl-C and the terminal's end reach it.

    The tests themselves may run under `nohup`, which ignores SIGHUP, or in the background of a script, where a shell
    ignores SIGINT; and what is ignored stays so in every program that they start.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def as_in_the_background() -> None:
    """As `nohup COMMAND &` in a script starts it, which ignores both."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
