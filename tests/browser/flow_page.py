"""The network at work on a bare page: a bundle in, what a person sees out."""

from __future__ import annotations

import base64
from typing import Any

from aecore.pad import PadBundle
from aecore.pad.browser_code import flow_markup, flow_script, flow_style

WINDOW = '<meta name="viewport" content="width=device-width">'
START = """async ({source, meta, arrays, options}) => {
    const url = URL.createObjectURL(new Blob([source], {type: "text/javascript"}));
    const {default: networkAtWork} = await import(url);
    const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
    const kinds = {float32: Float32Array, int16: Int16Array, uint8: Uint8Array};
    const data = {meta, options};
    for (const [name, {type, values}] of Object.entries(arrays)) {
        data[name] = new kinds[type](bytes(values));
    }
    window.sent = [];
    const setTriggerValue = (name, value) => window.sent.push([name, value]);
    networkAtWork({data, parentElement: document, setTriggerValue});
}"""


def open_network(page: Any, bundle: PadBundle, waits: str = "quared error", **options: Any) -> None:
    """Show a bundle's network on a page of its own. waits: for what beneath the drawing."""
    arrays = {
        name: {"type": str(array.dtype), "values": base64.b64encode(array.tobytes()).decode()}
        for name, array in bundle.arrays.items()
    }
    page.set_content(f"{WINDOW}<style>body {{margin: 0}} {flow_style()}</style>{flow_markup()}")
    given = {"name": "n", "compact": False, "height": 286, "facts": False, **options}
    about = {"source": flow_script(), "meta": bundle.meta, "arrays": arrays, "options": given}
    page.evaluate(START, about)
    page.locator("#flowError", has_text=waits).wait_for()
