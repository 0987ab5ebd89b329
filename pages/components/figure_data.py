"""The numbers behind a figure, beside it, as a CSV file."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from aecore.export.csv_tables import Columns, csv_text
from pages.shell import access, session

#: For a figure with nothing to zoom into: of Plotly's buttons the one that saves a picture.
CAMERA = {"displaylogo": False, "modeBarButtons": [["toImage"]]}


def csv_button(columns: Callable[[], Columns], name: str, key: str, of: str | None = None) -> None:
    """A small download of a figure's numbers; they are gathered when it is clicked.

    columns: gives equally long columns by name, each name with its unit. name: of the file,
    without its ending. of: the ref of the model whose numbers they are, None for that in hand;
    who only watches it, as the sidebar then says, has no such button.
    """
    if access.taking_refused(of or session.hand_ref()) is not None:
        return
    st.download_button(
        "CSV",
        lambda: csv_text(columns()),
        file_name=f"{name}.csv",
        mime="text/csv",
        icon=":material/table_view:",
        type="tertiary",
        on_click="ignore",
        key=f"csv_{key}",
        help="The numbers of this figure, as a table. Its picture: the camera that appears when "
        "you point at the figure.",
    )
