"""Which device runs which model, and what the device says about it."""
