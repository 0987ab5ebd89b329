"""Read it back: a file of compressed examples decoded and held against the originals."""

from pages.lab import read_back_shown
from pages.shell import session
from pages.shell.layout import explain, head, stage
from pages.shell.page import Page
from pages.shell.plain_text import own

PAGE = Page(
    section="Lab",
    title="Read it back",
    url="read-back",
    icon=":material/unarchive:",
    place=34,
    listed=False,
)

head("Read it back", "A file of compressed examples, decoded: what did so few bytes keep?")
held = session.hand()
with stage():
    read_back_shown.show(held)
read_back_shown.link()
explain(own(read_back_shown.EXPLAINED))
