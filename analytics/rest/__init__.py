"""The part of the REST API that answers what was seen."""
