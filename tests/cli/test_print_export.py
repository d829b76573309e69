"""`paceline export`."""

import json

import pytest

from paceline.cli import main
from paceline.cli.print_export import told
from paceline.store.exports import Exported, Reading
from paceline.store.run import Run
from tests.helpers.exports import tiny_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run.open(tiny_run(tmp_path_factory.mktemp("export") / "run"))


def exported(path, to="folder", **changes):
    reading = Reading(by="llama.cpp", version="b1", prompts=8, same_prompts=8, equal=6, near_ties=2)
    given = {"to": to, "path": str(path), "dtype": "bf16", "verified": (reading,)}
    return Exported(**{**given, **changes})


def test_the_command_exports_and_says_how_to_serve(run, tmp_path, capsys):
    assert main(["export", str(run.path), "--out", str(tmp_path / "m"), "--prompts", "1"]) == 0
    said = capsys.readouterr().out
    assert f"exported to {tmp_path / 'm'} (f32, 0.3 MB)" in said
    assert "rendered 1 of 1 prompt as in training, and answered 1 as the run's model does" in said
    assert f"serve it: vllm serve '{tmp_path / 'm'}'" in said


def test_as_json(run, tmp_path, capsys):
    to = ["--out", str(tmp_path / "m"), "--prompts", "1", "--json"]
    assert main(["export", str(run.path), *to]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["to"] == "folder" and found["verified"][0]["by"] == "transformers"


def test_a_mistake_is_a_sentence(run, capsys):
    assert main(["export", str(run.path), "--to", "onnx"]) == 2
    assert "There is no form 'onnx'" in capsys.readouterr().err
    assert main(["export", "nowhere"]) == 2
    assert "There is no folder 'nowhere'" in capsys.readouterr().err


def test_near_ties_and_programs_that_did_not_read_it_are_told(run, tmp_path):
    (tmp_path / "m.gguf").write_bytes(b"x" * 2000)
    made = exported(tmp_path / "m.gguf", "gguf", not_read={"vLLM": "vllm is not installed"})
    lines = told(made, run)
    assert "answered 8 as the run's model does, 2 up to a near tie" in lines[1]
    assert lines[2] == "  not read back by vLLM: vllm is not installed"
    assert lines[3] == f"  serve it: llama-server -m '{tmp_path / 'm.gguf'}'"
    assert lines[4].endswith(
        f"llama-quantize '{tmp_path / 'm.gguf'}' '{tmp_path / 'm-Q4_K_M.gguf'}' Q4_K_M"
    )


@pytest.mark.parametrize(
    ("to", "use"),
    [
        ("adapter", "use it: PeftModel.from_pretrained(model, '{path}'), on 'tiny'"),
        ("ollama", "use it: cd '{path}' && ollama create run -f Modelfile && ollama run run"),
    ],
)
def test_each_form_says_how_it_is_used(run, tmp_path, to, use):
    assert f"  {use.format(path=tmp_path)}" in told(exported(tmp_path, to), run)


def test_a_file_that_makes_others_sample_otherwise_is_told(run, tmp_path):
    asks = {"temperature": 0.6, "top_p": 1.0, "repetition_penalty": 1.1, "do_sample": True}
    (tmp_path / "generation_config.json").write_text(json.dumps(asks))
    (*_, note) = told(exported(tmp_path), run)
    assert note.startswith(
        "  note: its generation_config.json asks for repetition_penalty=1.1, temp"
    )
    (tmp_path / "generation_config.json").write_text("{}")
    assert not any("note:" in line for line in told(exported(tmp_path), run))
