"""What a message of a device means: its identity, its facts, its pictures, and its thing's places. Writes nothing."""
