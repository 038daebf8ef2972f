"""The API of data sets, runs and models."""
