"""A click on a 3-D chart reaches Python as the index of the point under it."""

from __future__ import annotations

import pytest

APP = """
import numpy as np, plotly.graph_objects as go, streamlit as st
from pages.components.latent_point_3d import latent_point_3d

marker = {"size": 60}
points = go.Scatter3d(x=[0.0], y=[0.0], z=[0.0], mode="markers", marker=marker,
                      customdata=np.array([17], np.int32))
st.plotly_chart(go.Figure(points), key="cloud")
point = latent_point_3d("cloud", key="click")
if point is not None:
    st.session_state.chosen = point
st.text(f"chosen {st.session_state.get('chosen')}")
"""


@pytest.mark.parametrize("pad_app", [APP], indirect=True)
def test_a_click_in_three_dimensions_chooses_the_point(chromium, pad_app):
    page = chromium.new_page(viewport={"width": 1000, "height": 800})
    page.goto(pad_app)
    chart = page.locator(".st-key-cloud .js-plotly-plot")
    chart.locator("canvas").first.wait_for(timeout=60_000)
    page.wait_for_timeout(1500)
    box = chart.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 3, y)
    page.mouse.move(x, y, steps=4)
    page.wait_for_timeout(500)  # Plotly clicks what it hovers
    page.mouse.down()
    page.wait_for_timeout(100)
    page.mouse.up()
    page.get_by_text("chosen 17").wait_for(timeout=10_000)
    page.close()
