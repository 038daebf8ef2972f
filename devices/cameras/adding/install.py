"""The command that sets a box up."""


def command(*, script: str, code: str, sha256: str) -> str:
    """Return the command that installs the agent on a box. `script` is the address of the script."""
    return f"curl -fsSL {script} | sudo sh -s -- {code} {sha256}"
