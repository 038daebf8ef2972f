"""What is kept about people, and where: the register of all places, and the search for a name in them."""
