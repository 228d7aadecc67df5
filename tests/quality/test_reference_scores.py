"""The standard metrics give what the field's own programs give: lmms-eval and pycocoevalcap, whose words were
written down.

`benchmarks/quality_reference.py --write tests/data/quality_reference.json` made the file, where both are
installed.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from generated_answers import answer_pairs, captions, choice_pairs

from vlm_profiling.quality.captions import bleu_counts, caption_words, cider_d, corpus_bleu, rouge_l
from vlm_profiling.quality.choice_accuracy import names_choice
from vlm_profiling.quality.vqa_accuracy import normalise_answer, vqa_accuracy

SAID = json.loads((Path(__file__).parents[1] / "data" / "quality_reference.json").read_text(encoding="utf-8"))


def test_ten_thousand_answers_have_the_reference_vqa_accuracy():
    pairs = answer_pairs()
    expected = [(0.0, 0.3, 0.6, 0.9, 1.0)[int(digit)] for digit in SAID["vqa"]["accuracies"]]
    assert len(pairs) == 10_000
    assert [vqa_accuracy(*pair) for pair in pairs] == pytest.approx(expected, abs=1e-12)
    assert 0.2 < sum(expected) / len(expected) < 0.8  # the pairs ask something


def test_their_texts_are_made_alike_as_in_the_reference():
    texts = [
        [normalise_answer(text) for text in (answer, *references)] for answer, references in answer_pairs()
    ]
    assert hashlib.sha256(json.dumps(texts).encode()).hexdigest() == SAID["vqa"]["texts_sha256"]


def test_ten_thousand_choices_are_judged_as_in_the_reference():
    found = [names_choice(answer, chr(ord("A") + right)) for answer, _, right in choice_pairs()]
    assert "".join(str(int(right)) for right in found) == SAID["choices"]
    assert sum(found) > 400


def test_captions_fall_into_the_words_of_stanfords_tokenizer():
    for row, expected in zip(
        [[caption, *references] for caption, references in captions()], SAID["captions"]["words"], strict=True
    ):
        assert [" ".join(caption_words(text)) for text in row] == expected


def test_captions_have_the_reference_scores():
    rows = [[caption_words(text) for text in (caption, *references)] for caption, references in captions()]
    said, references = [row[0] for row in rows], [row[1:] for row in rows]
    assert cider_d(said, references) == pytest.approx(SAID["captions"]["cider_d"], abs=1e-9)
    assert [rouge_l(*pair) for pair in zip(said, references, strict=True)] == pytest.approx(
        SAID["captions"]["rouge_l"], abs=1e-12
    )
    assert corpus_bleu(bleu_counts(said, references).sum(axis=0)) == pytest.approx(
        SAID["captions"]["bleu_4"], abs=1e-12
    )
