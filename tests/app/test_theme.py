"""The colours: each text can be read on each ground that it stands on, by day and by night."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "app_pages" / "static"
THEMES = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))["theme"]
READABLE = 4.5


def rgb(colour: str) -> tuple[float, float, float]:
    return tuple(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """The contrast ratio of WCAG 2.1, 1 to 21."""

    def luminance(colour: tuple[float, ...]) -> float:
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_every_text_can_be_read_on_its_ground(name: str):
    theme = {key: rgb(value) for key, value in THEMES[name].items() if isinstance(value, str)}
    text, paper = theme["textColor"], theme["backgroundColor"]
    share = int(
        re.search(r"--soft: color-mix\(in srgb, \S+ (\d+)%", (STATIC / "views.css").read_text("utf-8"))[1]
    )
    soft = tuple(t * share / 100 + p * (1 - share / 100) for t, p in zip(text, paper, strict=True))
    for ground in (paper, theme["secondaryBackgroundColor"]):
        for ink in (text, soft, theme["linkColor"]):
            assert contrast(ink, ground) >= READABLE
    assert contrast(text, theme["yellowBackgroundColor"]) >= READABLE
    assert contrast((1, 1, 1), theme["primaryColor"]) >= READABLE, "the main button's words are white"
    assert contrast(theme["primaryColor"], paper) >= 3, "the sign of focus stands out from the page"


def test_the_page_around_the_components_has_the_theme_s_paper():
    style = (STATIC / "page.css").read_text("utf-8")
    papers = re.findall(r"--footnote-paper: (#\w{6}); --footnote-hair: (#\w{6});", style)
    assert papers == [(THEMES[n]["backgroundColor"], THEMES[n]["borderColor"]) for n in ("light", "dark")]
    inks = re.findall(r"--footnote-soft: (#\w{6})", style)
    for ink, (paper, _) in zip(inks, papers, strict=True):
        assert contrast(rgb(ink), rgb(paper)) >= READABLE


@pytest.mark.parametrize("name", ["light", "dark"])
def test_the_lines_of_charts_stand_out_from_the_page(name: str):
    for colour in THEMES[name]["chartCategoricalColors"]:
        assert contrast(rgb(colour), rgb(THEMES[name]["backgroundColor"])) >= 3
