"""The standard metrics by hand-made examples, and what a run's quality holds of them."""

from __future__ import annotations

import math

import pytest

from vlm_profiling.quality.captions import bleu_counts, caption_words, cider_d, corpus_bleu, rouge_l
from vlm_profiling.quality.choice_accuracy import names_choice
from vlm_profiling.quality.score import score
from vlm_profiling.quality.vqa_accuracy import normalise_answer, vqa_accuracy


@pytest.mark.parametrize(
    ("people", "accuracy"), [(0, 0.0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1.0), (10, 1.0)]
)
def test_an_answer_that_many_of_ten_people_gave_has_this_accuracy(people, accuracy):
    assert vqa_accuracy("nokia", ["Nokia"] * people + ["phone"] * (10 - people)) == pytest.approx(accuracy)


@pytest.mark.parametrize(
    ("text", "alike"),
    [
        ("The Coca-Cola.", "coca cola"),
        ("two dogs", "2 dogs"),
        ("None", "0"),
        ("dont know", "don't know"),
        ("1,000.50", "1000.50"),
        ("McDonald's", "mcdonald 's"),
        ("24/7", "24 7"),
        ("stop !", "stop"),
        ("a", ""),
        ("." * 40, "." * 8),
    ],
)
def test_answers_are_made_alike(text, alike):
    assert normalise_answer(text) == alike


@pytest.mark.parametrize(
    ("answer", "label", "right"),
    [
        ("B", "B", True),
        (" b\n", "B", True),
        ("B. Saint Paul", "B", True),
        ("b. Saint Paul", "B", False),
        ("A. Saint Paul", "B", False),
        ("Saint Paul", "B", False),
        ("The answer is B", "B", False),
        ("1", "1", True),
        ("1. Saint Paul", "1", True),
        ("", "B", False),
    ],
)
def test_an_answer_names_a_choice_by_its_label_alone(answer, label, right):
    assert names_choice(answer, label) is right


def test_a_caption_falls_into_words_without_case_and_punctuation():
    text = "A man's T-shirt doesn't say “STOP” (in red) at 3:15 p.m., near St. Mark's..."
    expected = "a man 's t-shirt does n't say stop -lrb- in red -rrb- at 3:15 p.m. near st. mark 's"
    assert " ".join(caption_words(text)) == expected


def test_a_caption_equal_to_its_references_has_a_cider_of_ten():
    captions = [
        text.split()
        for text in ("a red bus on the road", "two cats sleep on a sofa", "people fly kites in the park")
    ]
    assert cider_d(captions, [[words, words] for words in captions]) == pytest.approx([10.0, 10.0, 10.0])


def test_words_that_every_sample_uses_say_nothing():
    assert cider_d([["a", "bus"], ["a"]], [[["a", "bus"]], [["a", "cat"]]])[1] == 0.0
    with pytest.raises(ValueError, match="needs two samples or more"):
        cider_d([["a"]], [[["a"]]])


def test_rouge_takes_the_best_precision_and_the_best_recall():
    words, references = (
        ["a", "cat", "on", "a", "mat"],
        [["a", "cat"], ["the", "cat", "sat", "on", "a", "large", "mat"]],
    )
    precision, recall = 4 / 5, 1.0
    assert rouge_l(words, references) == pytest.approx(
        2.44 * precision * recall / (recall + 1.44 * precision)
    )
    assert rouge_l([], references) == 0.0


def test_bleu_multiplies_precisions_and_punishes_brevity():
    caption, reference = ["a", "cat", "on", "the", "mat"], ["a", "cat", "sat", "on", "the", "mat"]
    counts = bleu_counts([[*caption, *caption]], [[[*reference, *caption]]]).sum(axis=0)
    assert counts.tolist() == [10, 8, 6, 5, 10, 9, 8, 7, 10, 11]
    precision = (10 * 8 * 6 * 5 / (10 * 9 * 8 * 7)) ** 0.25
    assert corpus_bleu(counts) == pytest.approx(precision * math.exp(1 - 11 / 10))
    assert corpus_bleu(bleu_counts([caption], [[reference]]).sum(axis=0)) == pytest.approx(
        0.0, abs=1e-3
    )  # no run of four


def test_ten_answers_give_a_vqa_accuracy_with_its_interval():
    references = [
        ["stop"] * 10,
        ["go"] * 2 + ["left"] * 8,
        ["a", "b", "c", "d", "e", "f", "g", "h", "i", "stop"],
    ]
    quality, samples = score(["Stop.", "go", "exit"], references, random_weights=False, metric="vqa_accuracy")
    assert quality.standard is not None
    assert (quality.standard.metric, quality.standard.value) == (
        "vqa_accuracy",
        pytest.approx((1.0 + 0.6 + 0.0) / 3),
    )
    assert [sample.standard for sample in samples] == pytest.approx([1.0, 0.6, 0.0])
    assert quality.standard.interval is not None
    assert (
        0.0 <= quality.standard.interval.low < quality.standard.value < quality.standard.interval.high <= 1.0
    )
    assert quality.absent["bleu_4"] == "a metric of captions"


def test_captions_have_three_figures_each_with_its_interval():
    captions = [
        "a red bus on the road",
        "two cats sleep on a sofa",
        "people fly kites in the park",
        "a man rides a wave",
    ]
    references = [[text, f"an image of {text}", ""] for text in captions]
    quality, samples = score([*captions[:3], "a dog"], references, random_weights=False, metric="cider_d")
    assert quality.standard is not None and quality.standard.interval is not None
    assert quality.standard.interval.low < quality.standard.value < quality.standard.interval.high
    assert quality.rouge_l is not None and quality.rouge_l_interval is not None
    assert quality.bleu_4 is not None and quality.bleu_4_interval is not None
    assert quality.bleu_4_interval.low <= quality.bleu_4 <= quality.bleu_4_interval.high
    assert samples[3].standard is not None and samples[3].standard < 1.0 < quality.standard.value
    assert quality.absent == {}


def test_a_sample_without_a_reference_counts_in_no_metric():
    quality, samples = score(
        ["A", "B", "B"], [["A"], [""], ["A"]], random_weights=False, metric="choice_accuracy"
    )
    assert quality.standard is not None
    assert (quality.standard.value, quality.scored) == (0.5, 2)
    assert [sample.standard for sample in samples] == [1.0, None, 0.0]


@pytest.mark.parametrize(
    ("metric", "references", "reason"),
    [
        (None, [["yes"], ["no"]], "the data set has no standard metric"),
        ("vqa_accuracy", [["yes"], ["no"]], "needs several answers a sample"),
        ("cider_d", [["a dog"]], "needs two samples or more"),
    ],
)
def test_a_metric_that_means_nothing_here_is_null_with_its_reason(metric, references, reason):
    quality, samples = score(["yes"] * len(references), references, random_weights=False, metric=metric)
    assert quality.standard is None
    assert reason in quality.absent["standard"]
    assert {sample.standard for sample in samples} == {None}
    nulls = {name for name in quality.__struct_fields__ if getattr(quality, name) is None}
    assert nulls <= set(quality.absent)


def test_one_sample_has_a_standard_figure_without_interval():
    quality, _ = score(["A"], [["A"]], random_weights=False, metric="choice_accuracy")
    assert quality.standard is not None and quality.standard.interval is None
    assert quality.absent["standard_interval"] == "one sample has no interval"
