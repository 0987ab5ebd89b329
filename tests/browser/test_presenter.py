"""Presenting: larger type at a key, pages turned by keys, and nothing of it while one writes."""

from __future__ import annotations

SLOW = 120_000
ON = "() => document.documentElement.classList.contains('presenting')"


def title_is(page, title: str) -> None:
    from playwright.sync_api import expect

    expect(page.locator("h1").first).to_have_text(title, timeout=SLOW)


def test_keys_present_and_turn_pages(chromium, server):
    page = chromium.new_page(viewport={"width": 1280, "height": 720})
    page.set_default_timeout(SLOW)
    page.goto(f"{server.url}/train")
    page.get_by_role("button", name="Present").wait_for()
    epochs = page.get_by_role("spinbutton", name="Epochs")
    epochs.press("f")
    page.keyboard.press("Control+f")
    assert not page.evaluate(ON)
    page.locator("h1").click()
    page.keyboard.press("PageDown")
    title_is(page, "Train")  # it scrolls, as ever
    size = "() => parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)"
    page.keyboard.press("f")
    page.wait_for_function(ON)
    assert page.get_by_test_id("stSidebar").is_hidden()
    assert page.evaluate(size) >= 28
    epochs.press("PageDown")  # while one writes it stays
    page.locator("h1").click()
    page.keyboard.press("PageDown")
    title_is(page, "Data")
    page.keyboard.press("ArrowLeft")
    title_is(page, "Train")
    page.keyboard.press("PageUp")
    title_is(page, "Autoencoders, live")
    page.keyboard.press("f")
    page.wait_for_function(f"() => !({ON})()")
    page.get_by_role("button", name="Present").click()
    page.wait_for_function(ON)
    page.close()
