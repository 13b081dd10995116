from __future__ import annotations

import pytest

from rag.service.naming import count, size


def test_one_thing_is_no_plural():
    assert [count(n, "article") for n in (0, 1, 2, 1500)] == [
        "0 articles",
        "1 article",
        "2 articles",
        "1,500 articles",
    ]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 bytes"),
        (1023, "1,023 bytes"),
        (1536, "1.5 KB"),
        (25 * 2**20, "25 MB"),
        (3000 * 2**30, "3,000 GB"),
    ],
)
def test_sizes_have_the_unit_that_suits(number: int, text: str):
    assert size(number) == text
