"""A run's model exported, and read back by others."""

import json
import shutil
from dataclasses import replace

import pytest
from safetensors.torch import load_file, save_file

from paceline.errors import ConfigError
from paceline.export import FORMS, export, forms
from paceline.store.exports import exports_of
from paceline.store.run import Run
from tests.helpers.exports import needs_converter, smollm_run, tiny_run, two_layers


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Runs that no test changes."""
    folder = tmp_path_factory.mktemp("runs")
    return {
        "full": tiny_run(folder / "full"), "lora": tiny_run(folder / "lora", **{"lora.rank": 4}),
    }  # fmt: skip


@pytest.fixture
def run(made, tmp_path):
    """A copy of one, by its name."""
    return lambda name: Run.open(shutil.copytree(made[name], tmp_path / name))


@pytest.mark.parametrize(
    ("name", "to", "by"),
    [
        ("full", "folder", "transformers"),
        ("lora", "folder", "transformers"),
        ("lora", "adapter", "PEFT"),
    ],
)
def test_what_is_exported_was_answered_alike_by_others(run, name, to, by):
    run = run(name)
    said = []
    done = export(run.path, to, prompts=3, told=said.append)
    assert said[0] == "asking the run's own model" and said[-1] == f"reading it back with {by}"
    (reading,) = done.verified
    assert (reading.by, reading.prompts, reading.same_prompts) == (by, 3, 3)
    assert reading.equal + reading.near_ties == 3 and done.dtype == "f32"
    (kept,) = json.loads((run.path / "export.json").read_text())
    assert kept["to"] == to and kept["path"] == done.path == f"export/{_named(name, to)}"
    assert kept["verified"][0]["prompts"] == 3 and exports_of(run) == [done]
    assert [p.name for p in (run.path / "export").iterdir()] == [_named(name, to)]


def _named(name, to):
    return f"{name}-adapter" if to == "adapter" else name


@needs_converter
def test_a_gguf_file_is_read_back_by_llama_cpp_and_by_transformers(tmp_path):
    two_layers(tmp_path / "base")
    run = smollm_run(tmp_path / "run")
    done = export(run, "gguf", tmp_path / "out" / "mine.gguf", prompts=2)
    assert {one.by for one in done.verified} == {"llama.cpp", "transformers"}
    assert all(one.same_prompts == one.prompts == 2 for one in done.verified)
    assert done.path == str(tmp_path / "out" / "mine.gguf")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["mine.gguf"]


def test_an_export_that_answers_otherwise_is_not_left(run, monkeypatch):
    run = run("full")
    write = FORMS["folder"].write

    def spoiled(job, to):
        """One tensor is another, as after a merge into another base."""
        folder = write(job, to)
        weights = load_file(folder / "model.safetensors")
        name = "model.norm.weight"
        save_file(
            {**weights, name: -weights[name]}, folder / "model.safetensors",
            metadata={"format": "pt"},
        )  # fmt: skip
        return folder

    monkeypatch.setitem(FORMS, "folder", replace(FORMS["folder"], write=spoiled))
    with pytest.raises(ConfigError, match=r"transformers answers 3 problems of 3 otherwise than"):
        export(run.path, prompts=3)
    assert list((run.path / "export").iterdir()) == [] and exports_of(run) == []


def test_a_template_that_is_lost_is_found(run, monkeypatch):
    run = run("full")
    write = FORMS["folder"].write

    def other(job, to):
        folder = write(job, to)
        (folder / "chat_template.jinja").write_text(
            "{% for m in messages %}{{ m.content }}{% endfor %}"
        )
        return folder

    monkeypatch.setitem(FORMS, "folder", replace(FORMS["folder"], write=other))
    with pytest.raises(
        ConfigError, match="it renders another prompt than the one that was trained"
    ):
        export(run.path, prompts=2)


def test_what_no_program_can_read_is_not_left(run, monkeypatch):
    run = run("full")

    def empty(job, to):
        to.mkdir()
        return to

    monkeypatch.setitem(FORMS, "folder", replace(FORMS["folder"], write=empty))
    with pytest.raises(ConfigError, match=r"No program could read the form folder back \(transf"):
        export(run.path, prompts=1)
    assert list((run.path / "export").iterdir()) == []


def test_a_full_disk_leaves_nothing(run, monkeypatch):
    run = run("full")

    def full(job, to):
        to.mkdir()
        (to / "half").write_text("x")
        raise OSError(28, "No space left on device", str(to))

    monkeypatch.setitem(FORMS, "folder", replace(FORMS["folder"], write=full))
    with pytest.raises(OSError, match="No space left"):
        export(run.path, prompts=1)
    assert list((run.path / "export").iterdir()) == [] and exports_of(run) == []


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"to": "onnx"}, "There is no form 'onnx'; export to folder, adapter, gguf, ollama"),
        ({"prompts": 0}, "prompts is 0; at least one answer has to prove"),
        ({"dtype": "q8_0"}, "dtype is q8_0, but the form folder takes bf16, f16, f32; leave it"),
        ({"to": "adapter", "dtype": "bf16"}, "the form adapter is as it was trained; leave it"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_loaded(run, given, why):
    with pytest.raises(ConfigError, match=why):
        export(run("full").path, **given)


def test_a_place_that_is_taken_is_told(run, tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(
        ConfigError, match="is there already; remove it, or name another with --out"
    ):
        export(run("full").path, out=tmp_path / "there")


def test_a_place_where_nothing_can_be_written_is_told(run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"Nothing can be written in .*name another place"):
        export(run("full").path, out=tmp_path / "file" / "model", prompts=1)


def test_a_run_without_a_model_is_told(run):
    run = run("full")
    shutil.rmtree(run.model)
    with pytest.raises(ConfigError, match="has no model yet"):
        export(run.path)


def test_a_form_that_nothing_here_reads_is_told(run, monkeypatch):
    away = tuple(replace(one, package="no_such_package") for one in forms.READERS["folder"])
    monkeypatch.setattr(forms, "READERS", {"folder": away})
    with pytest.raises(
        ConfigError, match=r"No program here can read the form folder.*no_such_pack"
    ):
        export(run("full").path)
