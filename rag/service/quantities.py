"""Numbers of things, and sizes, in words."""

from __future__ import annotations


def count(number: int, thing: str, things: str = "") -> str:
    """Return "1 article", "15 articles"; `things` is a plural that isn't made by an "s"."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {things or thing + 's'}"


def size(number_of_bytes: int) -> str:
    """Return "25 MB", with a decimal below 10."""
    value, unit = float(number_of_bytes), "bytes"
    for larger in ("KB", "MB", "GB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.1f} {unit}" if value < 10 and unit != "bytes" else f"{value:,.0f} {unit}"
