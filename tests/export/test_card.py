"""The model card of a run."""

from dataclasses import replace

import pytest
from huggingface_hub import ModelCard

from paceline.export.card import card_of
from paceline.store.exports import Exported, Reading
from paceline.store.run import Run
from tests.helpers.fake_run import fake_run
from tests.helpers.records import some_pairs

READING = Reading(
    by="transformers", version="5.23", prompts=8, same_prompts=8, equal=7, near_ties=1
)


def exported(to="folder"):
    return Exported(to=to, path="x", dtype="bf16", verified=(READING,))


@pytest.fixture
def run(tmp_path):
    return Run.open(fake_run(tmp_path / "run", 2, of=2))


def test_accuracies_are_there_with_their_intervals(run):
    text = card_of(run, exported(), "me/sums")
    assert "On 500 held-out problems of `arithmetic`, with 95 % intervals." in text
    assert "| before | 3.2 % [2.0–5.1 %] | 4.6 % [3.1–6.8 %] |" in text
    assert "| after | 78.4 % [74.6–81.8 %] | 85.8 % [82.5–88.6 %] |" in text
    results = ModelCard(text).data.eval_results
    assert [one.metric_value for one in results] == [0.784, 0.858]


def test_the_metadata_is_the_hub_s(run):
    card = ModelCard(card_of(run, exported(), "me/sums"))
    assert card.data.library_name == "transformers" and card.data.pipeline_tag == "text-generation"
    assert {"paceline", "rlvr", "grpo"} <= set(card.data.tags)
    assert card.data.base_model is None  # a file here, and no name on the hub
    assert ModelCard(card_of(run, exported("adapter"), "me/sums")).data.library_name == "peft"


def test_how_it_was_made_and_read_back_is_told(run):
    text = card_of(run, exported(), "me/sums")
    assert "seed 0\n```" in text and "transformers" in text
    assert "| transformers 5.23 | 8 of 8 | 7 of 8, 1 more up to a near tie |" in text
    assert 'pipeline("text-generation", "me/sums")' in text


def test_folders_of_the_machine_that_trained_are_not_told(run, monkeypatch):
    about = replace(
        run.description,
        command="paceline train demo --data /home/ada/secret/rows.jsonl --out ~/x/y",
    )
    monkeypatch.setattr(type(run), "description", property(lambda self: about))
    text = card_of(run, exported(), "me/sums")
    assert "paceline train demo --data rows.jsonl --out y" in text and "ada" not in text


@pytest.mark.parametrize(
    ("to", "use"),
    [
        ("adapter", 'PeftModel.from_pretrained(model, "me/sums")'),
        ("gguf", "llama-server -hf me/sums"), ("ollama", "ollama run hf.co/me/sums"),
    ],
)  # fmt: skip
def test_each_form_says_how_it_is_used(run, to, use):
    assert use in card_of(run, exported(to), "me/sums")


def test_a_model_of_preferences_tells_how_many_pairs_are_in_order(run):
    sides = {"before": some_pairs(0.5), "after": some_pairs(0.9)}
    run.write_json("summary.json", replace(run.outcome, **sides).to_json())
    text = card_of(run, exported(), "me/pairs")
    assert "Of 300 held-out pairs of `pairs`, 90.0 % [85.0–95.0 %] are in order" in text
