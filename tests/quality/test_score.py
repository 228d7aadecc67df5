"""Quality of a run: corpus figures by hand, intervals that hold what they promise, reasons for what is
missing.
"""

from __future__ import annotations

import random

import jiwer
import numpy as np
import pytest

from vlm_profiling.quality.score import score
from vlm_profiling.statistics.intervals import ratio_interval


def test_the_corpus_rate_is_all_edits_over_all_reference_words():
    quality, samples = score(["a b c d", "x"], [["a b c"], ["x y z"]], random_weights=False)
    assert quality.wer == pytest.approx((1 + 2) / 6)
    assert quality.wer_sample_mean == pytest.approx((1 / 3 + 2 / 3) / 2)
    assert (quality.substitutions, quality.insertions, quality.deletions) == (0, 1, 2)
    assert samples == [(pytest.approx(1 / 3), False, None), (pytest.approx(2 / 3), False, None)]


def test_the_raw_rate_is_jiwers_own_over_the_whole_corpus():
    words = random.Random(0)

    def text(shortest: int) -> str:
        return " ".join(words.choices(["a", "B", "c.", "dd"], k=words.randint(shortest, 9)))

    answers, references = [text(0) for _ in range(200)], [text(1) for _ in range(200)]
    whole = jiwer.process_words(references, answers)
    quality, _ = score(answers, [[reference] for reference in references], random_weights=False)
    assert quality.wer == pytest.approx(whole.wer, abs=1e-12)
    assert (
        quality.substitutions + quality.insertions + quality.deletions
        == whole.substitutions + whole.insertions + whole.deletions
    )


def test_case_and_punctuation_count_raw_and_not_normalised():
    quality, _ = score(["The Cat.", "a dog"], [["the cat"], ["a dog"]], random_weights=False)
    assert (quality.wer, quality.wer_normalised, quality.exact_match) == (0.5, 0.0, 1.0)


def test_the_first_reference_takes_the_rate_and_any_may_match():
    quality, samples = score(["phone"], [["nokia", "Phone"]], random_weights=False)
    assert samples == [(1.0, True, None)]
    assert (quality.wer, quality.exact_match) == (1.0, 1.0)


def test_samples_without_a_reference_are_counted_and_left_out():
    quality, samples = score(["yes", "no", "so what"], [["yes"], [""], []], random_weights=False)
    assert (quality.scored, quality.empty_references, quality.wer) == (1, 2, 0.0)
    assert samples == [(0.0, True, None), (None, None, None), (None, None, None)]


def test_a_reference_of_punctuation_alone_has_no_normalised_rate():
    quality, _ = score(["&", "yes"], [["&"], ["yes"]], random_weights=False)
    assert (quality.scored, quality.wer, quality.wer_normalised) == (2, 0.0, 0.0)
    alone, _ = score(["?"], [["&"]], random_weights=False)
    assert alone.wer_normalised is None
    assert alone.absent["wer_normalised"] == "no reference has words once punctuation is removed"


def test_the_normalised_rate_has_an_interval_of_its_own():
    quality, _ = score(
        ["Yes.", "no", "red", "red"], [["yes"], ["no"], ["red"], ["blue"]], random_weights=False
    )
    assert (quality.wer, quality.wer_normalised) == (0.5, 0.25)
    raw, normalised = quality.wer_interval, quality.wer_normalised_interval
    assert raw and normalised
    assert (normalised.low, normalised.mean) == (0.0, 0.25)
    assert normalised.high < raw.high


def test_one_sample_has_no_interval_and_says_so():
    quality, _ = score(["yes"], [["yes"]], random_weights=False)
    assert quality.wer_interval is None
    assert quality.wer_normalised_interval is None
    assert quality.exact_match_interval is None
    absent = {name for name, reason in quality.absent.items() if reason == "one sample has no interval"}
    assert absent == {"wer_interval", "wer_normalised_interval", "exact_match_interval"}


@pytest.mark.parametrize(
    ("references", "random_weights", "reason"),
    [
        ([["yes"], ["no"]], True, "the weights are random"),
        ([[""], [" "]], False, "no sample has a reference answer"),
    ],
)
def test_figures_that_mean_nothing_are_null_with_their_reason(references, random_weights, reason):
    quality, samples = score(["yes", "no"], references, random_weights=random_weights)
    assert samples == [(None, None, None), (None, None, None)]
    nulls = {name for name in quality.__struct_fields__ if getattr(quality, name) is None}
    assert set(quality.absent) == nulls
    assert len(nulls) == 15
    assert all(text.startswith(reason) for text in quality.absent.values())


def test_answers_and_references_must_be_as_many():
    with pytest.raises(ValueError, match="1 answers for 2 samples"):
        score(["yes"], [["yes"], ["no"]], random_weights=False)


def test_an_echoed_prompt_explains_a_published_rate_of_20():
    """A reference study decoded prompt and answer together and cut ten characters: it scored its prompts."""
    prompt = (
        "Question: Which of these is the capital of the state of Minnesota? "
        "0. Dover 1. Saint Paul 2. Boise 3. Austin"
    )
    echoed, _ = score([prompt[10:]], [["1"]], random_weights=False)
    cut, _ = score(["1"], [["1"]], random_weights=False)
    assert (echoed.wer, cut.wer) == (20.0, 0.0)


def test_the_interval_is_the_same_each_time_and_narrows_with_more_samples():
    rng = np.random.default_rng(5)
    edits, words = rng.poisson(1.0, 400), rng.integers(1, 5, 400)
    wide, narrow = (
        ratio_interval(edits[:100].tolist(), words[:100].tolist()),
        ratio_interval(edits.tolist(), words.tolist()),
    )
    assert wide is not None and narrow is not None
    assert ratio_interval(edits.tolist(), words.tolist()) == narrow
    assert narrow.mean == pytest.approx(edits.sum() / words.sum())
    assert narrow.low < narrow.mean < narrow.high
    assert 1.5 < (wide.high - wide.low) / (narrow.high - narrow.low) < 2.7  # about the square root of 4


def test_the_interval_covers_the_truth_about_19_times_in_20():
    """Edits are Poisson with mean 0.4 a word, so that the corpus rate tends to 0.4."""
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(150):
        words = rng.integers(1, 6, 80)
        interval = ratio_interval(rng.poisson(0.4 * words).tolist(), words.tolist())
        assert interval is not None
        covered += interval.low <= 0.4 <= interval.high
    assert 0.88 <= covered / 150 <= 0.99
