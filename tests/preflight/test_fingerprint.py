"""What a run reads is known by its content."""

import sys
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace

from paceline.preflight.fingerprint import (
    BLOCK_BYTES,
    SAMPLED_BLOCKS,
    _in_words,
    _of_weights,
    of_code,
)


@dataclass(frozen=True)
class Judge:
    words: frozenset[str]
    function: object = len


@dataclass
class Lazy:
    path: str
    model: object = field(init=False, repr=False)


def test_a_verifier_is_known_by_its_settings_and_not_by_its_address():
    words = frozenset({"a", "b", "c"})
    one = _in_words(Judge(words))
    assert one == _in_words(Judge(words)) != _in_words(Judge(frozenset({"a"})))
    assert one == ["Judge", [["words", ['"a"', '"b"', '"c"']], ["function", "len"]]]
    assert _in_words(partial(sorted, reverse=True)) == ["sorted", [], [["reverse", True]]]
    assert _in_words(SimpleNamespace()) == "SimpleNamespace"


def test_what_a_verifier_fills_in_by_itself_does_not_count():
    lazy = Lazy("here")  # its model is not there yet
    before = _in_words(lazy)
    lazy.model = object()
    assert _in_words(lazy) == before == ["Lazy", [["path", "here"]]]


def test_weights_are_known_by_bytes_from_everywhere(tmp_path):
    file = tmp_path / "model.safetensors"
    data = bytearray(3 * SAMPLED_BLOCKS * BLOCK_BYTES)
    file.write_bytes(data)
    source = str(tmp_path)
    first = _of_weights(source)
    assert first == _of_weights(source)
    for place in (0, len(data) - 1):
        changed = bytearray(data)
        changed[place] = 1
        file.write_bytes(changed)
        assert _of_weights(source) != first
    file.write_bytes(b"few")
    assert _of_weights(source) != first


def test_code_is_known_by_its_file_whether_it_is_named_by_file_or_module(tmp_path, monkeypatch):
    (tmp_path / "own_rewards.py").write_text("def one(problem, completion):\n    return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_rewards", raising=False)
    import own_rewards  # type: ignore[import-not-found]  # noqa: F401

    prose = {"text": "Question: what?", "user": "json: {prompt}", "place": "http://x"}
    by_module = {"reward": {"function": "own_rewards:one"}, **prose}
    by_file = {"reward": {"function": f"{tmp_path}/own_rewards.py:one"}}
    first = of_code(by_module)
    assert first == of_code(by_file) != of_code({})
    (tmp_path / "own_rewards.py").write_text("def one(problem, completion):\n    return 0\n")
    assert of_code(by_module) == of_code(by_file) != first
    assert of_code({"type": "paceline.verify:choice"}) == of_code({})
