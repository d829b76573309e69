"""The two READMEs say the same, and say what is: headings, commands, keys, figures, links."""

import importlib
import json
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import paceline
from paceline import cli, errors, recipes
from paceline.analysis.compare.arms import arms_of, varied
from paceline.cli import commands as doing
from paceline.config import Config, apply, foreign, keys, labelled, split, to_json
from paceline.objective import named
from paceline.run.screen import HEADER
from paceline.stats import wilson
from paceline.tasks import SOURCES, Rows
from paceline.types import Completion, Problem
from paceline.verify import judge

ROOT = Path(__file__).parent.parent
ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
BOTH = pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["english", "chinese"])

EXTRA_IN_CHINESE = ("离线与镜像", "术语表")
"""Sections that only the Chinese README has."""

FOREIGN = {"rollout.n", "problem.data", "a.b"}
"""Dotted words in backticks that are no keys: verl's, a record's field, and a pattern."""

FILES = (".json", ".jsonl", ".html", ".txt", ".toml", ".py", ".csv", ".parquet")

GLOSSARY = {
    "rollout": "rollout（采样轨迹）",
    "advantage": "优势",
    "group-relative advantage": "组内相对优势",
    "group normalisation": "组内归一化",
    "clip": "裁剪",
    "cut by length": "截断",
    "clip fraction": "裁剪比例",
    "importance sampling ratio": "重要性采样比",
    "KL penalty": "KL 惩罚",
    "reward function": "奖励函数",
    "reward model": "奖励模型",
    "verifiable reward": "可验证奖励",
    "reward hacking": "reward hacking（奖励作弊）",
    "policy": "策略模型",
    "reference": "参考模型",
    "critic": "价值模型（critic）",
    "baseline": "基线",
    "entropy collapse": "熵坍缩（entropy collapse）",
    "groups without signal": "无信号组",
    "dynamic sampling": "动态采样",
    "overlong penalty": "超长惩罚",
    "train–inference mismatch": "训推不一致",
    "checkpoint": "检查点",
    "resume": "断点续训",
    "GPU memory": "显存",
    "completion": "回答",
    "prompt": "提示（prompt）",
    "sandbox": "沙箱",
    "verifier": "验证器",
    "seed": "随机种子",
    "interval": "置信区间",
    "paired comparison": "配对比较",
}
"""The terms of the Chinese README; on-policy and off-policy stay English."""

OTHER_WORDS = (
    "剪裁", "裁切", "截取", "优势值", "重要性权重", "KL 散度惩罚", "奖赏", "回报函数", "评论家",
    "样本轨迹", "沙盒", "检查站", "存档点", "校验器", "显卡内存", "完成文本", "补全", "提示词",
    "随机数种子", "信赖区间", "全对", "全错", "隔离墙", "有限数", "小小的",
)  # fmt: skip
"""What the glossary's terms are not to be called."""


# Reading Markdown -----------------------------------------------------------------------------


def blocks(text: str) -> list[tuple[str, str]]:
    """(language, code) of every fenced block."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.M | re.S)


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "```", text, flags=re.M | re.S)


def sections(text: str) -> list[tuple[int, str, list[str]]]:
    """(level, title, lines that are not empty) of every heading."""
    found: list[tuple[int, str, list[str]]] = []
    for line in without_code(text).splitlines():
        if heading := re.fullmatch(r"(#+) (.+)", line):
            found.append((len(heading[1]), heading[2], []))
        elif line.strip():
            found[-1][2].append(line)
    return found


def shared(text: str) -> list[tuple[int, str, list[str]]]:
    return [s for s in sections(text) if s[1] not in EXTRA_IN_CHINESE]


def pairs() -> Iterator[tuple[str, str]]:
    """The lines of both READMEs that say the same."""
    for ours, theirs in zip(shared(ENGLISH), shared(CHINESE), strict=True):
        yield from zip(ours[2], theirs[2], strict=True)


def section(text: str, start: str) -> list[str]:
    """The lines of the section in whose place the English README has the title `start`."""
    place = [title for _, title, _ in shared(ENGLISH)].index(start)
    return shared(text)[place][2]


def inline(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", without_code(text))


def numbers(text: str) -> list[str]:
    return re.findall(r"\d+(?:\.\d+)?(?:e-\d+)?", text)


def first_cells(lines: list[str]) -> list[str]:
    """What stands in backticks in the first cells of a table."""
    rows = [line for line in lines if line.startswith("|")]
    return [row.split("`")[1] for row in rows if row.startswith("| `")]


def marked(text: str, name: str) -> str:
    found = re.findall(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", text, re.S)
    assert len(found) == 1, f"there must be one block {name}"
    return found[0]


def no_comments(code: str) -> str:
    lines = (re.sub(r"(^|\s+)#.*$", "", line).rstrip() for line in code.splitlines())
    return "\n".join(line for line in lines if line)


# The two say the same -------------------------------------------------------------------------


def test_headings_are_equal_but_for_the_listed_ones():
    assert [level for level, _, _ in shared(ENGLISH)] == [level for level, _, _ in shared(CHINESE)]
    titles = [title for _, title, _ in sections(CHINESE)]
    assert all(titles.count(extra) == 1 for extra in EXTRA_IN_CHINESE)
    assert not set(EXTRA_IN_CHINESE) & {title for _, title, _ in sections(ENGLISH)}


def test_every_shared_section_has_equally_many_paragraphs_and_rows():
    counts = [
        [(title, len(lines)) for _, title, lines in shared(text)] for text in (ENGLISH, CHINESE)
    ]
    wrong = [(a, b) for a, b in zip(*counts, strict=True) if a[1] != b[1]]
    assert wrong == []


def test_code_blocks_are_equal_but_for_comments():
    ours, theirs = (
        [(language, no_comments(code)) for language, code in blocks(text)]
        for text in (ENGLISH, CHINESE)
    )
    assert ours == theirs
    assert len(ours) >= 10


def test_numbers_in_tables_are_equal():
    for ours, theirs in pairs():
        if ours.startswith("|"):
            assert numbers(ours) == numbers(theirs), ours


def test_words_in_backticks_are_equal_in_tables():
    for ours, theirs in pairs():
        if ours.startswith("|"):
            assert re.findall("`[^`]+`", ours) == re.findall("`[^`]+`", theirs), ours


def test_figures_and_output_are_equal_and_filled():
    assert numbers(marked(ENGLISH, "figures")) == numbers(marked(CHINESE, "figures"))
    assert marked(ENGLISH, "demo-output") == marked(CHINESE, "demo-output")
    for text in (ENGLISH, CHINESE):
        assert "| … |" not in marked(text, "figures"), "a cell of the figures is empty"
        assert "% [" in marked(text, "demo-output"), "the demo's output is missing"


def test_a_clip_is_never_called_a_cut():
    seen = {"裁剪": 0, "截断": 0}
    for ours, theirs in pairs():
        said = re.sub("`[^`]+`", "", ours)
        for word, term in ((r"\bclip(s|ped)?\b", "裁剪"), (r"\bcut\b", "截断")):
            if re.search(word, said):
                seen[term] += 1
                assert term in theirs, (ours, theirs)
        if "裁剪" in theirs:
            assert "clip" in ours, (ours, theirs)
        if "截断" in theirs:
            assert re.search(r"\bcut\b|truncat", ours), (ours, theirs)
    assert min(seen.values()) >= 2


def test_the_word_for_a_prompt_is_that_of_nothing_else():
    said = [(ours, theirs) for ours, theirs in pairs() if "提示" in theirs]
    assert len(said) >= 5 and [ours for ours, _ in said if "prompt" not in ours] == []


def test_the_glossary_is_whole_and_kept():
    table = next(lines for _, title, lines in sections(CHINESE) if title == "术语表")
    cells = [[c.strip() for c in row.strip("|").split("|")] for row in table if row[0] == "|"]
    found = {row[i]: row[i + 1] for row in cells[2:] for i in (0, 2)}
    assert found == GLOSSARY
    body = "\n".join(line for _, title, lines in shared(CHINESE) for line in lines)
    for term in ("rollout（采样轨迹）", "优势", "重要性采样比", "可验证奖励", "置信区间", "显存"):
        assert term in body, term
    assert [word for word in OTHER_WORDS if word in CHINESE] == []


# What they say is so --------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files that the READMEs speak of."""
    for language, code in blocks(ENGLISH):
        if named_file := re.match(r"# (\w+\.(?:py|toml))\n", code):
            assert language in ("python", "toml")
            (tmp_path / named_file[1]).write_text(code, encoding="utf-8")
    rows = subprocess.run([sys.executable, "questions.py"], cwd=tmp_path, capture_output=True)
    assert rows.returncode == 0 and "python questions.py > questions.jsonl\n" in ENGLISH
    (tmp_path / "questions.jsonl").write_bytes(rows.stdout)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    run = tmp_path / "runs" / "demo"
    (run / "model").mkdir(parents=True)
    config = {"config": to_json(recipes.demo())}
    (run / "config.json").write_text(json.dumps(config), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


def commands(text: str) -> list[str]:
    code = [no_comments(code) for language, code in blocks(text) if language == "bash"]
    lines = [line for block in code for line in block.splitlines()]
    return [c for c in (*lines, *inline(text)) if c.startswith("paceline ")]


def configured(command: str) -> Config | None:
    """What the command line makes of a command, as far as that goes without a model."""
    known, rest = cli.parser().parse_known_args(shlex.split(command)[1:])
    changes = cli.overrides(rest, known)
    if known.run in (doing.do_train, doing.do_show, doing.do_audit):
        return cli.changed(cli.config_of(known.recipe), changes)
    if known.run is doing.do_compare:
        config = cli.changed(cli.config_of(known.recipe), changes)
        objectives = labelled(split(known.objectives or ""))
        assert len(arms_of(config, objectives, varied(known.vary))) > 1
        return config
    if known.run is doing.do_resume:
        return cli.changed(cli.config_of(f"{known.path}/config.json"), changes)
    if known.run in (doing.do_eval, doing.do_sample):
        return doing.model_config(known, changes)
    assert not changes, command
    return None


@BOTH
def test_every_command_parses_and_its_keys_exist(text, folder):
    assert len(commands(text)) >= 12
    for command in commands(text):
        configured(command)


def test_commands_mean_what_the_text_says(folder):
    by_start = {c[:24]: c for c in commands(ENGLISH)}
    rows = configured(by_start["paceline train demo --ta"])
    assert rows is not None and isinstance(rows.task, Rows)
    assert (rows.task.path, rows.task.prompt) == ("questions.jsonl", "question")
    own = configured(by_start["paceline train own.toml "])
    assert own is not None and own.optimizer.lr == 1e-6 and own.rollouts.completions == 16
    assert (own.model.path, own.steps) == ("./qwen3-0.6b", 100)


@pytest.mark.parametrize("command", ["paceline trane demo", "paceline train demo --nosuch=1"])
def test_the_check_would_see_a_wrong_command(command, folder):
    with pytest.raises((SystemExit, errors.ConfigError)):
        configured(command)


def configs() -> list[Config]:
    return [recipes.demo().with_(task=source()) for source in SOURCES.values()]


@BOTH
def test_every_dotted_name_exists(text):
    seen = 0
    for code in inline(text):
        name, equals, value = code.strip("-").partition("=")
        name = name.split(" ")[0]
        if not re.fullmatch(r"[a-z_]\w*(\.\w+)+", name) or name in FOREIGN:
            continue
        if name.endswith(FILES):
            continue
        seen += 1
        if name.startswith("paceline."):
            importlib.import_module(name)
            continue
        having = [c for c in configs() if name in {key.path for key in keys(c)}]
        assert having, f"there is no key '{name}'"
        if equals:
            apply(having[-1], {name: value})
    assert seen >= 40


@BOTH
def test_python_compiles_and_json_parses(text):
    for language, code in blocks(text):
        assert language in ("bash", "python", "toml", "text")
        if language == "python":
            compile(code, "README", "exec")
    for code in inline(text):
        if code.startswith('{"') and ":" in code:
            json.loads(code)


def test_the_twelve_lines_train_with_their_own_reward(folder, monkeypatch):
    code = (folder / "mine.py").read_text(encoding="utf-8")
    assert len(no_comments(code).splitlines()) == 12
    started: list[Config] = []
    monkeypatch.setattr(paceline, "train", started.append)
    runpy.run_path(str(folder / "mine.py"), run_name="__main__")
    task = started[0].task.load()
    assert len(task.train) + len(task.heldout) == 1000 and started[0].name == "mine"
    problem = Problem("p", "What is 47 + 56?", "103")
    said = {
        "The answer is 103": (1.2, True),
        "Adding 47 and 56 gives exactly 103": (1.0, True),
        "It is 104": (0.0, False),
        "": (0.0, False),
    }
    for words, expected in said.items():
        verdict = judge(task.verifier, problem, Completion((5,), (0.0,), words, "stop"))
        assert (verdict.reward, verdict.solved) == expected, words


def test_the_reward_of_parts_and_the_recipe_of_ones_own_work(folder):
    task = Rows("questions.jsonl", prompt="question", reward="parts.py:reward").load()
    answer = "<think>47 + 56</think><answer>103</answer>"
    completion = Completion((5,) * 12, (0.0,) * 12, answer, "stop")
    # 1 for the number, 0.2 for the form, nothing off for 12 tokens of at most 300.
    assert judge(task.verifier, Problem("p", "?", "103"), completion).reward == 1.2
    assert cli.config_of("own.py:small").objective == named.dapo()


@BOTH
def test_links_and_pictures_exist(text):
    found = re.findall(r"\]\(([^)]+)\)", without_code(text))
    slugs = slugs_of(text)
    assert "docs/report.png" in found
    for target in found:
        if target.startswith("#"):
            assert target[1:] in slugs, target
        else:
            path, _, place = target.partition("#")
            assert (ROOT / path).exists(), target
            assert not place or place in slugs_of((ROOT / path).read_text(encoding="utf-8")), target


def slugs_of(text):
    titles = (title for _, title, _ in sections(text))
    return {re.sub(r"[^\w\s-]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_tables_of_others_names_are_what_the_command_line_answers():
    body = section(ENGLISH, "Coming from TRL, verl or ms-swift")
    lines = [line for line in body if line.startswith("|")]
    rows = [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines]
    second = next(place for place, row in enumerate(rows) if row[0] == "verl")
    assert rows[2:second] == list(foreign.TRL)
    assert rows[second + 2 :] == list(foreign.VERL)


# The tables are whole, the numbers right ------------------------------------------------------


def test_tables_have_every_column_objective_and_recipe():
    screen = re.split(r"\s{2,}", HEADER.strip())
    assert first_cells(section(ENGLISH, "Reading the screen")) == screen
    assert first_cells(section(ENGLISH, "Objectives")) == list(named.NAMES)
    assert first_cells(section(ENGLISH, "Recipes and keys")) == list(recipes.NAMES)


def test_defaults_in_the_table_of_objectives_are_the_codes():
    rows = {
        line.split("`")[1]: line.rstrip("|").split("|")[5]
        for line in section(ENGLISH, "Objectives")
        if line.startswith("| `")
    }
    for name in ("grpo", "dr_grpo", "gspo", "dapo", "reinforce_pp", "luspo"):
        low, high = named.by_name(name).surrogate.widths  # type: ignore[attr-defined]
        said = [float(n) for n in numbers(rows[name])]
        assert said == ([low] if low == high else [low, high]), name
    assert float(numbers(rows["cispo"])[0]) == 1 + named.cispo().surrogate.high  # type: ignore[attr-defined]
    assert float(numbers(rows["gmpo"])[0]) == named.gmpo().ratio.high  # type: ignore[attr-defined]


@BOTH
def test_exit_codes(text):
    said = " ".join(section(text, "What it checks for you"))
    kinds = errors.UserError.__subclasses__()
    assert set(numbers(said)) == {str(kind.exit_code) for kind in kinds} | {"130", "143"}


def test_the_table_of_memory_is_what_the_sentence_says():
    rows = [line for line in section(ENGLISH, "What it costs") if " B |" in line or "GB" in line]
    sizes, plain, referenced = ([float(n) for n in numbers(row)] for row in rows[-3:])
    for row, bytes_each in ((plain, 2 + 4 + 8 + 4), (referenced, 2 + 4 + 8 + 4 + 2)):
        for size, told in zip(sizes, row, strict=True):
            assert told == pytest.approx(size * bytes_each, rel=0.02)


@BOTH
def test_the_widths_of_intervals(text):
    body = " ".join(section(text, "Questions"))
    for problems, said in ((500, "±4.4"), (100, "±9.6"), (50, "±13")):
        low, high = wilson(problems / 2, problems)
        digits = len(said.partition(".")[2])
        assert said == f"±{100 * (high - low) / 2:.{digits}f}" and said in body
