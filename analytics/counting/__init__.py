"""Everything that writes counts: the intake's sink, tallies, episodes, and corrections by reviewers."""
