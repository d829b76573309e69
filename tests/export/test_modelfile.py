"""Ollama's Modelfile: turns' marks learned from a chat template, and written in Go's language."""

import json
import os
import shutil
import subprocess

import pytest

from paceline.errors import ConfigError
from paceline.export.modelfile import Marks, Modelfile, TurnTemplate, learned
from paceline.model import load_tokenizer, resolve
from tests.helpers.dialects import DIALECTS
from tests.helpers.templates import OPENS_THINK, TURNS

TALK = [
    {"role": "user", "content": "What is 2 + 3?"},
    {"role": "assistant", "content": "5"},
    {"role": "user", "content": "And 3 + 4?"},
]


@pytest.fixture
def tokenizer():
    return load_tokenizer(resolve("tiny"))


def rendered(tokenizer, conversation):
    return tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=True)


@pytest.mark.parametrize("name", DIALECTS)
def test_each_family_s_turns_are_learned(name):
    tokenizer = DIALECTS[name]()
    made = learned(tokenizer, [])
    assert made.render(TALK) == rendered(tokenizer, TALK)
    assert made.bos == ("" if name in ("chatml", "qwen3") else tokenizer.bos_token)
    assert made.bos not in made.in_go or not made.bos  # Ollama puts it there by itself
    # Gemma and Mistral have no turn of the system's.
    assert ("system" in made.roles) == (name in ("chatml", "qwen3", "llama 3"))


def test_chatml_in_the_language_of_go():
    made = learned(DIALECTS["chatml"](), [])
    assert made.in_go == (
        '{{ range .Messages }}{{ if eq .Role "system" }}<|im_start|>system\n'
        '{{ .Content }}<|im_end|>\n{{ else if eq .Role "user" }}<|im_start|>user\n'
        '{{ .Content }}<|im_end|>\n{{ else if eq .Role "assistant" }}<|im_start|>assistant\n'
        "{{ .Content }}<|im_end|>\n{{ end }}{{ end }}<|im_start|>assistant\n"
    )


def test_what_opens_the_reasoning_opens_the_answer(tokenizer):
    tokenizer.chat_template = OPENS_THINK
    assert learned(tokenizer, []).opening == "<|im_start|>assistant\n<think>\n"


def test_a_system_turn_that_a_template_writes_by_itself_is_the_modelfile_s_own(tokenizer):
    kind = "<|im_start|>system\nBe kind.<|im_end|>\n"
    own = f"{{% if messages[0]['role'] != 'system' %}}{kind}{{% endif %}}"
    tokenizer.chat_template = own + TURNS.replace("OPENED", "")
    made = learned(tokenizer, [TALK])
    assert made.system == "Be kind." and made.render(TALK) == rendered(tokenizer, TALK)
    asked = [{"role": "system", "content": "Be brief."}, *TALK]
    assert made.render(asked) == rendered(tokenizer, asked)
    text = Modelfile("m.gguf", made, ("<|im_end|>",)).text
    assert 'SYSTEM """Be kind."""\n' in text and "Be kind" not in made.in_go


def test_text_before_the_first_turn_stays(tokenizer):
    tokenizer.chat_template = "A talk.\n" + TURNS.replace("OPENED", "")
    made = learned(tokenizer, [TALK])
    assert made.start == "A talk.\n" and made.in_go.startswith("A talk.\n{{ range")


@pytest.mark.parametrize(
    "template",
    [
        TURNS.replace("{{ m['content'] }}", "{{ m['content'] | upper }}"),
        TURNS.replace("{{ m['role'] }}", "{{ m['role'] }} {{ loop.index }}"),
        "{{ messages | length }}" + TURNS,
        "{{ raise_exception('never') }}",
    ],
    ids=["changes what is said", "counts turns", "counts all", "refuses"],
)
def test_a_template_that_does_more_is_refused(tokenizer, template):
    tokenizer.chat_template = template
    with pytest.raises(
        ConfigError, match=r"does more than write one turn behind the other.*--to gg"
    ):
        learned(tokenizer, [])


def test_the_run_s_own_conversations_have_to_come_out_alike():
    gemma = DIALECTS["gemma"]()
    of_the_system = [{"role": "system", "content": "Be brief."}, TALK[0]]
    assert learned(gemma, [TALK])
    with pytest.raises(ConfigError, match="does more than"):
        learned(gemma, [of_the_system])
    with pytest.raises(ConfigError, match="does more than"):
        learned(gemma, [[{"role": "user", "content": " stripped "}]])


def test_a_modelfile_says_file_template_stops_and_parameters():
    marks = Marks("<u>", "</u>")
    template = TurnTemplate({"user": marks, "assistant": marks}, "<a>", system=None)
    made = Modelfile("m.gguf", template, ("</u>", 'say "so"'), {"temperature": 0.5})
    assert made.text == (
        'FROM ./m.gguf\nTEMPLATE """{{ range .Messages }}{{ if eq .Role "user" }}<u>{{ .Content }}'
        '</u>{{ else if eq .Role "assistant" }}<u>{{ .Content }}</u>{{ end }}{{ end }}<a>"""\n'
        'PARAMETER stop "</u>"\nPARAMETER stop "say \\"so\\""\nPARAMETER temperature 0.5\n'
    )


def test_braces_of_go_s_in_a_mark_are_text():
    template = TurnTemplate({"user": Marks("{{", "}}")}, "")
    assert '{{ if eq .Role "user" }}{{ "{{" }}{{ .Content }}}}{{ end }}' in template.in_go


@pytest.mark.parametrize("mark", ['"""', 'x"'])
def test_a_template_that_a_modelfile_cannot_hold_is_refused(mark):
    template = TurnTemplate({"user": Marks("", "")}, mark)
    with pytest.raises(ConfigError, match="three quotation marks, or ends with one"):
        _ = Modelfile("m.gguf", template, ()).text


GO = """package main

import (
	"encoding/json"
	"os"
	"text/template"
)

type Message struct{ Role, Content string }

type Case struct {
	Template string
	Messages []Message
}

func main() {
	var cases []Case
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		panic(err)
	}
	written := []string{}
	for _, one := range cases {
		var text = &buffer{}
		made := template.Must(template.New("").Parse(one.Template))
		if err := made.Execute(text, one); err != nil {
			panic(err)
		}
		written = append(written, string(text.bytes))
	}
	json.NewEncoder(os.Stdout).Encode(written)
}

type buffer struct{ bytes []byte }

func (b *buffer) Write(more []byte) (int, error) {
	b.bytes = append(b.bytes, more...)
	return len(more), nil
}
"""


@pytest.mark.skipif(shutil.which("go") is None, reason="needs the language of the templates, Go")
def test_go_itself_writes_what_the_model_s_own_template_writes(tmp_path, tokenizer):
    """Ollama executes a Modelfile's template with this library of Go's."""
    tokenizer.chat_template = "{{ 'a {{ b }} ' }}" + TURNS.replace("OPENED", "")
    tokenizers = {name: make() for name, make in DIALECTS.items()} | {"braces": tokenizer}
    talks = [TALK[:1], TALK, [{"role": "user", "content": "{{ .Role }} <|im_end|> \n 中文"}]]
    cases, wanted = [], []
    for one in tokenizers.values():
        made = learned(one, [])
        asked = talks + [[{"role": "system", "content": "S"}, *TALK]] * ("system" in made.roles)
        for talk in asked:
            messages = [{"Role": turn["role"], "Content": turn["content"]} for turn in talk]
            cases.append({"Template": made.in_go, "Messages": messages})
            wanted.append(rendered(one, talk).removeprefix(made.bos))
    (tmp_path / "main.go").write_text(GO)
    done = subprocess.run(
        ["go", "run", "main.go"], input=json.dumps(cases), capture_output=True, text=True,
        cwd=tmp_path, env=os.environ | {"GOCACHE": str(tmp_path / "cache")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == wanted and len(wanted) > 15
