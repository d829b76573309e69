"""The calling of readers, each in a process of its own."""

import pytest

from paceline.export.readers import READERS, Reader
from paceline.export.readers.call import ReaderError, call
from paceline.export.readers.generate import generated
from tests.helpers.exports import asked_of

(PIPELINE, *_) = READERS["folder"]


def test_a_reader_answers_from_another_process(policy, tmp_path):
    policy.save(tmp_path)
    asked = asked_of(tmp_path, stop_ids=policy.stop_ids)
    assert call(PIPELINE, asked) == generated(policy.module, policy.tokenizer, asked)


def test_a_reader_that_fails_is_quoted(tmp_path):
    with pytest.raises(ReaderError, match=r"config.json|not a valid model|Unrecognized model"):
        call(PIPELINE, asked_of(tmp_path))


def test_a_reader_that_is_killed_is_told(tmp_path, monkeypatch):
    # A module that ends its own process, found in place of a reader.
    (tmp_path / "sitecustomize.py").write_text("import os\nos.kill(os.getpid(), 9)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ReaderError, match="ended by signal 9"):
        call(PIPELINE, asked_of(tmp_path))


def test_a_reader_that_never_answers_is_given_up(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("import time\ntime.sleep(1e6)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr("paceline.export.readers.call.LOADING_SECONDS", 0.5)
    monkeypatch.setattr("paceline.export.readers.call.ANSWER_SECONDS", 0.0)
    with pytest.raises(ReaderError, match="has not answered within 0 minutes"):
        call(PIPELINE, asked_of(tmp_path))


def test_what_is_installed_is_known_with_its_version():
    assert PIPELINE.version[:2] == "5."
    named = Reader("another name", "pipeline", "transformers")
    assert named.version == f"transformers {PIPELINE.version}"
    assert PIPELINE.installed and not Reader("x", "x", "no_such_package_here").installed
