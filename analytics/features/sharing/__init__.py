"""Links that show one page of numbers to people without an account."""
