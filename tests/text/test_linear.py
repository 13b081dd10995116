"""Nothing that a document, a question or an answer may hold takes longer than in proportion to its length."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from tests.helpers.hostile import Used, grows, may_be_slow, patterns, seconds, texts_for

MOST_SECONDS = 0.2
"""For 4,000 signs."""
_SUSPECTED_SECONDS = 0.0006
"""For 1,000 signs: what takes longer is looked at closely."""
_CAPPED_AT = 290
"""Some patterns look only at what is shorter than 300 signs, and so are tried on that too."""
_WORST = 3


def test_no_pattern_takes_longer_than_in_proportion() -> None:
    slow = [line for used in patterns() if may_be_slow(used.pattern) for line in _slow(used)]
    assert not slow, "\n".join(slow)


def _slow(used: Used) -> list[str]:
    found = list[str]()
    is_capped = bool(
        re.search(rb"\{300" if isinstance(used.pattern.pattern, bytes) else r"\{300", used.pattern.pattern)
    )
    for text in texts_for(used.pattern):
        for method in used.methods:
            run = partial(_run, used, method, text)
            if is_capped and seconds(partial(run, _CAPPED_AT), MOST_SECONDS) > 5 * _SUSPECTED_SECONDS:
                found.append(f"{used.name}.{method} takes long for {text(40)!r}")
            if seconds(partial(run, 1_000), MOST_SECONDS) > _SUSPECTED_SECONDS and (
                taken := grows(run, MOST_SECONDS)
            ):
                found.append(f"{used.name}.{method} takes {taken} s for {text(40)!r}")
            if len(found) == _WORST:
                return found
    return found


def _run(used: Used, method: str, text: Callable[[int], str], characters: int) -> None:
    given = text(characters)
    wanted = given.encode("utf-8") if isinstance(used.pattern.pattern, bytes) else given
    found = getattr(used.pattern, method)(wanted)
    if method == "finditer":
        for _ in found:
            pass
