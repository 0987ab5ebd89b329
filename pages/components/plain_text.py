"""The same as pages.shell.plain_text, by the name that rooms know it by."""

from pages.shell.plain_text import plain as plain
