"""Pages of documentation, read for the tests: headings, code, tables, links."""

import re
import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FILE = re.compile(r"# ([\w-]+\.(?:py|toml|jsonl))\n")
"""The first line of a block that is a file of its own."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    Example: Block("python", "# mine.py\\nimport paceline\\n", "mine.py")
    """

    language: str
    code: str
    file: str | None = None
    """The file that it is, by its first line; None where it is none."""


@dataclass(frozen=True)
class Page:
    """A Markdown page.

    Example: Page.of("docs/data.md").section("Files")
    """

    path: Path
    text: str

    @classmethod
    def of(cls, name: str | Path) -> "Page":
        """A page by its path from the root of the repository."""
        path = ROOT / name
        return cls(path, path.read_text(encoding="utf-8"))

    @property
    def name(self) -> str:
        """Its path from the root of the repository."""
        return str(self.path.relative_to(ROOT))

    @cached_property
    def blocks(self) -> list[Block]:
        """Every fenced block, in order."""
        found = re.findall(r"^```(\w*)\n(.*?)^```$", self.text, re.M | re.S)
        named = [(language, code, FILE.match(code)) for language, code in found]
        return [Block(language, code, file and file[1]) for language, code, file in named]

    def code(self, language: str) -> list[str]:
        """The blocks of one language."""
        return [block.code for block in self.blocks if block.language == language]

    @cached_property
    def prose(self) -> str:
        """The text without fenced blocks."""
        return re.sub(r"^```.*?^```$", "```", self.text, flags=re.M | re.S)

    @cached_property
    def inline(self) -> list[str]:
        """Whatever stands in single backticks."""
        return re.findall(r"`([^`\n]+)`", self.prose)

    @cached_property
    def headings(self) -> list[tuple[int, str]]:
        """(level, title) of every heading."""
        return [(len(m), title) for m, title in re.findall(r"^(#+) (.+)$", self.prose, re.M)]

    @cached_property
    def anchors(self) -> set[str]:
        """What a link may name behind its #."""
        titles = [title for _, title in self.headings]
        return {re.sub(r"[^\w\s-]", "", title.lower()).replace(" ", "-") for title in titles}

    @cached_property
    def links(self) -> list[str]:
        """The target of every link and picture."""
        return re.findall(r"\]\(([^)\s]+)\)", re.sub("`[^`\n]*`", "``", self.prose))

    def section(self, title: str) -> str:
        """What stands under a heading, up to the next one of its level or above."""
        found = [level for level, other in self.headings if other == title]
        assert len(found) == 1, f"{self.name} must have one heading '{title}'"
        mark = "#" * found[0]
        pattern = rf"^{mark} {re.escape(title)}\n(.*?)(?=^#{{1,{found[0]}}} |\Z)"
        return re.findall(pattern, self.text, re.M | re.S)[0]

    def commands(self) -> list[str]:
        """Every command line of its bash blocks, and ours in its backticks, without comments."""
        lines = [
            line for code in self.code("bash") for line in code.replace("\\\n", "").splitlines()
        ]
        lines += [code for code in self.inline if code.startswith("paceline ")]
        parted = [shlex.split(line, comments=True) for line in lines]
        return [shlex.join(words) for words in parted if words]


def pages() -> list[Page]:
    """Every page of the project but the dated records."""
    names = ["README.md", "README.zh-CN.md", "CONTRIBUTING.md"]
    names += [str(path.relative_to(ROOT)) for path in sorted(DOCS.rglob("*.md"))]
    return [Page.of(name) for name in names]


def tables(text: str) -> list[list[list[str]]]:
    """The rows of every table, without its head; cells as they are written."""
    found: list[list[list[str]]] = []
    for block in re.findall(r"(?:^\|.*(?:\n|\Z))+", text, re.M):
        rows = [re.split(r"(?<!\\)\|", line.strip()[1:-1]) for line in block.splitlines()]
        found.append([[cell.strip() for cell in row] for row in rows[2:]])
    return found


def plain(cells: list[str]) -> list[str]:
    """Cells without their backticks."""
    return [cell.strip("` ") for cell in cells]


def numbers(text: str) -> list[str]:
    """Every number of a text, as it is written."""
    return re.findall(r"\d+(?:[.,]\d+)*(?:e-\d+)?", text)


def no_comments(code: str) -> str:
    """Code without comments and empty lines."""
    lines = (re.sub(r"(^|\s+)#.*$", "", line).rstrip() for line in code.splitlines())
    return "\n".join(line for line in lines if line)
