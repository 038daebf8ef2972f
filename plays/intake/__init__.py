"""What was shown, from every kind of player, stored once."""
