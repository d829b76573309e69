"""A conversation with a model."""

import pytest

from paceline.engine import ScriptedEngine
from paceline.errors import ConfigError
from paceline.preflight.load import evaluation_sampling, load
from paceline.run.chat import Chat
from paceline.verify.calling.pool import VerifierPool
from tests.helpers.made_tasks import config_of


@pytest.fixture
def talk(policy, monkeypatch):
    """A chat whose model says what a list has next; the prompts that it was asked are kept."""

    def made(*texts, task=None, **changes):
        left, prompts = list(texts), []

        def script(prompt_ids, stream):
            prompts.append(policy.tokenizer.decode(prompt_ids))
            return left.pop(0)

        config = config_of(task, **changes)
        loaded = load(config)
        engine = ScriptedEngine(script, policy.tokenizer, policy.stop_ids[0])
        pool = VerifierPool(loaded.task.verifier, config.rewards)
        chat = Chat(loaded, policy, engine, evaluation_sampling(config), pool)
        return chat, prompts

    return made


def test_turns_follow_each_other(talk):
    chat, prompts = talk("four", "five")
    assert chat.say("2 + 2?").text == "four" and chat.say("And 2 + 3?").text == "five"
    assert prompts[1].startswith(prompts[0])
    between, _, last = prompts[1].removeprefix(prompts[0]).partition("And 2 + 3?")
    assert between.startswith("four") and "user" in between and last.endswith("assistant\n")
    chat.restart()
    assert chat.turns == []


def test_a_problem_of_the_task_is_judged_and_others_are_not(talk):
    chat, _ = talk("1", "2", "3")
    problem = chat.loaded.task.train[0]
    assert chat.say(str(problem.prompt)).verdict is not None
    assert chat.say(f"  {problem.prompt}\n").verdict is not None  # however it is spaced
    assert chat.say("How are you?").verdict is None


def test_a_problem_is_posed_in_a_conversation_of_its_own(talk):
    chat, prompts = talk("hello", "1", "2")
    chat.system = "Sing."
    chat.say("Hi")
    problem = chat.next_problem()
    assert problem == chat.next_problem()  # this task holds out one
    reply = chat.pose(problem)
    assert reply.verdict is not None and "Hi" not in prompts[1] and "Sing." not in prompts[1]
    assert chat.system == chat.loaded.task.template.system


def test_without_workers_nothing_is_judged(policy):
    config = config_of()
    loaded = load(config)
    engine = ScriptedEngine(lambda ids, stream: "1", policy.tokenizer, policy.stop_ids[0])
    chat = Chat(loaded, policy, engine, evaluation_sampling(config))
    assert chat.pose(chat.next_problem()).verdict is None


def test_a_conversation_beyond_the_context_is_told(talk, policy):
    chat, _ = talk("x")
    with pytest.raises(
        ConfigError, match=f"does not fit into the model's context of {policy.context_length}"
    ):
        chat.say("2 + 2? " * policy.context_length)
    assert chat.turns == []
