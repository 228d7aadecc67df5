#!/usr/bin/env python3
"""Do the standard metrics say what the field's own programs say?

VQA accuracy and multiple choice: on 10,000 generated answers each, against lmms-eval. Captions: CIDEr-D,
BLEU-4 and ROUGE-L on the same words against pycocoevalcap, and how far this project's words are from those of
Stanford's tokenizer (needs java).

The two packages are not among the project's own; put them, without what they depend on, into a folder of
their own:

    .venv/bin/pip install --no-deps --target REFERENCE lmms-eval==0.7.3 pycocoevalcap==1.2
    PYTHONPATH=REFERENCE .venv/bin/python benchmarks/quality_reference.py [--write
    tests/data/quality_reference.json]

With --write, what the reference programs say is written down for the tests.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from statistics import mean
from types import ModuleType

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / "tests"), str(PROJECT / "scripts")]

from generated_answers import answer_pairs, captions, choice_pairs  # noqa: E402

from vlm_profiling.quality.captions import (  # noqa: E402
    bleu_counts,
    caption_words,
    cider_d,
    corpus_bleu,
    rouge_l,
)
from vlm_profiling.quality.choice_accuracy import names_choice  # noqa: E402
from vlm_profiling.quality.vqa_accuracy import normalise_answer, vqa_accuracy  # noqa: E402


def main() -> None:
    """Compare what is installed; write down what the reference programs say where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", type=Path, help="JSON file for the tests; needs both packages and java")
    options = parser.parse_args()
    said = {}
    if find_spec("lmms_eval"):
        said |= {"lmms-eval": version("lmms-eval"), "vqa": compare_vqa(), "choices": compare_choices()}
    else:
        print("lmms-eval is not installed: VQA accuracy and multiple choice are not compared")
    if find_spec("pycocoevalcap"):
        said |= {"pycocoevalcap": version("pycocoevalcap"), "captions": compare_captions()}
    else:
        print("pycocoevalcap is not installed: captions are not compared")
    if options.write:
        options.write.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def compare_vqa() -> dict[str, str]:
    """The normalised texts' hash, and each pair's accuracy as a digit: 0, 1, 2, 3 or 4 for 0, 0.3, 0.6, 0.9,
    1.
    """
    normalise = _file_of("lmms_eval", "tasks/_task_utils/vqa_eval_metric.py").EvalAIAnswerProcessor()
    pairs = answer_pairs()
    texts = [[normalise(text) for text in (answer, *references)] for answer, references in pairs]
    accuracies = [_leave_one_out(said, references) for said, *references in texts]
    other_texts = sum(
        normalise_answer(text) != expected
        for (answer, references), row in zip(pairs, texts, strict=True)
        for text, expected in zip((answer, *references), row, strict=True)
    )
    others = sum(
        abs(vqa_accuracy(*pair) - expected) > 1e-12 for pair, expected in zip(pairs, accuracies, strict=True)
    )
    print(
        f"VQA accuracy:  {len(pairs)} pairs, {others} accuracies differ; {11 * len(pairs)} "
        f"texts, {other_texts} differ"
    )
    plain = _without_possessives(normalise, pairs, accuracies)
    print(
        f"               VQA v2's own evaluation, which keeps 's and commas together, gives "
        f"{plain} other accuracies"
    )
    return {
        "texts_sha256": hashlib.sha256(json.dumps(texts).encode()).hexdigest(),
        "accuracies": "".join(
            str([0.0, 0.3, 0.6, 0.9, 1.0].index(round(accuracy, 9))) for accuracy in accuracies
        ),
    }


def _leave_one_out(said: str, references: Sequence[str]) -> float:
    """As lmms-eval's textvqa_process_results, whose module needs packages that are not installed here."""
    others = [
        [text for place, text in enumerate(references) if place != left_out]
        for left_out in range(len(references))
    ]
    return mean(min(1, sum(text == said for text in some) / 3) for some in others)


def _without_possessives(
    normalise, pairs: Sequence[tuple[str, list[str]]], accuracies: Sequence[float]
) -> int:
    """The number of accuracies that VQA v2's own evaluation gives otherwise (lmms-eval's
    vqav2_process_results).
    """

    def plain(text: str) -> str:
        return normalise.process_digit_article(
            normalise.process_punctuation(text.replace("\n", " ").replace("\t", " ").strip())
        )

    found = (
        _leave_one_out(plain(answer), [plain(text) for text in references]) for answer, references in pairs
    )
    return sum(abs(accuracy - expected) > 1e-12 for accuracy, expected in zip(found, accuracies, strict=True))


def compare_choices() -> str:
    """Each answer's score as a digit, 0 or 1."""
    judge: Callable[..., dict[str, float]] = _file_of(
        "lmms_eval", "tasks/scienceqa/utils.py"
    ).sqa_process_results
    pairs = choice_pairs()
    expected = [
        judge({"choices": choices, "answer": right}, [answer])["exact_match"]
        for answer, choices, right in pairs
    ]
    others = sum(
        names_choice(answer, chr(ord("A") + right)) != bool(score)
        for (answer, _, right), score in zip(pairs, expected, strict=True)
    )
    print(f"choices:       {len(pairs)} answers, {others} judged otherwise; {sum(expected):.0f} are right")
    return "".join(str(int(score)) for score in expected)


def compare_captions() -> dict[str, object]:
    """The words of Stanford's tokenizer for every text, and the reference scores on these words."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    images = captions()
    texts = [[caption, *references] for caption, references in images]
    words = _stanford_words(texts)
    own = [[" ".join(caption_words(text)) for text in row] for row in texts]
    gts = {number: row[1:] for number, row in enumerate(words)}
    res = {number: row[:1] for number, row in enumerate(words)}
    expected = {
        "cider_d": Cider().compute_score(gts, res)[1].tolist(),
        "rouge_l": Rouge().compute_score(gts, res)[1].tolist(),
        "bleu_4": Bleu(4).compute_score(gts, res, verbose=0)[0][3],
    }
    for title, rows in (("same words", words), ("own words", own)):
        found = caption_scores(rows)
        apart = {name: abs(mean_of(found[name]) - mean_of(expected[name])) for name in expected}
        print(
            f"captions:      {title}: "
            + ", ".join(f"{name} {mean_of(found[name]):.6f} off by {apart[name]:.1e}" for name in expected)
        )
    flat = [
        (theirs, ours)
        for row, mine in zip(words, own, strict=True)
        for theirs, ours in zip(row, mine, strict=True)
    ]
    print(
        f"               {sum(theirs != ours for theirs, ours in flat)} of {len(flat)} "
        f"captions fall into other words"
    )
    return {"words": words, **expected}


def caption_scores(rows: Sequence[Sequence[str]]) -> dict[str, float | list[float]]:
    """This project's scores of captions whose words stand apart by a space; the first of a row is the
    caption.
    """
    said, references = [row[0].split() for row in rows], [[text.split() for text in row[1:]] for row in rows]
    return {
        "cider_d": cider_d(said, references),
        "rouge_l": [rouge_l(*pair) for pair in zip(said, references, strict=True)],
        "bleu_4": float(corpus_bleu(bleu_counts(said, references).sum(axis=0))),
    }


def mean_of(figure: float | list[float]) -> float:
    """A corpus figure: itself, or the mean of its samples' scores."""
    return mean(figure) if isinstance(figure, list) else figure


def _stanford_words(texts: Sequence[Sequence[str]]) -> list[list[str]]:
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    found = PTBTokenizer().tokenize(
        {number: [{"caption": text} for text in row] for number, row in enumerate(texts)}
    )
    return [found[number] for number in range(len(texts))]


def _file_of(package: str, path: str) -> ModuleType:
    """One file of a package, loaded by itself: the package as a whole would import many others."""
    spec = find_spec(package)
    assert spec and spec.submodule_search_locations
    file = Path(spec.submodule_search_locations[0]) / path
    alone = spec_from_file_location(file.stem, file)
    assert alone and alone.loader
    module = module_from_spec(alone)
    alone.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
