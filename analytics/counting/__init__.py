"""All that writes what was counted: the intake's sink, tallies, episodes, and corrections by reviewers."""
