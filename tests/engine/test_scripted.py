"""The scripted engine."""

from paceline.engine import Request, Sampling, ScriptedEngine
from paceline.types import Prompt


def test_it_says_what_the_script_says_and_is_cut_like_any_other(policy):
    engine = ScriptedEngine(lambda prompt, stream: f"{stream} ok", policy.tokenizer, 2)
    short, long = engine.generate([Request(Prompt((5,)), (1, 22))], Sampling(5))[0]
    assert (short.text, short.finish, short.token_ids[-1]) == ("1 ok", "stop", 2)
    assert (long.text, long.finish, len(long.token_ids)) == ("22 ok", "length", 5)
