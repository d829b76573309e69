"""The Chinese pages say what the English ones say, in the words of the glossary."""

import re
from collections.abc import Iterator

import pytest

from tests.helpers.markdown import DOCS, Page, no_comments, numbers, tables

ZH = DOCS / "zh"
TRANSLATED = [("README.md", "README.zh-CN.md")] + [
    (f"docs/tutorials/{path.name}", f"docs/zh/tutorials/{path.name}")
    for path in sorted((DOCS / "tutorials").glob("*.md"))
]
"""Pages that say the same paragraph by paragraph."""
SUMMARIES = {
    "docs/zh/runs.md": "docs/runs.md",
    "docs/zh/following.md": "docs/following.md",
    "docs/zh/configuration.md": "docs/configuration.md",
    "docs/zh/data.md": "docs/data.md",
    "docs/zh/line.md": "docs/line.md",
    "docs/zh/rewards.md": "docs/rewards.md",
    "docs/zh/objectives.md": "docs/objectives/README.md",
    "docs/zh/migrating.md": "docs/migrating.md",
    "docs/zh/faq.md": "docs/performance.md",
}
"""Chinese pages that say a part of an English one: their tables are tables of that one."""
EACH = pytest.mark.parametrize("names", TRANSLATED, ids=[zh for _, zh in TRANSLATED])

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
    "adapter": "适配器",
    "base model": "基座",
    "rank": "秩",
    "scale": "缩放",
    "quantisation": "量化",
    "merged": "合并",
}
"""The terms of the Chinese README; on-policy and off-policy stay English."""

OTHER_WORDS = (
    "剪裁", "裁切", "截取", "优势值", "重要性权重", "KL 散度惩罚", "奖赏", "回报函数", "评论家",
    "样本轨迹", "沙盒", "检查站", "存档点", "校验器", "显卡内存", "完成文本", "补全", "提示词",
    "随机数种子", "信赖区间", "全对", "全错", "隔离墙", "有限数", "小小的",
)  # fmt: skip
"""What the glossary's terms are not to be called."""


def both(names: tuple[str, str]) -> tuple[Page, Page]:
    return Page.of(names[0]), Page.of(names[1])


def sections(page: Page) -> Iterator[tuple[int, str, list[str]]]:
    """(level, title, paragraphs) of every heading; a table is one, and a list's item."""
    parts = re.split(r"^(#+) (.+)$", page.prose, flags=re.M)[1:]
    for mark, title, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        found = re.split(r"\n\s*\n|\n(?=- )", text.strip())
        yield len(mark), title, [paragraph for paragraph in found if paragraph]


def pairs() -> Iterator[tuple[str, str]]:
    """The paragraphs that say the same."""
    for names in TRANSLATED:
        for ours, theirs in zip(*map(sections, both(names)), strict=True):
            yield from zip(ours[2], theirs[2], strict=True)


# They say the same ----------------------------------------------------------------------------


def test_every_tutorial_is_there_in_chinese():
    assert {path.name for path in (ZH / "tutorials").iterdir()} == {
        path.name for path in (DOCS / "tutorials").iterdir()
    }
    assert set(SUMMARIES) == {f"docs/zh/{path.name}" for path in ZH.glob("*.md")} - {
        "docs/zh/README.md", "docs/zh/glossary.md"
    }  # fmt: skip


@EACH
def test_headings_and_paragraphs_are_equally_many(names):
    ours, theirs = ([(level, len(text)) for level, _, text in sections(p)] for p in both(names))
    titles = [title for _, title, _ in sections(Page.of(names[1]))]
    wrong = [(t, a, b) for t, a, b in zip(titles, ours, theirs, strict=True) if a != b]
    assert wrong == []


@EACH
def test_code_and_output_are_equal_but_for_comments(names):
    ours, theirs = ([(b.language, no_comments(b.code)) for b in p.blocks] for p in both(names))
    assert ours == theirs and len(ours) >= 4


@EACH
def test_tables_have_equal_numbers_and_words_in_backticks(names):
    ours, theirs = (tables(page.text) for page in both(names))
    assert [[facts(row) for row in table] for table in ours] == [
        [facts(row) for row in table] for table in theirs
    ]


@pytest.mark.parametrize("name", SUMMARIES)
def test_tables_of_a_summary_are_those_of_its_page(name):
    wanted = [[facts(row) for row in t] for t in tables(Page.of(SUMMARIES[name]).text)]
    found = [[facts(row) for row in t] for t in tables(Page.of(name).text)]
    assert [table for table in found if table not in wanted] == []
    assert found or name == "docs/zh/rewards.md"


def facts(row: list[str]) -> tuple[list[str], list[str]]:
    """What no translation changes: words in backticks, and the numbers beside them."""
    text = re.sub(r"\]\([^)]*\)", "]", " | ".join(row))
    outside = re.sub("`[^`]+`", "", text)
    return re.findall("`[^`]+`", text), numbers(outside)


def test_questions_are_answered_in_both():
    ours, theirs = (Page.of(name) for name in ("docs/faq.md", "docs/zh/faq.md"))
    assert 0 < theirs.text.count("？**") <= ours.text.count("?**") + 1


# In which words -------------------------------------------------------------------------------


def test_a_clip_is_never_called_a_cut():
    seen = {"裁剪": 0, "截断": 0}
    for ours, theirs in pairs():
        said = re.sub("`[^`]+`", "", ours)
        for word, term in ((r"\bclip(s|ped|ping)?\b", "裁剪"), (r"\bcut\b", "截断")):
            if re.search(word, said):
                seen[term] += 1
                assert term in theirs, (ours, theirs)
        if "裁剪" in theirs:
            assert "clip" in ours, (ours, theirs)
        if "截断" in theirs:
            assert re.search(r"\bcut\b|truncat", ours), (ours, theirs)
    assert min(seen.values()) >= 1


def test_the_word_for_a_prompt_is_that_of_nothing_else():
    said = [(ours, theirs) for ours, theirs in pairs() if "提示" in theirs]
    assert len(said) >= 2 and [ours for ours, _ in said if "prompt" not in ours] == []


def test_the_glossary_is_whole_and_kept():
    (table,) = tables(Page.of("docs/zh/glossary.md").text)
    assert {row[i]: row[i + 1] for row in table for i in (0, 2)} == GLOSSARY
    pages = ["README.zh-CN.md", *(str(path) for path in ZH.rglob("*.md"))]
    said = "\n".join(Page.of(name).text for name in pages if "glossary" not in name)
    for term in ("rollout（采样轨迹）", "优势", "重要性采样比", "可验证奖励", "置信区间", "显存"):
        assert term in said, term
    assert [word for word in OTHER_WORDS if word in said] == []
