"""The pages about people: the consent desk, people, pictures, coffees, and what is kept about one person."""
