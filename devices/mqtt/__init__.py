"""The broker, and the program that takes messages from it."""
