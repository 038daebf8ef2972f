"""The recognition of captures: who and what a picture shows, and greetings."""
