"""One content against another: the plan, the blocks, what a player shall show now, and what may be said of it."""
