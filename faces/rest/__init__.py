"""The REST API of pictures, people and coffees."""
