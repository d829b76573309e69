"""A run's model in a repository of the hub: the real client, and a hub on this machine."""

import json
import os
import shutil
import time

import pytest
from huggingface_hub import ModelCard, constants
from safetensors.torch import load_file, save_file

from paceline.errors import ConfigError
from paceline.export import export, push
from paceline.export.push import _newest
from paceline.store.run import Run
from tests.helpers.exports import tiny_run
from tests.helpers.hub_stub import Hub, serving


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A run with an export of its model, which no test changes."""
    run = tiny_run(tmp_path_factory.mktemp("push") / "run")
    export(run, prompts=2)
    return run


@pytest.fixture
def run(exported, tmp_path):
    return Run.open(shutil.copytree(exported, tmp_path / "run"))


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with serving(Hub()) as made:
        monkeypatch.setenv("HF_ENDPOINT", made.address)
        monkeypatch.setenv("HF_TOKEN", "hf_given")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
        yield made


def test_all_files_and_the_card_arrive_in_a_private_repository(run, hub):
    said = []
    assert push(run.path, "me/sums", told=said.append) == f"{hub.address}/me/sums"
    files = hub.repositories["me/sums"]
    (kept,) = json.loads((run.path / "export.json").read_text())
    for name in ("model.safetensors", "config.json", "tokenizer.json", "generation_config.json"):
        assert files[name] == (Run.open(run.path).path / "export" / "run" / name).read_bytes(), name
    assert kept["path"].endswith("export/run") and hub.private["me/sums"]
    assert said == ["asking the hub who pushes", f"sending {len(files) - 1} files"]
    assert sum("/commit/" in call for call in hub.calls) == 1  # never a card without a model
    card = ModelCard(files["README.md"].decode())
    assert card.data.to_dict()["paceline_run"] == run.description.id


def test_a_repository_for_everybody_is_asked_for_by_name(run, hub):
    push(run.path, "team/sums", public=True)
    assert hub.private["team/sums"] is False


@pytest.mark.parametrize("public", [False, True])
def test_a_run_may_be_pushed_again(run, hub, public):
    push(run.path, "me/sums", public=public)
    push(run.path, "me/sums", public=public)
    assert sum("/commit/" in call for call in hub.calls) == 2


def test_a_form_that_was_not_exported_yet_is(run, hub):
    (kept,) = json.loads((run.path / "export.json").read_text())
    (run.path / "export.json").write_text(json.dumps([{**kept, "path": str(run.path / "gone")}]))
    shutil.rmtree(run.path / "export")
    said = []
    push(run.path, "me/sums", told=said.append)
    assert (
        "reading it back with transformers" in said and "config.json" in hub.repositories["me/sums"]
    )


@pytest.mark.parametrize(
    "files", [{"model.safetensors": b"x"}, {"README.md": b"# hi", "a.txt": b""}]
)
def test_another_s_repository_is_left_alone(run, hub, files):
    hub.repositories["me/sums"], hub.private["me/sums"] = dict(files), False
    with pytest.raises(
        ConfigError, match="'me/sums' exists, and holds something else than this run"
    ):
        push(run.path, "me/sums")
    assert hub.repositories["me/sums"] == files


def test_an_export_that_is_older_than_the_model_is_made_again(run, hub):
    """As after a resume, which has left another model in the run."""
    weights = load_file(run.model / "model.safetensors")
    changed = {name: tensor * 1.5 for name, tensor in weights.items()}
    save_file(changed, run.model / "model.safetensors", metadata={"format": "pt"})
    later = time.time() + 3600
    os.utime(run.model, (later, later))
    assert _newest(run, "folder") is None
    push(run.path, "me/sums")
    sent = hub.repositories["me/sums"]["model.safetensors"]
    assert sent == (run.path / "export/run/model.safetensors").read_bytes()
    assert sent == (run.model / "model.safetensors").read_bytes()


def test_an_export_is_found_from_anywhere_and_goes_where_its_run_goes(run, hub, monkeypatch):
    moved = Run.open(shutil.move(run.path, run.path.with_name("moved")))
    monkeypatch.chdir(moved.path)
    said = []
    push(".", "me/sums", told=said.append)
    assert len(said) == 2 and "config.json" in hub.repositories["me/sums"]  # it was not made again


def test_a_run_without_a_model_is_told_before_the_hub_is_asked(run, hub):
    shutil.rmtree(run.model)
    with pytest.raises(ConfigError, match="model"):
        push(run.path, "me/sums")
    assert hub.calls == []


def test_a_repository_that_everybody_sees_is_named_as_such(run, hub):
    hub.repositories["me/sums"], hub.private["me/sums"] = {".gitattributes": b""}, False
    with pytest.raises(ConfigError, match="everybody sees it; say so with --public"):
        push(run.path, "me/sums")
    push(run.path, "me/sums", public=True)
    assert "config.json" in hub.repositories["me/sums"]


def test_a_commit_that_fails_leaves_no_empty_repository(run, hub):
    hub.takes_commits = False
    with pytest.raises(ConfigError, match=r"The hub refused .*no model was left there"):
        push(run.path, "me/sums")
    assert hub.repositories == {}
    hub.repositories["me/sums"], hub.private["me/sums"] = {".gitattributes": b""}, True
    with pytest.raises(ConfigError, match="The hub refused"):
        push(run.path, "me/sums")
    assert "me/sums" in hub.repositories  # this one was there before


def test_an_empty_repository_is_filled(run, hub):
    hub.repositories["me/sums"], hub.private["me/sums"] = {".gitattributes": b""}, True
    push(run.path, "me/sums")
    assert "config.json" in hub.repositories["me/sums"]


@pytest.mark.parametrize(
    ("changes", "to", "why"),
    [
        ({"known": False}, "me/sums", "does not know the token. Pushing needs a token that writes"),
        ({"role": "read"}, "me/sums", "The token of 'me' only reads; make one that writes at http"),
        ({}, "you/sums", "'me' is no member of 'you'; push to me or team."),
        ({"may_write": False}, "me/sums", "may not write to 'me/sums' .*have the rights to create"),
    ],
)
def test_who_may_not_push_is_told_before_anything_is_sent(run, hub, changes, to, why):
    for name, value in changes.items():
        setattr(hub, name, value)
    with pytest.raises(ConfigError, match=why):
        push(run.path, to)
    assert hub.repositories == {}


def test_no_token_is_told(run, hub, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(
        ConfigError, match="Pushing needs a token that writes: log in with `hf auth"
    ):
        push(run.path, "me/sums")


def test_a_file_that_did_not_arrive_is_told(run, hub):
    hub.loses = "model.safetensors"
    with pytest.raises(ConfigError, match=r"but 'me/sums' lacks model\.safetensors, or has only a"):
        push(run.path, "me/sums")


def test_a_hub_that_does_not_answer_is_told(run, hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ConfigError, match=r"The hub at http://127\.0\.0\.1:9 does not answer"):
        push(run.path, "me/sums")


def test_a_name_that_is_none_is_told(run):
    with pytest.raises(ConfigError, match="'sums' is no name of a repository; give USER/NAME"):
        push(run.path, "sums")
