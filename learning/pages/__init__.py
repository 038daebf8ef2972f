"""The pages of data sets, runs and models."""
