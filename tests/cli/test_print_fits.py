"""`paceline check --memory`."""

import json

import pytest

from paceline.cli import main


def test_the_ways_are_told_with_their_keys(capsys):
    assert main(["check", "tiny", "--memory", "24"]) == 0
    said = capsys.readouterr().out
    assert "tiny: 79,296 parameters in 16 bits, on a card of 24.0 GB" in said
    assert "  full: as it is\n" in said and "full, offloaded: optimizer.offload=true\n" in said
    assert "  LoRA on nf4: model.quantisation=nf4 lora.rank=16\n" in said
    assert main(["check", "tiny", "--memory", "0.001"]) == 0
    said = capsys.readouterr().out
    assert "on a card of 1 MB" in said and "lora.rank" not in said and " no " in said


def test_prompts_that_are_a_guess_are_told_to_be_one(capsys):
    assert main(["check", "tiny", "--memory", "24"]) == 0
    assert "  prompts of up to 33 tokens\n" in capsys.readouterr().out
    assert main(["check", "tiny", "--model", "0.5B", "--memory", "24"]) == 0
    assert "  prompts of up to 12 tokens, by their characters\n" in capsys.readouterr().out
    asked = ["check", "gsm8k", "--data", "nowhere.jsonl", "--model", "0.5B", "--memory", "24"]
    assert main(asked) == 0
    told = "  prompts of up to 256 tokens, a guess: the task's rows cannot be read here; name them"
    assert told in capsys.readouterr().out


def test_as_json(capsys):
    assert main(["check", "tiny", "--memory", "24", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["parameters"], found["card"]) == (79_296, 24 * 10**9)
    assert (found["longest_prompt"], found["prompts_known"]) == (33, "tokens")
    way = found["ways"][2]
    assert way["name"] == "full, offloaded" and way["keys"] == {"optimizer.offload": True}
    assert way["fits"] and way["memory"]["total"] > 0 and way["memory"]["host"] == 79_296 * 16


@pytest.mark.parametrize("memory", ["0", "-1", "nan", "inf"])
def test_a_card_without_a_sensible_memory_is_refused(capsys, memory):
    assert main(["check", "tiny", "--memory", memory]) == 2
    told = f"--memory is {memory}; give a card's memory in GB, such as 24."
    assert told in capsys.readouterr().err
