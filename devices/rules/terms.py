"""Terms in words, as pages and notices say them."""


def hours(number: int) -> str:
    """Return the term in words: “12 hours”, “30 days”."""
    if number >= 48 and number % 24 == 0:
        return days(number // 24)
    return f"{number:,} hour{'' if number == 1 else 's'}"


def days(number: int) -> str:
    """Return the term in words: “1 day”, “400 days”, “3 years”."""
    if number >= 365 and number % 365 == 0:
        return f"{number // 365} year{'' if number == 365 else 's'}"
    return f"{number:,} day{'' if number == 1 else 's'}"
