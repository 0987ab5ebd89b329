"""Search by code on its page: without codes, and with those of a result that was shared."""

from __future__ import annotations

import json

import numpy as np
import pytest

from aecore.datasets.sentences import sentences
from aecore.jobs.engine import engine
from aecore.lab.about import About, LabSubject
from aecore.lab.collection import DATA, SENTENCES, Collection
from aecore.lab.record import Record
from aecore.lab.registry import experiment, plain_options
from aecore.lab.searching import EightBits, Signs
from aecore.models.families.pca import basis_of
from tests.pages.test_pages import open_page, sound

PAGE, OWNER, RESULT = "pages/lab/search.py", "e" * 64, "l0123456789ac"


def drawn(app) -> str:
    """What stands in our own drawings."""
    found = [e.proto for e in app.get("bidi_component") if e.proto.component_name == "drawing"]
    return " ".join(json.loads(proto.json)["svg"] for proto in found)


@pytest.fixture(scope="module")
def token(digits):
    """A link to a result whose codes are PCA's, in both places, and bits."""
    one, done = experiment("search-by-code"), {}
    for of, data in ((SENTENCES, None), (DATA, digits)):
        collection = Collection.of(of, data, 0)
        both = np.concatenate([collection.database, collection.queries])
        scores = basis_of(collection.data, 8).encode(both, 8)
        codes = {"codes": EightBits.fit(scores).to(scores)}
        done |= {f"{of}-pca-8": codes, f"{of}-ae-8": codes}
        done[f"{of}-bits"] = {"codes": Signs.fit(both).to(both)}
    about = About.of(LabSubject(digits), "Digits")
    options = plain_options(one.Options(ks=(8,)))
    record = Record(one.name, options, about, (), done, {}, 8, "stopped")
    store = engine().lab.store
    store.keep(OWNER, RESULT, record)
    yield store.share(OWNER, RESULT)
    store.delete(OWNER, RESULT)


def test_without_codes_it_searches_by_all_numbers_and_offers_to_make_them():
    app = open_page(PAGE)
    sound(app)
    assert app.button(key="search_start").label == "Make the codes"
    assert drawn(app).count("<ol>") == 1
    app.text_input(key="search_words").set_value("temporary directory").run()
    sound(app)
    chosen = sentences().texts[app.selectbox(key="search_sentence").value]
    assert "temporary directory" in chosen.lower()
    assert drawn(app).lower().count("temporary") > 4
    app.text_input(key="search_words").set_value("no sentence says zebra").run()
    sound(app)
    assert "No sentence" in " ".join(c.value for c in app.caption)


def test_with_codes_each_way_answers_for_sentences_and_images(token, digits):
    app = open_page(PAGE, shared=token)
    sound(app)
    assert drawn(app).count("<ol>") == 4
    assert "PCA, 8 numbers" in drawn(app)
    assert "of 10 right" in drawn(app)
    assert not [b for b in app.button if b.key == "search_start"]
    app.button_group(key="search_in").set_value([DATA]).run()
    sound(app)
    assert drawn(app).count('class="row"') == 4
    assert drawn(app).count("<img") == 41
    before = drawn(app)
    app.slider(key="search_example").set_value(7).run()
    sound(app)
    assert drawn(app) != before
