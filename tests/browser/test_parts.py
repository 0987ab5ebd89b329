"""Arrays that the server has given up, or that do not arrive: they are asked for until they do."""

from __future__ import annotations

import pytest

from tests.browser.test_epoch_step import APP


@pytest.mark.parametrize("pad_app", [APP], indirect=True)
def test_what_does_not_arrive_is_said_and_asked_for_again(chromium, pad_app):
    page = chromium.new_page(viewport={"width": 1200, "height": 1000})
    asked, sent = [], []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))

    def lose(route):
        if route.request.url.endswith("?0"):  # the code itself, without which nobody asks
            route.continue_()
            return
        asked.append(route.request.url)
        # Each twice: at first, and once more a moment later.
        if asked.count(route.request.url) <= 2:
            route.fulfill(status=404)
        else:
            route.continue_()

    page.route("**/aecore/part/**", lose)
    page.goto(pad_app)
    page.get_by_text("They are asked for again").wait_for(timeout=60_000)
    page.get_by_text("epoch 3 (newest), held-out error 0.1000").wait_for(timeout=60_000)
    assert len(asked) == 6  # the weights and the images
    assert len(sent) == 2  # the page's first run, and to be offered them again
    assert page.get_by_text("They are asked for again").is_hidden()
    page.close()
