"""Search by code: neighbours beside scikit-learn's, bits beside unpacked ones, its claim on small
data, and one search as the page answers it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from aecore.datasets import sentences as module
from aecore.datasets.sentences import sentence_data, sentences
from aecore.errors import DatasetError
from aecore.lab.about import About, LabSubject
from aecore.lab.collection import DATA, SENTENCES, Collection, Counts
from aecore.lab.events import LabDone
from aecore.lab.experiments.search_by_code import SearchOptions
from aecore.lab.registry import experiment
from aecore.lab.running import run
from aecore.lab.search_answers import answers, codes_of, matching, sizes_in
from aecore.lab.searching import EightBits, Rows, Signs, found_of, nearest_bits, nearest_rows


@pytest.fixture(scope="module")
def found(digits):
    """Both collections, so small that it takes seconds."""
    options = SearchOptions(ks=(4, 16), epochs=6)
    events = run(experiment("search-by-code"), options, LabSubject(digits))
    return options, {e.task: e.values for e in events if isinstance(e, LabDone)}


@pytest.fixture(scope="module")
def on_digits(digits) -> Collection:
    return Collection.of(DATA, digits, 0)


def test_the_nearest_are_scikit_learns(on_digits):
    theirs = NearestNeighbors(n_neighbors=10, algorithm="brute").fit(on_digits.database)
    distances, rows = theirs.kneighbors(on_digits.queries)
    ours = on_digits.truth()
    by_hand = np.linalg.norm(on_digits.database[ours] - on_digits.queries[:, None], axis=2)
    assert np.allclose(by_hand, distances, atol=1e-4)
    assert (ours == rows).mean() > 0.99  # two that are as near may stand either way
    few = nearest_rows(on_digits.database[:3], on_digits.queries[:2])
    assert np.sort(few, 1).tolist() == [[0, 1, 2]] * 2


@pytest.mark.parametrize("numbers", [1, 20, 64, 130])
def test_bits_that_differ_are_counted_as_unpacked_ones(numbers):
    """Of as many, the first come first: a stable sort of the distances says the same."""
    random = np.random.default_rng(numbers)
    x, y = random.integers(0, 2, (90, numbers)), random.integers(0, 2, (300, numbers))
    packed = [np.packbits(some.astype(bool), axis=1) for some in (x, y)]
    assert np.array_equal(np.unpackbits(packed[0], axis=1)[:, :numbers], x)
    distance = (x[:, None] != y).sum(2)
    wanted = np.argsort(distance, axis=1, kind="stable")[:, :10]
    assert np.array_equal(nearest_bits(packed[1], packed[0]), wanted)


def test_what_is_found_is_counted():
    wanted = np.array([[3, 1, 2], [7, 8, 9], [4, 5, 6]])
    near = np.array([[1, 2, 0], [9, 8, 7], [0, 1, 2]])
    shared, first = found_of(near, wanted)
    assert shared.tolist() == [2, 3, 0]
    assert first.tolist() == [False, True, False]


def test_eight_bits_come_back_within_half_a_step(on_digits):
    eight = EightBits.fit(on_digits.database)
    codes = eight.to(on_digits.database)
    assert codes.dtype == np.int8
    assert np.abs(codes.astype(int)).max() == 127
    assert np.abs(eight.back(codes) - on_digits.database).max() <= eight.step / 2 + 1e-6
    beyond = eight.to(eight.middle[None] + 1e6)
    assert (beyond == 127).all()
    same = EightBits.fit(np.ones((3, 2), np.float32))
    assert np.array_equal(same.back(same.to(np.ones((3, 2)))), np.ones((3, 2)))


def test_signs_are_about_the_mean(on_digits):
    x = on_digits.database
    signs = np.unpackbits(Signs.fit(x).to(x), axis=1)[:, : x.shape[1]]
    assert np.array_equal(signs, x > x.mean(0))


def test_sentences_are_whole_and_their_neighbours_mean_the_like():
    known = sentences()
    n = len(known.texts)
    assert len(known.places) == n == len(set(known.texts)) > 6500
    assert known.rows.shape == (n, 384)
    assert np.allclose(np.linalg.norm(known.rows, axis=1), 1, atol=1e-5)
    assert all(20 <= len(text) <= 300 and "\n" not in text for text in known.texts)
    assert module.FILE.stat().st_size <= 3.5e6
    # A sentence's nearest share words with it far more often than any two do.
    words = [set(text.lower().split()) for text in known.texts]
    rows = np.arange(0, n, 20)
    near = nearest_rows(known.rows, known.rows[rows], 2)
    second = np.where(near[:, 0] == rows, near[:, 1], near[:, 0])

    def shared(pairs) -> float:
        return float(
            np.mean([len(words[a] & words[b]) / len(words[a] | words[b]) for a, b in pairs])
        )

    by_chance = np.random.default_rng(0).integers(0, n, len(rows))
    assert shared(zip(rows, second, strict=True)) > 3 * shared(zip(rows, by_chance, strict=True))


def test_sentences_as_data_keep_their_order():
    known, data = sentences(), sentence_data()
    order = known.order()
    both = np.concatenate([data.train.x.numpy(), data.test.x.numpy()])
    assert np.allclose(both / 384**0.5, known.rows[order], atol=1e-6)
    assert sorted(order) == list(range(len(order)))
    assert np.square(both).mean() == pytest.approx(1, abs=1e-4)
    counts = Counts.of(SENTENCES, About())
    assert (counts.database, counts.queries) == (len(data.train), len(data.test))


def test_a_damaged_file_is_one_sentence(tmp_path, monkeypatch):
    content = module.FILE.read_bytes()
    broken = tmp_path / "sentences.npz"
    monkeypatch.setattr(module, "FILE", broken)
    for some in (None, b"", content[: len(content) // 2], b"hello" * 50):
        if some is not None:
            broken.write_bytes(some)
        module.sentences.cache_clear()
        with pytest.raises(DatasetError, match="fresh copy"):
            module.sentences()
    module.sentences.cache_clear()


def test_pca_finds_what_scikit_learns_finds(found, on_digits):
    """The whole way: scores, neighbours, the share of the true ones."""
    _, values = found
    pca = PCA(4).fit(on_digits.data.train.batch(slice(None)).flatten(1).numpy())
    x, asked = pca.transform(on_digits.database), pca.transform(on_digits.queries)
    _, wanted = (
        NearestNeighbors(n_neighbors=10, algorithm="brute")
        .fit(on_digits.database)
        .kneighbors(on_digits.queries)
    )
    _, near = NearestNeighbors(n_neighbors=10, algorithm="brute").fit(x).kneighbors(asked)
    shared = np.mean([len(set(a) & set(b)) for a, b in zip(near, wanted, strict=True)])
    assert values["data-pca-4"]["recall"] == pytest.approx(10 * shared, abs=0.3)
    first = np.mean([w[0] in n for n, w in zip(near, wanted, strict=True)])
    assert values["data-pca-4"]["first"] == pytest.approx(100 * first, abs=1)


def test_its_claim_on_small_data(found, digits):
    """More numbers find more, a byte a number costs next to nothing, and one bit of each of an
    embedding's numbers beats few numbers; the autoencoder is ahead where they are few."""
    options, values = found
    for of in (SENTENCES, DATA):
        for way in ("pca", "ae"):
            few, more = (values[f"{of}-{way}-{k}"] for k in (4, 16))
            assert more["recall"] > 1.5 * few["recall"]
            assert abs(more["int8_recall"] - more["recall"]) < 2
        assert values[f"{of}-whole"]["int8_recall"] > 97
    assert values["sentences-bits"]["recall"] > 20 + values["sentences-pca-16"]["recall"]
    assert values["sentences-ae-4"]["recall"] > values["sentences-pca-4"]["recall"]
    outcome = experiment("search-by-code").tell(options, About.of(LabSubject(digits)), values)
    assert outcome.says.count("by PCA") == 2
    bits = outcome.figure("recall_sentences_bits")
    assert bits is not None
    assert "held-out sentences" in bits.split


def test_one_search_is_answered_as_all_are_counted(found, on_digits):
    _, values = found
    ways = codes_of(values, DATA, 16)
    assert [way.bytes for way in ways] == [16, 16, 8]
    n, right = len(on_digits.database), []
    for i, query in enumerate(on_digits.queries):
        told = answers(Rows(on_digits.database), query, n + i, ways)
        assert told[0].right.all()
        assert np.array_equal(told[0].rows, on_digits.truth()[i])
        right.append([one.right.mean() for one in told[1:]])
    shares = 100 * np.mean(right, axis=0)
    of = [values[task] for task in ("data-pca-16", "data-ae-16", "data-bits")]
    recalls = [v.get("int8_recall", v["recall"]) for v in of]
    assert shares == pytest.approx(recalls, abs=0.5)


def test_an_example_does_not_find_itself(found, on_digits):
    _, values = found
    rows = Rows(on_digits.database)
    for one in answers(rows, on_digits.database[5], 5, codes_of(values, DATA, 16)):
        assert 5 not in one.rows
        assert len(one.rows) == 10
    # Of many images one size is enough; of sentences all are kept.
    assert sizes_in(values, DATA) == [16]
    assert sizes_in(values, SENTENCES) == [4, 16]
    assert codes_of({}, DATA, 4) == codes_of({"data-pca-4": {}}, DATA, 4) == []
    assert sizes_in({}, DATA) == []


def test_words_find_sentences():
    texts = [
        "Return a random integer.",
        "Random.",
        "Sort a list.",
        "An integer at random, returned.",
    ]
    assert matching(texts, "RANDOM integer", 10) == [0, 3]
    assert matching(texts, "random", 2) == [1, 0]
    assert matching(texts, "  ", 2) == [0, 1]
    assert matching(texts, "nothing such", 10) == []
