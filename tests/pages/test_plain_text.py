"""Whatever a page shows goes through plain_text: read in the pages' own code, place by place.

The code is read, not run: a name that nobody thought of is the one that carries the link. A text is
known when the page is written, a number, or an expression of such; anything else says `plain` or
`own` itself.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from pages.shell.plain_text import plain

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py"))]

# What takes text that Streamlit reads as Markdown: how many of its first arguments, and by name.
FIRST = {
    **dict.fromkeys(("markdown", "caption", "title", "header", "subheader", "write", "latex"), 1),
    **dict.fromkeys(("error", "warning", "info", "success", "toast", "spinner", "badge"), 1),
    **dict.fromkeys(("button", "download_button", "form_submit_button", "link_button"), 1),
    **dict.fromkeys(("toggle", "checkbox", "selectbox", "multiselect", "radio", "pills"), 1),
    **dict.fromkeys(("segmented_control", "select_slider", "slider", "number_input"), 1),
    **dict.fromkeys(("text_input", "text_area", "file_uploader", "expander", "popover"), 1),
    **dict.fromkeys(("status", "dialog", "tabs", "head", "explain"), 2),
    **dict.fromkeys(("metric",), 3),
    **dict.fromkeys(("page_link", "progress"), 0),
}
NAMED = ("label", "help", "text", "body", "value", "delta", "captions", "caption")
# Their options are Markdown too, so what names them has to be plain.
OPTIONS = ("radio", "pills", "segmented_control", "select_slider")
# What gives plain text, or a number that is written here.
KNOWN = ("plain", "own", "shown", "figure", "band_text", "len", "round", "int", "float", "sum")
SAME = ("capitalize", "upper", "lower", "title", "strip", "replace")  # of a known text, known
NUMBERS = ("sum", "max", "min", "mean")  # methods that give one
# Attributes that only this project writes: 'image', ':material/…:', a number.
WORDS = ("thing", "icon", "latent_dim")


class Reader:
    """Says of an expression in a function whether its text is known."""

    def __init__(self, tree: ast.Module):
        self.functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
        self.scopes: list[ast.AST] = [tree]
        self.asked: set[str] = set()

    def known(self, node: ast.AST | None) -> bool:
        match node:
            case None | ast.Constant():
                return True
            case ast.JoinedStr():
                return all(self.known(value) for value in node.values)
            case ast.FormattedValue():
                return _numeric(node.format_spec) or self.known(node.value)
            case ast.BinOp(op=ast.Add()):
                return self.known(node.left) and self.known(node.right)
            case ast.BinOp(op=ast.Mult()):
                return self.known(node.left)
            case ast.BinOp(op=ast.Sub() | ast.Div() | ast.FloorDiv()):
                return True  # numbers
            case ast.IfExp():
                return self.known(node.body) and self.known(node.orelse)
            case ast.BoolOp():
                return all(self.known(value) for value in node.values)
            case ast.Tuple() | ast.List():
                return all(self.known(value) for value in node.elts)
            case ast.Lambda():
                return self.known(node.body)
            case ast.GeneratorExp() | ast.ListComp():
                return self.known(node.elt)
            case ast.Subscript():
                return isinstance(node.value, ast.Name) and self.known(node.value)
            case ast.Attribute(attr="__getitem__"):
                return self.known(node.value)
            case ast.Attribute():
                return node.attr.isupper() or node.attr in WORDS
            case ast.Starred():
                return self.known(node.value)
            case ast.Name():
                return node.id.isupper() or self._local(node.id) or self._returns(node.id)
            case ast.Call(func=ast.Name(id=name)):
                return name in KNOWN or self._returns(name)
            case ast.Call(func=ast.Attribute(attr=attr)) if attr in NUMBERS:
                return True
            case ast.Call(func=ast.Attribute(value=value, attr="join")):
                return self.known(value) and all(self.known(a) for a in node.args)
            case ast.Call(func=ast.Attribute(value=value, attr="format")):
                return isinstance(value, ast.Constant) and all(
                    self.known(a) for a in (*node.args, *(k.value for k in node.keywords))
                )
            case ast.Call(func=ast.Attribute(value=value, attr=attr)) if attr in SAME:
                return self.known(value) and all(self.known(a) for a in node.args)
        return False

    def _returns(self, name: str) -> bool:
        """Whether a function of this module gives nothing but known texts."""
        function = self.functions.get(name)
        if function is None or name in self.asked:
            return False
        self.asked.add(name)
        self.scopes.append(function)
        try:
            returns = [n.value for n in ast.walk(function) if isinstance(n, ast.Return)]
            return bool(returns) and all(self.known(value) for value in returns)
        finally:
            self.scopes.pop()
            self.asked.discard(name)

    def _local(self, name: str) -> bool:
        """Whether everything that a name is given in the function around is known."""
        if name in self.asked:
            return True  # of itself: what else it is given decides
        self.asked.add(name)
        try:
            found = list(_given(self.scopes[-1], name))
            return bool(found) and all(self.known(value) for value in found)
        finally:
            self.asked.discard(name)


def _numeric(spec: ast.expr | None) -> bool:
    """Whether a format is one that a text would refuse: ',', '.2f', '+.1f', 'g', '%'."""
    if not isinstance(spec, ast.JoinedStr) or not spec.values:
        return False
    last = spec.values[-1]
    return isinstance(last, ast.Constant) and str(last.value)[-1] in ",feg%d"


UNKNOWN = ast.Starred(ast.Name("unknown"))


def _given(scope: ast.AST, name: str):
    """What a name is given in a function: unknown for a parameter that is no number."""
    arguments = getattr(scope, "args", None)
    for argument in [] if arguments is None else [*arguments.args, *arguments.kwonlyargs]:
        if argument.arg == name:
            number = argument.annotation and ast.unparse(argument.annotation) in ("int", "float")
            yield None if number else UNKNOWN
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                yield from _taken(target, node.value, name)
        elif isinstance(node, ast.For | ast.comprehension):
            for element in _elements(node.iter, node.target):
                yield from _taken(node.target, element, name)
        elif isinstance(node, ast.With):
            for item in node.items:
                if isinstance(item.optional_vars, ast.Name) and item.optional_vars.id == name:
                    yield UNKNOWN


def _elements(iterated: ast.expr, target: ast.AST) -> list[ast.AST]:
    """What a loop goes over: an expression for each element, or one that stands for all."""
    match iterated:
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return list(elements)
        case ast.Call(func=ast.Name(id="zip"), args=several):
            return [ast.Tuple(list(several))]
        case ast.Call(func=ast.Name(id="enumerate"), args=[one, *_]):
            return [ast.Tuple([ast.Constant(0), one])]
    return [UNKNOWN] if isinstance(target, ast.Tuple) else [iterated]


def _taken(target: ast.AST, value: ast.AST | None, name: str):
    if isinstance(target, ast.Name) and target.id == name:
        yield value
    elif isinstance(target, ast.Tuple):
        parts = value.elts if isinstance(value, ast.Tuple) else [UNKNOWN] * len(target.elts)
        if len(parts) != len(target.elts):
            parts = [UNKNOWN] * len(target.elts)
        for part, given in zip(target.elts, parts, strict=True):
            yield from _taken(part, given, name)


def unknown_texts(source: str) -> list[str]:
    """Each place of a module whose text is not known: 'line: code'."""
    tree = ast.parse(source)
    reader, found = Reader(tree), []

    def visit(node: ast.AST) -> None:
        inside = isinstance(node, ast.FunctionDef | ast.Lambda)
        if inside and not (isinstance(node, ast.Lambda) and len(reader.scopes) > 1):
            reader.scopes.append(node)
        if isinstance(node, ast.Call):
            found.extend(_texts(node, reader))
        for child in ast.iter_child_nodes(node):
            visit(child)
        if reader.scopes[-1] is node and node is not tree:
            reader.scopes.pop()

    visit(tree)
    return found


def _texts(call: ast.Call, reader: Reader) -> list[str]:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    owner = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    ours = name in ("head", "explain")
    if name not in FIRST or owner == "log" or not (owner or ours):
        return []
    given = list(call.args[: FIRST[name]])
    given += call.args[1:2] if name == "progress" else []
    given += [k.value for k in call.keywords if k.arg in NAMED]
    if name in OPTIONS:
        given += [k.value for k in call.keywords if k.arg == "format_func"]
        if not any(k.arg == "format_func" for k in call.keywords):
            given += call.args[1:2]
    return [f"{g.lineno}: {ast.unparse(g)}" for g in given if not reader.known(g)]


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_text_on_a_page_is_known_or_plain(path: Path):
    assert unknown_texts(path.read_text("utf-8")) == []


UNKNOWN_TO_US = [
    "st.error(str(error))",
    "place.caption(card.name)",
    "def f(name):\n    st.markdown(f'**{name}**')",
    "def f(name):\n    label = 'Run'\n    label = name\n    st.button(label)",
    "def f(run):\n    row.metric('State', run.recording.status)",
    "st.selectbox('A', [1], help=source.about)",
    "st.radio('A', names)",
    "st.pills('A', names, format_func=_title)\ndef _title(name):\n    return f'{name}!'",
    "with st.spinner(f'Reading {source.title}'):\n    pass",
    "for title, row in zip(titles, rows):\n    st.markdown(title)",
    "st.caption(', '.join(names))",
    "st.caption('{}'.format(name))",
    "bar.progress(0.1, text=what)",
]
KNOWN_TO_US = [
    "st.error(f'{plain(error)}')",
    "st.markdown(own(sentence))",
    "def f(n: int):\n    st.markdown(f'{n} of {len(names):,}, {mse:.4f}' + ' and more' * more)",
    "def f(on):\n    label = 'Stop' if on else 'Go'\n    st.button(label)",
    "for label in ('Pause', 'Step'):\n    st.button(label)",
    "st.caption(' · '.join(plain(name) for name in names))",
    "st.selectbox('A', names, format_func=str)",
    "log.info(name)",
]


@pytest.mark.parametrize("code", UNKNOWN_TO_US)
def test_the_reader_finds(code: str):
    assert len(unknown_texts(code)) == 1


@pytest.mark.parametrize("code", KNOWN_TO_US)
def test_the_reader_lets_be(code: str):
    assert unknown_texts(code) == []


def test_a_plain_text_stays_as_it_is_but_for_its_space():
    assert plain("a name of 3 words: yes") == "a name of 3 words: yes"
    assert plain("  two\n\nlines\t") == "two lines"
    assert plain("reversed \u202etxt.exe") == "reversed txt.exe"
    assert plain("نام\u200cها") == "نام\u200cها"  # what joins letters, or keeps them apart, stays
    assert plain(ValueError("no <b>")) == r"no \<b\>"
