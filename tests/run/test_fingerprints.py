"""What a run reads is known by its content."""

import sys
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace

from paceline.model import Source
from paceline.run.fingerprints import BLOCK, BLOCKS, _in_words, _of_weights, of_files


@dataclass(frozen=True)
class Judge:
    words: frozenset[str]
    function: object = len


def test_a_verifier_is_known_by_its_settings_and_not_by_its_address():
    words = frozenset({"a", "b", "c"})
    one = _in_words(Judge(words))
    assert one == _in_words(Judge(words)) != _in_words(Judge(frozenset({"a"})))
    assert one == ["Judge", [["words", ['"a"', '"b"', '"c"']], ["function", "len"]]]
    assert _in_words(partial(sorted, reverse=True)) == ["sorted", [], [["reverse", True]]]
    assert _in_words(SimpleNamespace()) == "SimpleNamespace"


def test_weights_are_known_by_bytes_from_everywhere(tmp_path):
    file = tmp_path / "model.safetensors"
    data = bytearray(3 * BLOCKS * BLOCK)
    file.write_bytes(data)
    source = Source("here", "folder", str(tmp_path))
    first = _of_weights(source)
    assert first == _of_weights(source)
    for place in (0, len(data) - 1):
        changed = bytearray(data)
        changed[place] = 1
        file.write_bytes(changed)
        assert _of_weights(source) != first
    file.write_bytes(b"few")
    assert _of_weights(source) != first
    assert _of_weights(Source("tiny", "tiny", "tiny")) == ""


def test_code_is_known_by_its_file_whether_it_is_named_by_file_or_module(tmp_path, monkeypatch):
    (tmp_path / "own_rewards.py").write_text("def one(problem, completion):\n    return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_rewards", raising=False)
    import own_rewards  # type: ignore[import-not-found]  # noqa: F401

    by_module = {"reward": {"function": "own_rewards:one"}, "text": "Question: what?"}
    by_file = {"reward": {"function": f"{tmp_path}/own_rewards.py:one"}}
    first = of_files(by_module)
    assert first == of_files(by_file) != of_files({})
    (tmp_path / "own_rewards.py").write_text("def one(problem, completion):\n    return 0\n")
    assert of_files(by_module) == of_files(by_file) != first
    assert of_files({"type": "paceline.verify:choice"}) == of_files({})
