"""Damaged files on the way that the app takes: read, understood and judged, or refused; in time."""

from __future__ import annotations

import itertools
import random
import re

import pytest

from aecore.errors import AecoreError
from aecore.inspection.apart import judged, open_files
from aecore.workshop import workshop
from tests.inspection import mutations

FILES = 48


@pytest.fixture(scope="module")
def originals(tmp_path_factory) -> dict[str, bytes]:
    return mutations.originals(tmp_path_factory.mktemp("fuzz"))


def test_damaged_files_break_nothing(originals, digits):
    """Beyond these: python benchmarks/fuzz.py --files 1000."""
    box, refused = workshop(), []
    box.costs.clear()
    for name, content in itertools.islice(mutations.files(originals, random.Random(0)), FILES):
        try:
            found = open_files([(content, name)], digits)
            if len(box.costs) % 4 == 0:
                assert judged(found.model, found.card, digits).level
        except AecoreError as error:
            refused.append(str(error))
    assert max(cost.megabytes for cost in box.costs) < 1000
    assert {cost.end for cost in box.costs} <= {"made", "refused", "late", "too large"}
    assert 0.3 * FILES < len(refused) < FILES
    for text in refused:
        assert text.endswith(".")
        assert "\n" not in text
        assert not re.search(r"Traceback|Error\b|Exception|0x[0-9a-f]{6}|site-packages", text), text
