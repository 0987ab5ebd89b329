"""Our own SVG in the page's colours: st.html strips SVG, and an image would not know the theme."""

from __future__ import annotations

from streamlit.components.v2 import component

_JS = """
export default function drawing({ data, parentElement }) {
  parentElement.querySelector(".drawing").innerHTML = data.svg;
}
"""
_CSS = ".drawing { color: var(--st-text-color); font-family: var(--st-font); min-height: 202px; }"
_component = component("drawing", html='<div class="drawing"></div>', css=_CSS, js=_JS)


def drawing(svg: str, key: str) -> None:
    """Show an SVG that this project made; text in it must be escaped already."""
    _component(key=key, data={"svg": svg})
