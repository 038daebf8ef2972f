"""Numbers read from tallies and episodes: buckets of time, measures, periods, confidence intervals."""
