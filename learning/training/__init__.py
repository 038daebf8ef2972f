"""Training runs, and what each kind of model learns from."""
