"""The REST API of plays."""
