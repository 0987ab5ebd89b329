"""What a page says about itself, and the pages there are: each is one file that is found by it.

A page's file declares itself with `PAGE = Page(...)`, in plain values at the top. The router reads
that line without running the page, once a process: the files are Streamlit's scripts and run when
somebody opens them. The files lie below the folders of the package `pages`.
"""

from __future__ import annotations

import ast
import functools
from dataclasses import dataclass
from pathlib import Path

import pages
from aecore.errors import UnknownNameError
from aecore.places import APP

_DECLARES = "\nPAGE = Page("


@dataclass(frozen=True)
class Page:
    """A page as the sidebar and the address show it.

    url: the last part of its address. icon: a Material symbol, ":material/name:". place: pages
    come in this order, and a section stands where its first page does; the first of all is what
    the bare address shows. section: the heading above it, "" for none. teacher: it is there for
    the teacher alone. listed: it stands in the sidebar; else links of other pages lead to it.
    """

    title: str
    url: str
    icon: str
    place: float
    section: str = ""
    teacher: bool = False
    listed: bool = True


def all_pages(teacher: bool = False) -> dict[str, Page]:
    """Every page in its order, by its file as `st.Page` takes it: below app.py's folder by its
    relative path, elsewhere by its full one. teacher: also those that are for the teacher alone."""
    found = _read(tuple(pages.__path__))
    return {file: page for file, page in found.items() if teacher or not page.teacher}


def file_of(url: str) -> str:
    """The file of the page at `url`, as `st.page_link` and `st.switch_page` take it.

    Raises UnknownNameError.
    """
    for file, page in all_pages().items():
        if page.url == url:
            return file
    raise UnknownNameError("page", url, [page.url for page in all_pages().values()])


@functools.cache
def _read(folders: tuple[str, ...]) -> dict[str, Page]:
    found = {}
    for folder in folders:
        for path in sorted(Path(folder).rglob("*.py")):
            text = path.read_text("utf-8")
            if _DECLARES in text:
                inside = path.is_relative_to(APP)
                file = path.relative_to(APP).as_posix() if inside else str(path)
                found[file] = _declared(text, file)
    return dict(sorted(found.items(), key=lambda entry: entry[1].place))


def _declared(text: str, file: str) -> Page:
    """The page that a file's text declares; raises TypeError with the file's name if it cannot be
    read, for whoever writes the page."""
    for node in ast.parse(text, file).body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id="PAGE")],
                value=ast.Call(func=ast.Name(id="Page"), args=[], keywords=keywords),
            ):
                try:
                    return Page(**{str(k.arg): ast.literal_eval(k.value) for k in keywords})
                except (TypeError, ValueError) as error:
                    raise TypeError(f"{file}: PAGE is not plain values by name: {error}") from error
    raise TypeError(f"{file}: PAGE = Page(...) takes its values by name")
