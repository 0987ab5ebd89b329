"""Whatever table or array somebody writes comes back: properties, over random files."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from own_files import npz

from aecore.datasets.own.csv_table import read_csv
from aecore.datasets.own.reading import column_names, read_upload

FEW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
QUOTING = (csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC)
# Names of columns: letters of any script, with what has to be quoted among them.
NAMES = st.text(
    st.one_of(st.characters(categories=["L"]), st.sampled_from(" _,;\"'")), min_size=2, max_size=12
).filter(lambda name: name == name.strip() and any(c.isalpha() for c in name))
NUMBERS = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)
GAP = st.sampled_from(["", "NA", "nan", "?"])
WORDS = st.sampled_from(["anna", "bert", "größe, breite", 'say "ah"', "x;y"])


@st.composite
def tables(draw) -> pd.DataFrame:
    """Rows of numbers with a few gaps, and a column of words."""
    height, width = draw(st.integers(21, 40)), draw(st.integers(2, 5))
    names = draw(st.lists(NAMES, min_size=width, max_size=width, unique=True))
    columns: dict[str, list] = {}
    for name in names:
        values = draw(st.lists(NUMBERS, min_size=height, max_size=height))
        values[0], values[1] = 1.5, -2.25  # not the same in every row
        columns[name] = values
    words = draw(st.lists(WORDS, min_size=height, max_size=height))
    words[0], words[1] = "anna", "bert"
    return pd.DataFrame(columns | {"class": words})


@FEW
@given(
    tables(),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(QUOTING),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_a_table_that_pandas_wrote(table, separator, quoting, encoding, end, comma):
    decimal = "," if comma and separator != "," else "."
    text = table.to_csv(
        index=False, sep=separator, quoting=quoting, lineterminator=end, decimal=decimal
    )
    raw = read_csv(io.BytesIO(text.encode(encoding)))
    numbers = table.drop(columns="class")
    assert raw.columns == tuple(numbers.columns)
    assert np.array_equal(raw.x, numbers.to_numpy(np.float32))
    assert [raw.class_names[i] for i in raw.labels] == list(table["class"])
    assert column_names(text.encode(encoding)) == tuple(table.columns)


@FEW
@given(tables(), st.sampled_from([",", ";", "\t"]), st.data())
def test_gaps_are_where_they_were_written(table, separator, data):
    numbers = table.drop(columns="class").to_numpy(np.float32)
    rows = data.draw(st.sets(st.integers(2, len(table) - 1), min_size=1, max_size=4))
    cells = [[repr(float(v)) for v in row] for row in numbers]
    for row in rows:
        cells[row][data.draw(st.integers(0, numbers.shape[1] - 1))] = data.draw(GAP)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator)
    writer.writerow([f"c{i}" for i in range(numbers.shape[1])])
    writer.writerows(cells)
    whole = np.delete(numbers, sorted(rows), 0)
    kept = [len(np.unique(column)) > 1 for column in whole.T]
    raw = read_csv(io.BytesIO(out.getvalue().encode()), missing="drop")
    assert np.array_equal(raw.x[:, kept], whole[:, kept])
    filled = read_csv(io.BytesIO(out.getvalue().encode()), missing="mean")
    assert len(filled.x) == len(table)
    assert np.isfinite(filled.x).all()
    assert np.array_equal(np.delete(filled.x, sorted(rows), 0), whole)


@FEW
@given(
    st.sampled_from([(28, 28), (5, 7, 3), (3, 6, 4), (9,), (60,)]),
    st.sampled_from(["u1", "<f4", ">f8", "<i8", "?"]),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
def test_arrays_come_back_row_for_row(shape, dtype, seed, fortran):
    """Up to the scale that is said: the example with the label i is the i-th that was written."""
    rng, n = np.random.default_rng(seed), 30
    x = rng.integers(0, 2 if dtype == "?" else 256, (n, *shape)).astype(dtype)
    x = np.asfortranarray(x) if fortran else x
    labels = np.arange(n) % 15
    data = read_upload("x.npz", npz(x=x, y=labels)).dataset
    want = x.reshape(n, *shape).astype(np.float64)
    if len(shape) == 3 and shape[0] != 3:
        want = want.transpose(0, 3, 1, 2)
    high = 1.0 if dtype == "?" or want.max() <= 1 else 255.0
    rows: dict[tuple[float, ...], int] = {}
    for i, row in enumerate(want.reshape(n, -1).tolist()):
        rows.setdefault(tuple(row), i % 15)  # of two alike the first is kept
    for split in (data.train, data.test):
        found = split.batch()
        if data.spec.kind == "table":
            values = data.original_units(found.double()).round()
        else:
            # A signal's own least and largest value may be its scale.
            values = (found * high).round()
        for row, label in zip(values.flatten(1).tolist(), split.labels.tolist(), strict=True):
            assert rows[tuple(row)] == label
