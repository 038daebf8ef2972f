"""The part of the REST API about pictures, people and coffees."""
