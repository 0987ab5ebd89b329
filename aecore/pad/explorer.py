"""One HTML file with the map, the pad and the network at work: offline, from a double click."""

from __future__ import annotations

import base64
import html as html_escape
import json
import zlib

import numpy as np

from aecore.errors import ExportError
from aecore.pad.browser_code import (
    explorer_script,
    flow_markup,
    flow_style,
    pad_markup,
    pad_style,
)
from aecore.pad.bundle import PadBundle

_PANELS = ["sliders", "draw", "journey", "time"]
#: Arrays that lose nothing visible at half precision; the file says so.
_HALF = ("w", "codes", "logvar", "pca")
_LARGEST_HALF = 65504.0

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --st-text-color: #1f2328; --st-background-color: #ffffff;
  --st-secondary-background-color: #f0f2f6; --st-primary-color: #0072b2; }}
@media (prefers-color-scheme: dark) {{ :root {{ --st-text-color: #e6e8eb;
  --st-background-color: #14171c; --st-secondary-background-color: #232830;
  --st-primary-color: #4aa8e0; }} }}
body {{ margin: 0 auto; padding: 12px; max-width: 1200px; background: var(--st-background-color);
  color: var(--st-text-color); font-family: system-ui, sans-serif; }}
h1 {{ font-size: 20px; margin: 0 0 4px; }}
h2 {{ font-size: 16px; margin: 20px 0 4px; }}
{css}
</style>
<h1>{title}</h1>
<p>Point at the map: what is drawn beside it is decoded here, in this file. {precision}</p>
{html}
<h2>The network at work</h2>
{flow}
<p id="failed" role="alert" hidden>This browser is too old to unpack the file.</p>
<script type="application/json" id="bundle">{bundle}</script>
<script type="application/octet-stream" id="arrays">{arrays}</script>
<script type="module">
{js}
</script>
</html>
"""


def export_explorer(bundle: PadBundle, *, title: str, exact: bool = False) -> str:
    """Write the explorer.

    exact: the network's weights stay float32, which makes the file about half as large again.
    Returns a page that loads nothing from anywhere: weights and codes in float16, everything
    deflated and in base64.
    Raises ExportError when the model does not run in a browser.
    """
    if bundle.meta["network"] is None:
        raise ExportError(f"This model cannot become an explorer file. {bundle.meta['note']}")
    described, blob, offset = [], [], 0
    for name, array in bundle.arrays.items():
        if name in _HALF and not (exact and name == "w"):
            # All low bytes, then all high ones, which are alike: that deflates better.
            halves = np.clip(array, -_LARGEST_HALF, _LARGEST_HALF).astype("<f2").ravel()
            kind, data = "half", halves.view("u1").reshape(-1, 2).T.tobytes()
        else:
            kind = str(array.dtype)
            data = array.astype(array.dtype.newbyteorder("<")).tobytes()
        described.append({"name": name, "type": kind, "at": offset, "length": int(array.size)})
        blob.append(data + bytes(-len(data) % 8))
        offset += len(blob[-1])
    options = {"panels": _PANELS, "height": 440}
    about = json.dumps({"meta": bundle.meta, "options": options, "arrays": described})
    precision = (
        "The network is stored as it is, the points of the map in half precision."
        if exact
        else "Numbers are stored in half precision, so that the file stays small."
    )
    return _PAGE.format(
        precision=precision,
        title=html_escape.escape(title),
        css=pad_style() + flow_style(),
        html=pad_markup(),
        flow=flow_markup(),
        js=explorer_script().replace("</script", "<\\/script"),
        bundle=about.replace("<", "\\u003c"),
        arrays=base64.b64encode(zlib.compress(b"".join(blob), 9)).decode(),
    )
