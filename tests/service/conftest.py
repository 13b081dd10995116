from __future__ import annotations

from collections.abc import Iterator

import pytest

from rag import Library, Settings
from tests.helpers.gated import Gated


@pytest.fixture
def embedder() -> Gated:
    return Gated()


@pytest.fixture
def gated(settings: Settings, embedder: Gated) -> Iterator[Library]:
    with Library.open(settings, embedder, follow=False) as library:
        yield library
