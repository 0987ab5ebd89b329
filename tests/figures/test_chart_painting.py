"""Charts are painted where their values say, and escape what is written on them."""

from __future__ import annotations

import io
import math
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from aecore.figures.chart import Axis, Chart, Line
from aecore.figures.chart_files import png, svg
from aecore.figures.chart_painting import Area, Dot, Words, paint
from aecore.figures.chart_scale import in_short, span_of, ticks_of


def chart(kind="lines", **axes) -> Chart:
    x = axes.get("x", Axis("across", span=(0.0, 10.0)))
    y = axes.get("y", Axis("up", "m", span=(0.0, 1.0)))
    line = Line("a <b>", (0.0, 5.0, 10.0), (0.0, math.nan, 1.0))
    return Chart("one", "One", x, y, (line,), kind, summary='It "rises"')


def dots(shown: Chart) -> list[Dot]:
    return [part for part in paint(shown, 600, 300).parts if isinstance(part, Dot)]


def test_values_stand_where_the_axes_say_and_gaps_stay_open():
    low, high = dots(chart())
    assert low.at[0] < high.at[0]
    assert low.at[1] > high.at[1]
    assert low.told == "a <b>: 0 at 0"


def test_a_logarithmic_axis_has_equal_steps_for_equal_factors():
    axis = Axis("up", "m", log=True, span=(0.01, 1.0))
    line = Line("a", (0.0, 5.0, 10.0), (0.01, 0.1, 1.0))
    shown = Chart("one", "One", Axis("across", span=(0.0, 10.0)), axis, (line,))
    y = [dot.at[1] for dot in dots(shown)]
    assert y[0] - y[1] == pytest.approx(y[1] - y[2])


def test_bars_begin_at_nothing():
    line = Line("a", (0.0, 1.0), (2.0, 4.0))
    shown = Chart("b", "B", Axis("x"), Axis("y", "m"), (line,), "bars", ("one", "two"))
    tall = [
        max(y for _, y in part.points) - min(y for _, y in part.points)
        for part in paint(shown, 600, 300).parts
        if isinstance(part, Area)
    ]
    assert tall[1] == pytest.approx(2 * tall[0])


def test_a_plane_has_one_scale():
    axis = Axis("x", span=(-1.0, 1.0))
    corners = Line("", (-1.0, 1.0), (-1.0, 1.0))
    a, b = dots(Chart("p", "P", axis, axis, (corners,), "plane"))
    assert b.at[0] - a.at[0] == pytest.approx(a.at[1] - b.at[1])


@pytest.mark.parametrize(("span", "log"), [((0.0, 1.0), False), ((0.003, 0.06), True)])
def test_ticks_are_round_and_inside(span, log):
    found = ticks_of(Axis("x", log=log), span)
    assert 3 <= len(found) <= 8
    assert all(span[0] <= t <= span[1] for t in found)
    assert all(len(in_short(t)) <= 5 for t in found)


def test_as_svg_it_is_well_formed_whatever_is_written_on_it():
    root = ET.fromstring(svg(chart()))
    assert root.attrib["aria-label"] == 'It "rises"'
    assert "a <b>" in [element.text for element in root.iter() if element.text]


def test_as_a_picture_it_has_the_line_in_its_colour():
    picture = np.asarray(Image.open(io.BytesIO(png(chart()))).convert("RGB"), int)
    blue = np.abs(picture - (0x0B, 0x72, 0xC4)).sum(2) < 30
    assert blue.sum() > 50


def test_as_columns_every_point_has_a_row():
    assert chart().columns()["up (m)"][::2] == [0.0, 1.0]


def test_bars_on_a_logarithmic_axis_stand_on_its_lower_end():
    axis = Axis("up", "m", log=True, span=(1.0, 1000.0))
    line = Line("a", (0.0, 1.0), (10.0, 1000.0))
    shown = Chart("one", "One", Axis("kind"), axis, (line,), "bars", ("few", "many"))
    few, many = (part for part in paint(shown, 600, 300).parts if isinstance(part, Area))
    high, bottom = ({y for _, y in bar.points} for bar in (many, few))
    assert max(high) == max(bottom) < 300
    assert max(high) - min(high) == pytest.approx(3 * (max(bottom) - min(bottom)))


def test_a_cloud_has_small_dots_and_a_nameless_line_says_nothing():
    x = tuple(float(i) for i in range(30))
    cloud, few = Line("", x, x, joined=False), Line("b", x[:2], x[:2], joined=False)
    shown = Chart("one", "One", Axis("a"), Axis("b"), (cloud, few), "plane")
    drawn = dots(shown)
    assert max(dot.radius for dot in drawn[:30]) < min(dot.radius for dot in drawn[30:])
    assert not any(dot.told for dot in drawn[:30])
    assert all(dot.told.startswith("b: ") for dot in drawn[30:])


@pytest.mark.parametrize("value", [0.0, 1e-9, -3.0, 7.0])
def test_a_chart_of_one_value_has_an_axis_about_it(value):
    low, high = span_of(Axis("y"), [value, value])
    assert low <= value <= high
    assert len(ticks_of(Axis("y"), (low, high))) >= 2


@pytest.mark.parametrize("width", [328.0, 620.0])
def test_no_word_of_a_chart_leaves_it_or_lies_over_another(width):
    """Names of classes and of what is measured are as long as people make them."""
    names = ("a very long class name", "<b>short</b>", "generated shapes", "x") * 3
    y = tuple(1e6 * i for i in range(len(names)))
    lines = [Line(f"line {i} of {'many words ' * i}", y, y, i) for i in range(6)]
    lines = [replace(line, x=tuple(map(float, range(len(names))))) for line in lines]
    up = Axis("an error", "squared error per value, the mean of 10,000 held-out examples")
    across = Axis("what was measured", "in a unit that takes more room than a phone has across")
    shown = Chart("one", "One", across, up, tuple(lines), "bars", names)
    painted = paint(shown, width, 300)
    boxes = [_box_of(w) for w in painted.parts if isinstance(w, Words)]
    for left, top, right, bottom in boxes:
        assert left >= 0
        assert top >= 0
        assert right <= width
        assert bottom <= painted.height
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert min(a[2], b[2]) <= max(a[0], b[0]) or min(a[3], b[3]) <= max(a[1], b[1])
    assert max(y for part in painted.parts if isinstance(part, Area) for _, y in part.points) < 300


def _box_of(words: Words) -> tuple[float, float, float, float]:
    """About where letters stand: left, top, right, bottom."""
    long, (x, y) = 5.6 * len(words.text), words.at
    before = {"left": 0.0, "middle": long / 2, "right": long}[words.align]
    if words.turned:
        after = long - before
        return x - 10, y - after, x, y + before
    return x - before, y - 10, x - before + long, y
