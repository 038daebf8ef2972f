"""Coffees: counting, review, tallies, and the leaderboard."""
