"""Keeps the facts of old months as Parquet files instead of rows, and reads them from there."""
