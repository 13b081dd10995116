"""Limiting the search and what a question prefers, as a user meets them in the browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_browser import (  # noqa: F401  # the fixtures
    SIGNED,
    ask,
    browser,
    page,
    server,
)

pytestmark = pytest.mark.browser


def test_the_search_is_limited_for_the_conversation_and_cleared(page: Page):  # noqa: F811  # the fixture
    page.goto("/")
    page.get_by_text("Limit the search").click()
    page.get_by_label("Footnote samples: world affairs").check()
    page.get_by_role("button", name="Search only these").click()
    only = page.locator(".limits .only")
    expect(only).to_have_text("Only Footnote samples: world affairs")
    expect(page.get_by_placeholder("Ask within these limits")).to_be_visible()

    turn = ask(page, SIGNED)
    expect(turn.locator(".asked-as")).to_contain_text("Only Footnote samples: world affairs")
    expect(turn.locator(".declined")).to_have_text("The articles searched have no answer to this question.")
    turn.get_by_role("button", name="search everything").click()
    everywhere = page.locator(".turn").nth(1)
    expect(everywhere.locator(".sentence").first).to_contain_text("29 December 2017")
    expect(everywhere.locator(".asked-as")).to_have_count(0)
    expect(only).to_be_visible()

    page.reload()
    expect(only).to_have_text("Only Footnote samples: world affairs")
    page.get_by_role("link", name="New conversation").click()
    expect(page.get_by_text("Limit the search")).to_be_visible()
    page.go_back()
    expect(only).to_be_visible()
    page.get_by_role("button", name="clear", exact=True).click()
    expect(only).to_have_count(0)
    expect(page).not_to_have_url(re.compile("source="))
    expect(ask(page, SIGNED).locator(".sentence").first).to_contain_text("29 December 2017")


def test_the_panel_is_filled_in_with_the_keyboard_alone(page: Page):  # noqa: F811  # the fixture
    page.goto("/")
    page.get_by_text("Limit the search").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator(".limits .only")).to_have_text("Only Footnote samples: defence")
    expect(page.locator(".limits details")).not_to_have_attribute("open", "")


def test_filters_in_the_address_that_leave_nothing_are_told(page: Page):  # noqa: F811  # the fixture
    page.goto("/?source=Nobody&since=2023-01-01&until=2023-12-31")
    turn = ask(page, SIGNED)
    expect(turn.locator(".declined")).to_have_text(
        "No article matches the filters (Nobody, 2023): clear them or choose others."
    )
    expect(turn.locator(".related")).to_have_count(0)


def test_what_is_preferred_is_shown_and_turned_off_with_one_click(page: Page):  # noqa: F811  # the fixture
    page.goto("/")
    turn = ask(page, "What is the latest on the S-400 purchase?")
    expect(turn.locator(".asked-as")).to_contain_text("Preferring the latest articles")
    turn.get_by_role("button", name="search without this").click()
    again = page.locator(".turn").nth(1)
    expect(again.locator(".summary")).to_be_visible()
    expect(again.locator(".asked-as")).to_have_count(0)
