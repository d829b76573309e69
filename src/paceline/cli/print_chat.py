"""`paceline chat`: a conversation at a terminal, or one question from a pipe."""

import sys
from collections.abc import Callable
from contextlib import nullcontext

from ..config import Config
from ..errors import ConfigError, UserError
from ..preflight.load import Loaded, evaluation_sampling, load
from ..run import build
from ..run.chat import Chat, Reply
from ..run.screen import Screen, printable
from ..terminal import print_line
from ..types import Problem, Verdict
from ..verify.calling.pool import VerifierPool
from ..verify.calling.verifier import check_verifier

HELP = """\
/problem       ask the next held-out problem, and have the answer judged
/system TEXT   set the system message, and begin again; without TEXT there is none
/reset         begin again
/exit          end; Ctrl-D does too"""
"""The commands of a conversation."""


def chat(config: Config, *, greedy: bool = False) -> None:
    """Talk with the config's model until the input ends.

    From a pipe, the whole input is one question, and nothing but the answer is printed.

    Raises: ConfigError, DataError.
    """
    at_terminal = sys.stdin.isatty()
    screen = Screen(0, quiet=not at_terminal)
    loaded, why_not = _loaded(config)
    with screen.busy("loading the model"):
        policy = build.policy_of(loaded, train=False)
        engine = build.engine_of(loaded, policy)
    sampling = evaluation_sampling(config)
    sampling = sampling.as_greedy() if greedy else sampling
    judging = nullcontext() if why_not else VerifierPool(loaded.task.verifier, config.rewards)
    with judging as verifiers:
        talk = Chat(loaded, policy, engine, sampling, verifiers)
        if not at_terminal:
            _answer_the_pipe(talk)
            return
        screen.say(f"{config.model.path} on task {loaded.task.name}; /help lists the commands.")
        if why_not:
            screen.say(f"Answers are not judged: {why_not}", "yellow")
        _converse(talk, screen)


def _loaded(config: Config) -> tuple[Loaded, str]:
    """The task with its reward; without it, and why, where the reward cannot be loaded."""
    try:
        loaded = load(config)
        check_verifier(loaded.task.verifier)
        return loaded, ""
    except UserError as error:
        return load(config, reward=False), str(error)


def _answer_the_pipe(talk: Chat) -> None:
    question = sys.stdin.read().strip()
    if not question:
        raise ConfigError("Nothing was asked: the input is empty.")
    print_line(printable(talk.say(question).text))


def _converse(talk: Chat, screen: Screen) -> None:
    while True:
        try:
            said = input("> ").strip()
        except (EOFError, KeyboardInterrupt):
            print()
            return
        if said in ("/exit", "/quit"):
            return
        if not said:
            continue
        try:
            _take(talk, said, screen)
        except ConfigError as error:  # a conversation that is too long: it may begin again
            screen.say(f"{error} /reset begins again.", "yellow")
        except KeyboardInterrupt:
            screen.say("The answer was dropped; Ctrl-C at the prompt ends the chat.", "yellow")


def _take(talk: Chat, said: str, screen: Screen) -> None:
    """Obey a command, or have a turn answered."""
    word, _, rest = said.partition(" ")
    if word == "/help":
        screen.say(HELP)
    elif word == "/reset":
        talk.restart()
    elif word == "/system":
        talk.system = rest.strip() or None
        talk.restart()
    elif word == "/problem":
        problem = talk.next_problem()
        screen.say(printable(_question(talk, problem)), "cyan")
        _reply(screen, lambda: talk.pose(problem))
    elif word.startswith("/") and word[1:].isalpha():
        screen.say(f"There is no command {word}.\n{HELP}")
    else:
        _reply(screen, lambda: talk.say(said))


def _question(talk: Chat, problem: Problem) -> str:
    (*_, last) = talk.loaded.task.messages(problem)
    return last["content"]


def _reply(screen: Screen, ask: Callable[[], Reply]) -> None:
    with screen.busy("answering"):
        reply = ask()
    screen.say(printable(reply.text))
    if reply.cut:
        screen.say("  (cut at the limit of tokens: rollouts.max_tokens)", "yellow")
    if reply.not_judged:
        screen.say(f"  not judged: {reply.not_judged}", "yellow")
    if reply.verdict is not None:
        screen.say(f"  {in_words(reply.verdict)}", "green" if reply.verdict.solved else "red")


def in_words(verdict: Verdict) -> str:
    """A verdict in words. Example: right: equals the expected answer (reward 1)."""
    right = "right" if verdict.solved else "wrong"
    why = f": {verdict.reason}" if verdict.reason else ""
    return f"{right}{why} (reward {verdict.reward:g})"
