"""What a step of the epoch slider costs: one rerun of the pad alone, and one small frame."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from aecore.datasets import load
from aecore.pad import EpochFrame, build_bundle, export_network, pack_frame, with_epochs
from aecore.pad.epoch_frame import unpacked_weights
from aecore.runs import checkpoints

LIMIT = 250_000  # bytes
APP = """
import streamlit as st
from tests.browser.test_epoch_step import plane
from pages.components.pad import latent_pad

bundle, past = plane()
st.line_chart([3, 2, 1])  # the rest of the page
latent_pad(bundle, key="pad", mode="train", travel=past)
st.text_input("What a rerun of the page would lose")
"""

_plane = None


def plane():
    """The shipped plane VAE as the Decode page shows it, and past epochs of it."""
    global _plane
    if _plane is None:
        model = checkpoints.load(checkpoints.shipped()["vae-plane"]).model
        network, test = export_network(model), load("mnist").test
        rng = np.random.default_rng(0)
        codes = rng.normal(size=(3000, 2)).astype(np.float32)
        bundle = build_bundle(
            network,
            model_id="m",
            model_name="the plane VAE",
            codes=codes,
            images=test.x[:1500].numpy(),
            labels=test.labels[:3000].numpy(),
            class_names="0123456789",
        )
        bundle = with_epochs(bundle, [1, 2, 3], [0.3, 0.2, 0.1])

        def past(epoch: int):
            network.weights[:] = bundle.arrays["w"] * (0.7 + 0.1 * epoch)
            return pack_frame(bundle, EpochFrame(epoch, codes[::-1] + 1, network))

        bundle.arrays["w"] = bundle.arrays["w"].copy()
        _plane = bundle, past
    return _plane


@pytest.mark.parametrize("pad_app", [APP], indirect=True)
def test_a_step_is_one_rerun_of_the_pad_and_one_small_frame(chromium, pad_app):
    page = chromium.new_page(viewport={"width": 1200, "height": 1000})
    sent, received = [], []

    def listen(socket):
        socket.on("framesent", lambda frame: sent.append(frame))
        socket.on("framereceived", lambda frame: received.append(frame))

    parts = []  # what came beside the page's own connection, as it travelled
    page.on("requestfinished", lambda r: "aecore/part/" in r.url and parts.append(r))
    page.on("websocket", listen)
    page.goto(pad_app)
    page.get_by_text("epoch 3 (newest), held-out error 0.1000").wait_for(timeout=60_000)
    page.wait_for_timeout(1500)
    beside = sum(int(request.response().header_value("content-length")) for request in parts)
    whole = beside + sum(map(len, received))
    assert len(parts) == 3  # the code, the weights and the images, each once
    assert 2_000_000 < beside < 2_900_000  # of 3,700,000 bytes
    for epoch in (2, 1):
        sent.clear()
        received.clear()
        parts.clear()
        page.locator("#epoch").press("ArrowLeft")
        page.get_by_text(f"epoch {epoch}, held-out error 0.{4 - epoch}000").wait_for()
        page.wait_for_timeout(800)
        assert sum(map(len, received)) <= LIMIT
        assert len(sent) == 1
        assert not parts
        request = BackMsg.FromString(sent[0])
        assert request.rerun_script.fragment_id
        messages = [ForwardMsg.FromString(frame) for frame in received]
        ends = [m.script_finished for m in messages if m.WhichOneof("type") == "script_finished"]
        assert ends == [ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY]
        print(f"a step brings {sum(map(len, received)):,} bytes of {whole:,}")
        frames = page.locator(".lp").evaluate("({pad}) => [...pad.chosen().frames.keys()]")
        assert frames == [2, 1][: 3 - epoch]
        bundle, past = plane()
        expected = unpacked_weights(bundle.arrays["w"], past(epoch))
        found = page.locator(".lp").evaluate(
            "({pad}, at) => [...pad.chosen().frames.get(at).weights]", epoch
        )
        np.testing.assert_allclose(found, expected, atol=1e-6)
    sent.clear()
    received.clear()
    page.locator("#epoch").press("ArrowRight")  # one that it has
    page.get_by_text("epoch 2, held-out error 0.2000").wait_for()
    page.wait_for_timeout(500)
    assert (sent, received) == ([], [])
    page.close()
