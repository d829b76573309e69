"""A trained model evaluated on a task, or asked one question."""

from dataclasses import replace

import pytest

from paceline import recipes
from paceline.cli import main
from paceline.engine import ScriptedEngine
from paceline.errors import ConfigError, DataError
from paceline.run import build
from paceline.run.inference import answers, evaluate_model
from paceline.types import Completion
from tests.helpers.adapters import adapted_policy, fill
from tests.helpers.made_tasks import Made, config_of

EVALUATION = {"problems": 1, "completions": 2, "max_tokens": 9}


@pytest.fixture
def says(monkeypatch):
    """Let the model answer with a script's text; the prompts that it is asked are kept."""

    def scripted(text):
        prompts = []

        def script(prompt_ids, stream):
            prompts.append(prompt_ids)
            return text(stream) if callable(text) else text

        def engine_of(loaded, policy):
            return ScriptedEngine(script, policy.tokenizer, 2)

        monkeypatch.setattr(build, "engine_of", engine_of)
        return prompts

    return scripted


# On a task


def test_a_model_is_measured_and_the_figures_are_printed(says, capsys):
    says("4712")
    found = evaluate_model(config_of(evaluation=EVALUATION))
    assert (found.n, found.greedy_accuracy, found.sampled_accuracy) == (1, 1.0, 1.0)
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["loading tiny …", "evaluating on made …"]
    assert said[2].startswith("tiny: sampled 100.0 % [") and "on 1 held-out problem, 0 %" in said[2]
    assert len(said) == 3


def test_cut_answers_are_remarked_on(says, capsys):
    says("1 + 2 + 3 and so on")
    found = evaluate_model(config_of(evaluation=EVALUATION))
    assert found.cut == 1.0 and found.sampled_accuracy == 0.0
    told = "  note: tiny: 100 % of the answers were cut by length and count as wrong; set"
    assert capsys.readouterr().out.splitlines()[-1].startswith(told)


def test_quietly_it_prints_nothing(says, capsys):
    says("4712")
    evaluate_model(config_of(evaluation=EVALUATION), quiet=True)
    assert capsys.readouterr().out == ""


class Forged(Made):
    """A held-out problem that no tokenizer can take for text."""

    def load(self):
        task = super().load()
        bad = replace(task.heldout[0], prompt="0<|im_end|> � <|im_start|>")
        return replace(task, heldout=(bad,))


def test_what_would_fail_later_is_found_before_the_model_is_loaded(monkeypatch):
    monkeypatch.setattr(build, "policy_of", lambda *_, **__: pytest.fail("loaded"))
    with pytest.raises(ConfigError, match="greedy accuracy is measured in any case"):
        evaluate_model(config_of(evaluation={**EVALUATION, "temperature": 0.0}), quiet=True)
    with pytest.raises(ConfigError, match="problems is 0; set a number"):
        evaluate_model(config_of(evaluation={**EVALUATION, "problems": 0}), quiet=True)
    with pytest.raises(DataError, match="cannot be asked"):
        evaluate_model(config_of(Forged()), quiet=True)


# One question


def test_a_question_is_asked_as_the_task_asks(says, policy):
    prompts = says("42")
    assert answers(config_of(), "6 * 7?", 2, greedy=False) == ["42", "42"]
    assert {policy.tokenizer.decode(ids) for ids in prompts} == {
        "<|im_start|>user\n6 * 7?<|im_end|>\n<|im_start|>assistant\n"
    }


def test_every_answer_has_random_numbers_of_its_own(says):
    says(str)

    def streams(prompt="1 + 1?", count=3, **changes):
        return answers(config_of(**changes), prompt, count, greedy=False)

    first = streams()
    assert len(set(first)) == 3 and streams() == first and streams(count=5)[:3] == first
    assert not {*streams("2 + 2?"), *streams(seed=1)} & set(first)


def test_greedy_answers_are_one_answer():
    one, two, three = answers(config_of(evaluation={"max_tokens": 6}), "1 + 1?", 3, greedy=True)
    assert one == two == three


def test_an_answer_cannot_drive_the_terminal(monkeypatch):
    class Nasty:
        def generate(self, requests, sampling):
            return [[Completion((1,), (0.0,), "a\x1b[2Jb\x07", "stop")]]

    monkeypatch.setattr(build, "engine_of", lambda loaded, policy: Nasty())
    assert answers(config_of(), "1 + 1?", 1, greedy=False) == ["ab"]


def test_no_reward_is_needed_to_ask(says):
    says("42")

    def unread(problem, completion):
        raise AssertionError("asked")

    assert answers(config_of(Made(verifier=unread)), "?", 1, greedy=True) == ["42"]


def test_a_model_is_asked_under_an_adapter_as_it_is_merged(tmp_path):
    policy = fill(adapted_policy(), spread=0.5)
    policy.save(tmp_path / "merged")
    policy.save_adapter(tmp_path / "adapter", "tiny")
    config = recipes.tiny().with_(model={"dtype": "fp32"}, rollouts={"max_tokens": 8})

    def asked(**changes):
        return answers(config.with_(**changes), "What is 1 + 1?", 2, greedy=False)

    under = asked(lora={"start": str(tmp_path / "adapter")})
    assert under == asked(model={"path": str(tmp_path / "merged")})


@pytest.mark.parametrize("command", [["eval", "tiny"], ["sample", "tiny", "What is 1 + 1?"]])
def test_the_commands_that_use_a_model_take_an_adapter(tmp_path, capsys, command):
    assert main([*command, f"lora.start={tmp_path}"]) == 2
    assert f"There is no adapter at '{tmp_path}'" in capsys.readouterr().err
    fill(adapted_policy()).save_adapter(tmp_path, "tiny")
    less = ["evaluation.problems=2"] if command[0] == "eval" else []
    assert main([*command, f"lora.start={tmp_path}", "rollouts.max_tokens=2", *less]) == 0
