"""Reads and writes texts that people see: files, file names, URLs, and errors in plain words."""
