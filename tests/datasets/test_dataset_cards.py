"""Every data set has a card whose settings can be pasted into config.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from vlm_profiling.datasets.sources.hub import KNOWN
from vlm_profiling.study.inputs import DatasetConfig

CARDS = sorted((Path(__file__).parents[2] / "datasets").glob("*.yaml"))


def test_the_reference_studys_data_sets_and_the_embedded_one_have_cards():
    assert {card.stem for card in CARDS} >= {"COCO_cap", "ScienceQA", "TextVQA", "easy-vqa"}


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.stem)
def test_a_card_says_what_a_reader_must_know(card):
    content = yaml.safe_load(card.read_text())
    assert content["name"] == card.stem
    assert not {
        "about",
        "source",
        "homepage",
        "licence",
        "citation",
        "splits",
        "columns",
        "config",
        "verified",
    } - set(content)
    config = DatasetConfig.model_validate(content["config"])
    assert config.folder or config.split in content["splits"]
    assert config.hub is None or config.hub in KNOWN


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.stem)
def test_a_card_names_the_prompts_and_the_metric_that_its_samples_get(card):
    content = yaml.safe_load(card.read_text())
    hub = content["config"].get("hub")
    assert set(content.get("prompts", ())) == set(KNOWN[hub].prompts if hub else ())
    assert content.get("metric", "").partition(",")[0] == (KNOWN[hub].metric if hub else "")


def test_the_reference_study_asks_with_its_own_prompts():
    study = yaml.safe_load((CARDS[0].parents[1] / "config.yaml").read_text())
    assert {settings["prompt"] for settings in study["datasets"].values()} == {"raw"}
