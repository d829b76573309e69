"""`paceline chat`."""

import io
import sys

import pytest

from paceline.cli import main
from paceline.cli.print_chat import chat, in_words
from paceline.errors import SandboxError
from paceline.types import Verdict
from paceline.verify.calling.base import VerifierBase
from tests.helpers.made_tasks import Made, config_of

FEW = ["rollouts.max_tokens=3"]


def test_a_question_from_a_pipe_is_answered_and_nothing_else_is_printed(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("What is 2 + 3?\n"))
    assert main(["chat", "tiny", "--greedy", *FEW]) == 0
    piped = capsys.readouterr().out
    assert main(["sample", "tiny", "What is 2 + 3?", "--greedy", *FEW]) == 0
    assert capsys.readouterr().out.strip() == piped.strip()


def test_an_empty_pipe_is_told(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO(" \n"))
    assert main(["chat", "tiny", *FEW]) == 2
    assert "Nothing was asked: the input is empty." in capsys.readouterr().err


@pytest.fixture
def typed(monkeypatch):
    """Let somebody type lines at a terminal."""

    def lines(*said):
        left = list(said)

        def next_line(prompt):
            if not left:
                raise EOFError
            return left.pop(0)

        class Keyboard(io.StringIO):
            def isatty(self):
                return True

        monkeypatch.setattr(sys, "stdin", Keyboard())
        monkeypatch.setattr("builtins.input", next_line)

    return lines


def test_a_conversation_at_a_terminal(typed, capsys):
    typed(
        "/help", "", "/nothing", "/system Be brief.", "/reset", "/problem", "Hi", "/exit", "unread"
    )
    assert main(["chat", "tiny", *FEW]) == 0
    said = capsys.readouterr().out
    assert "tiny on task arithmetic; /help lists the commands." in said
    assert "/problem       ask the next" in said and "There is no command /nothing." in said
    assert "What is " in said and ("(reward 0)" in said or "(reward 1)" in said)
    assert said.count("answering") == 2


def test_the_end_of_the_input_ends_it(typed):
    typed()
    assert main(["chat", "tiny", *FEW]) == 0


def test_a_conversation_that_grows_too_long_goes_on_after_a_reset(typed, capsys):
    typed("2 + 2? " * 5000, "/reset", "Hi")
    assert main(["chat", "tiny", *FEW]) == 0
    said = capsys.readouterr().out
    assert "/reset begins again." in said and said.count("answering") == 2


class Broken(VerifierBase):
    """A verifier that cannot work on this machine."""

    def check(self):
        raise SandboxError("No sandbox works here.")

    def __call__(self, problem, completion):
        raise AssertionError("asked")


def test_a_reward_that_cannot_work_leaves_answers_unjudged(typed, capsys):
    typed("/problem")
    chat(config_of(Made(verifier=Broken()), rollouts={"max_tokens": 3}))
    said = capsys.readouterr().out
    assert "Answers are not judged: No sandbox works here." in said and "reward" not in said


def raises(problem, completion):
    raise ValueError("no such column")


def test_a_reward_that_raises_leaves_the_answer_and_the_conversation(typed, capsys):
    typed("/problem", "Hi")
    chat(config_of(Made(verifier=raises), rollouts={"max_tokens": 3}))
    said = capsys.readouterr().out
    assert "not judged: " in said and "no such column" in said and said.count("answering") == 2


def test_an_answer_that_takes_too_long_is_dropped_and_the_chat_goes_on(typed, capsys, monkeypatch):
    typed("Hi", "/help")

    def interrupted(talk, said):
        raise KeyboardInterrupt

    monkeypatch.setattr("paceline.run.chat.Chat.say", interrupted)
    assert main(["chat", "tiny", *FEW]) == 0
    said = capsys.readouterr().out
    assert said.index("The answer was dropped") < said.index("ask the next")


def test_keys_that_change_nothing_are_refused(capsys):
    assert main(["chat", "tiny", "optimizer.lr=1"]) == 2
    assert "`paceline chat` takes no key 'optimizer.lr'" in capsys.readouterr().err


def test_verdicts_in_words():
    assert in_words(Verdict(1.0, reason="equal")) == "right: equal (reward 1)"
    assert in_words(Verdict(0.25)) == "wrong (reward 0.25)"
