"""Tables and figures of several pages: whole, and those of the code."""

import re
from functools import cache
from types import SimpleNamespace

import pytest

from paceline import errors, recipes
from paceline.cli.configured import config_of
from paceline.config import foreign
from paceline.model.model_size import ModelSize
from paceline.objective import named
from paceline.preflight.fits import WAYS, Fits, fits
from paceline.run.step_table import SAMPLED_HEADER
from paceline.stats import wilson
from paceline.tasks import Rows
from paceline.types import Completion, Problem
from paceline.verify import judge
from tests.helpers.markdown import Page, numbers, plain, tables

SHORT = {
    "full": "full", "full, 8-bit moments": "8-bit", "full, offloaded": "offload", "LoRA": "LoRA",
    "LoRA on int8": "int8", "LoRA on nf4": "nf4",
}  # fmt: skip
"""Name of a way to train -> its name in the table of cards."""


def first_cells(text: str) -> list[str]:
    """What stands in backticks in the first cells of the first table."""
    return [row[0].split("`")[1] for row in tables(text)[0]]


def test_tables_have_every_column_objective_and_recipe():
    screen = Page.of("docs/tutorials/01-first-run.md").section("Reading the screen")
    assert first_cells(screen) == re.split(r"\s{2,}", SAMPLED_HEADER.strip())
    twelve = Page.of("docs/objectives/README.md").section("The twelve")
    assert first_cells(twelve) == list(named.GROUPS)
    made = Page.of("docs/configuration.md").section("Recipes")
    assert first_cells(made) == [*recipes.NAMES, *recipes.LINES]


def test_defaults_in_the_table_of_objectives_are_the_codes():
    (table,) = tables(Page.of("docs/objectives/README.md").section("The twelve"))
    rows = {row[0].split("`")[1]: row[4] for row in table}
    for name in ("grpo", "dr_grpo", "gspo", "dapo", "reinforce_pp", "luspo"):
        low, high = named.by_name(name).surrogate.widths  # type: ignore[attr-defined]
        said = [float(n) for n in numbers(rows[name])]
        assert said == ([low] if low == high else [low, high]), name
    assert float(numbers(rows["cispo"])[0]) == 1 + named.cispo().surrogate.high  # type: ignore[attr-defined]
    assert float(numbers(rows["gmpo"])[0]) == named.gmpo().ratio.high  # type: ignore[attr-defined]


def test_the_tables_of_others_names_are_what_the_command_line_answers():
    ours, theirs = tables(Page.of("docs/migrating.md").section("Keys"))
    assert [tuple(row) for row in ours] == list(foreign.TRL)
    assert [tuple(row) for row in theirs] == list(foreign.VERL)


def test_the_message_of_another_trainers_key():
    page = Page.of("docs/migrating.md")
    (key,) = re.findall(r"paceline train tiny (\w+)=", page.code("bash")[0])
    assert page.code("text")[0] == f"paceline: {foreign.counterpart(key)}\n"


def test_exit_codes():
    kinds = errors.UserError.__subclasses__()
    (table,) = tables(Page.of("docs/reference/cli.md").section("Exit codes"))
    codes = [int(plain(row)[0]) for row in table]
    assert codes == [0, *sorted(kind.exit_code for kind in kinds), 129, 130, 143]
    (said,) = re.findall(r"退出码[^。]*。", Page.of("docs/zh/runs.md").section("开始之前检查什么"))
    assert set(numbers(said)) == {str(kind.exit_code) for kind in kinds} | {"130", "143"}


def test_the_table_of_memory_is_what_the_sentence_says():
    table = tables(Page.of("docs/performance.md").section("What a run costs"))[1]
    head = re.search(r"\| parameters (.*)", Page.of("docs/performance.md").text)
    assert head is not None
    sizes = [float(n) for n in numbers(head[1])]
    for row, bytes_each in zip(table, (2 + 4 + 8 + 4, 2 + 4 + 8 + 4 + 2), strict=True):
        for size, told in zip(sizes, numbers(" ".join(row[1:])), strict=True):
            assert float(told) == pytest.approx(size * bytes_each, rel=0.02)


def ways_of(size: str, card: float) -> Fits:
    """The ways to train a model of a size, of prompts as where no rows are at hand."""
    recipe = recipes.gsm8k(model=size, data="nowhere")
    return fits(recipe.with_(rollouts={"max_tokens": 512}), int(card * 1e9))


def test_the_table_of_what_other_ways_hold():
    text = Page.of("docs/performance.md").section("What a run costs")
    head = re.search(r"\| held, in GB \| (.*) \|", text)
    assert head is not None
    for place, size in enumerate(head[1].split(" | "), start=1):
        for row, way in zip(tables(text)[2], ways_of(size, 24).ways, strict=True):
            keys = [f"{key}={str(value).lower()}" for key, value in WAYS[way.name].items()]
            assert re.findall("`(.*?)`", row[0]) == keys
            held, host = way.memory.fixed / 1e9, way.memory.host / 1e9
            told = f"{held:.0f}" if held >= 100 else f"{held:.1f}"
            assert row[place] == told + (f" ({host:.0f})" if host else ""), (size, way.name)


CARDS = tables(Page.of("docs/performance.md").section("Which way fits which card"))[0]


@pytest.mark.parametrize("row", CARDS, ids=[row[0] for row in CARDS])
def test_the_table_of_cards(row, monkeypatch):
    once = SimpleNamespace(of=cache(ModelSize.of))
    monkeypatch.setattr("paceline.preflight.fits.ModelSize", once)
    for card, told in zip((8, 16, 24, 48, 80), row[1:], strict=True):
        ways = [way for way in ways_of(row[0], card).ways if way.fits]
        names = [f"{SHORT[way.name]}{'†' * ('lora.merge' in way.keys)}" for way in ways]
        assert told == ("all" if len(ways) == len(WAYS) else ", ".join(names) or "–"), card


@pytest.mark.parametrize("name", ["docs/faq.md", "docs/zh/faq.md"])
def test_the_widths_of_intervals(name):
    body = Page.of(name).text
    for problems, said in ((500, "±4.4"), (100, "±9.6"), (50, "±13")):
        low, high = wilson(problems / 2, problems)
        digits = len(said.partition(".")[2])
        assert said == f"±{100 * (high - low) / 2:.{digits}f}" and said in body


# Files that pages write -----------------------------------------------------------------------


def written(name: str, folder) -> None:
    for block in Page.of(name).blocks:
        if block.file:
            (folder / block.file).write_text(block.code, encoding="utf-8")


def test_the_recipe_of_ones_own_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written("docs/configuration.md", tmp_path)
    assert config_of("own.py:small").objective == named.dapo()
    own = config_of("own.toml")
    assert (own.model.path, own.steps, own.optimizer.lr) == ("./qwen3-0.6b", 100, 2e-6)


def test_the_reward_of_parts_pays_what_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written("docs/tutorials/02-your-reward.md", tmp_path)
    (tmp_path / "rows.jsonl").write_text(
        "\n".join(f'{{"question": "What is {a} + 56?", "answer": "{a + 56}"}}' for a in range(50))
    )
    task = Rows("rows.jsonl", prompt="question", reward="parts.py:reward").load()
    answer = "<think>47 + 56</think><answer>103</answer>"
    completion = Completion((5,) * 12, (0.0,) * 12, answer, "stop")
    # 1 for the number, 0.2 for the form, nothing off for 12 tokens of at most 300.
    assert judge(task.verifier, Problem("p", "?", "103"), completion).reward == 1.2
