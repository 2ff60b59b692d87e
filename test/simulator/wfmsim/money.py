"""Amounts and quantities as text with two decimals, as they are sent."""


def amount(cents):
    """-150.00 from -15000"""
    sign = "-" if cents < 0 else ""
    return "%s%d.%02d" % (sign, abs(cents) // 100, abs(cents) % 100)


def quantity(source):
    """Mostly a small whole number; sometimes a fraction or a return."""
    return amount(source.choice((100, 100, 200, 150, -100)))
