"""docs/objectives says what is: values, pictures, tables, figures, code."""

import importlib.util
import sys
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from paceline import objective as room
from paceline.config import objective_from
from paceline.objective import (
    CRITICS,
    GROUPS,
    KL,
    NAMES,
    OBJECTIVES,
    PAIRS,
    Gae,
    Link,
    Objective,
    SoftGate,
    ZScore,
    by_name,
)  # fmt: skip
from tests.helpers.markdown import DOCS, Page, plain, tables
from tests.helpers.peer_table import PEERS
from tests.helpers.peers import BETA, gradient, part, trl_rloo, update
from tests.helpers.rounds import make_round

INDEX = Page.of("docs/objectives/README.md")
MIGRATING = Page.of("docs/migrating.md")
EACH = {name: Page.of(f"docs/objectives/{name}.md") for name in NAMES}
CRITIC_PAGE = Page.of("docs/objectives/critics.md")
PAIR_PAGE = Page.of("docs/objectives/preferences.md")
BASELINE = "reinforce_pp(baseline=True)"


def rows(page: Page, title: str) -> list[list[str]]:
    """The rows of the one table of a section."""
    (table,) = tables(page.section(title))
    return [plain(row) for row in table]


def named_rows(page: Page, title: str) -> list[list[str]]:
    """The same where the first cell links to the page of its name."""
    return [[name.split("`")[1], *cells] for name, *cells in rows(page, title)]


def script(name: str) -> ModuleType:
    """A script that draws, as a module; its folder is on the path, as where it is run."""
    if str(DOCS) not in sys.path:
        sys.path.append(str(DOCS))
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def draw() -> ModuleType:
    return script("draw_objectives")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the file that the page writes."""
    (block,) = [block for block in INDEX.blocks if block.file == "mine.py"]
    (tmp_path / "mine.py").write_text(block.code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Every objective ------------------------------------------------------------------------------


def test_every_objective_has_its_page():
    pages = {path.stem for path in (DOCS / "objectives").glob("*.md")}
    assert pages == {"README", "critics", "preferences", *NAMES}
    assert [EACH[name].headings for name in NAMES] == [[(1, name)] for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_the_value_is_the_codes(name):
    values = [by_name(name)] + (
        [room.reinforce_pp(baseline=True)] if name == "reinforce_pp" else []
    )
    assert EACH[name].code("text") == [f"{value!r}\n" for value in values]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_tells_all_that_it_should(name):
    said = EACH[name].text
    assert said.count("$$") in (2, 4) and (f"]({name}.svg)" in said) == (name in GROUPS)
    for what in ("When", "Defaults", "Traps", "Elsewhere"):
        assert said.count(f"**{what}.**") == 1, what
    assert ("**Against GRPO.**" in said) == (name in GROUPS and name != "grpo")
    assert ("**What it is.**" in said) == (name not in GROUPS or name == "grpo")


def test_the_pictures_are_what_the_scripts_draw(draw):
    drawn = draw.pictures()
    for name in ("preferences", "critics"):
        drawn[name] = script(f"draw_{name}").picture()
    assert {path.stem for path in draw.FOLDER.glob("*.svg")} == set(drawn)
    for name, text in drawn.items():
        stored = (draw.FOLDER / f"{name}.svg").read_bytes()
        assert stored == text.encode(), f"{name}.svg has changed: run the script that draws it"


def test_what_is_drawn_of_a_clip_is_what_a_clip_does(draw):
    line = draw.line(room.grpo(), 1.0, draw.COMMON)
    # At A = 1 a ratio of 0.5 gains 0.5, which is 0.5 less than at 1; above 1.2 nothing more.
    gain = dict(zip(line.ratios, zip(line.gains, line.slopes, strict=True), strict=True))
    assert gain[0.5] == pytest.approx((-0.5, 0.5)) and gain[2.0] == pytest.approx((0.2, 0.0))
    assert [line.ratios[i] for i in line.jumps] == pytest.approx([1.2])


# Tables and figures ---------------------------------------------------------------------------


def test_the_table_of_advantages_is_computed():
    round = make_round([[1.0, 0.0, 0.0, 0.0]], [[30, 10, 10, 10]])
    for value, _, first, other in rows(INDEX, "Advantage"):
        advantage = eval(value, vars(room))
        assert repr(advantage) == value
        a = advantage(round)
        a_B = (a if a.ndim == 1 else a[:, 0]).tolist()
        assert len(set(a_B[1:])) == 1
        said = [float(cell.replace("−", "-")) for cell in (first, other)]
        assert said == pytest.approx(a_B[:2], abs=0.005), value
    assert {repr(make().advantage) for make in GROUPS.values()} <= {
        row[0] for row in rows(INDEX, "Advantage")
    }


def test_the_table_of_weights_is_computed():
    table = rows(INDEX, "Weight")
    # Two groups of two, of 1 and 3, 2 and 4 tokens: the row of 3 has T/N = 3/10 in all.
    lengths, group_B = torch.tensor([1, 3, 2, 4]), torch.tensor([0, 0, 1, 1])
    mask_BT = torch.arange(4) < lengths.unsqueeze(1)
    letters = {"T": 3, "N": 10, "B": 4, "L": 8, "tokens_of_its_group": 4, "groups": 2}
    for value, token, completion in table:
        w_BT = eval(value, {**vars(room), "L": 8})(mask_BT, group_B)
        for said, actual in ((token, w_BT[1, 0]), (completion, w_BT[1].sum())):
            formula = said.replace("tokens of its group", "tokens_of_its_group").replace("·", "*")
            assert eval(formula, letters) == pytest.approx(actual.item()), (value, said)
    assert len(table) == 5


def test_the_objectives_side_by_side_are_the_codes():
    table = rows(INDEX, "Side by side")
    assert [row[0] for row in table if row[0] != BASELINE] == list(GROUPS)
    for name, *said in table:
        make: Any = GROUPS[name.partition("(")[0]]
        options = {"baseline": True} if name == BASELINE else {}
        value, kl = make(**options), make(kl=0.1, **options).kl
        parts = [repr(p) for p in (value.advantage, value.ratio, value.surrogate, value.weight)]
        if parts[2] == "LogProb()":
            parts[1] = "–"
        assert kl is not None and said == [*parts, f"{kl.form}, {kl.where}"], name


def test_those_with_a_critic_are_the_codes():
    table = named_rows(INDEX, "With a critic")
    assert [row[0] for row in table] == list(CRITICS)
    for name, _, advantage, surrogate, kl in table:
        make: Any = CRITICS[name]
        value = make()
        assert [repr(value.advantage), repr(value.surrogate)] == [advantage, surrogate]
        assert repr(value.weight) == "PerToken()" and repr(value.ratio) == "TokenRatio()"
        penalty = value.kl if name == "trpo" else make(kl=0.1).kl
        place = " to the anchor" if penalty.to == "anchor" else f", {penalty.where}"
        assert kl == f"{penalty.form}{place}", name


def test_those_from_given_answers_are_the_codes():
    table = named_rows(INDEX, "From given answers")
    assert [row[0] for row in table] == [n for n in NAMES if n not in {*GROUPS, *CRITICS}]
    for name, _, learns, told in table:
        value = by_name(name)
        assert f"`{type(value).__name__}" in told
        if isinstance(value, Objective):
            assert told == f"an `Objective` of `{value.advantage!r}` and `{value.surrogate!r}", name
        assert ("without a reference" in learns) == (name in PAIRS and not value.needs_reference), (
            name
        )


def test_the_line_is_the_codes():
    table = named_rows(CRITIC_PAGE, "The line")
    assert [row[0] for row in table] == ["reinforce", "rloo", *CRITICS, "grpo"]
    for name, advantage, surrogate, _ in table:
        value = OBJECTIVES[name]()
        assert [repr(value.advantage), repr(value.surrogate)] == [advantage, surrogate]


def test_the_advantages_of_three_tokens_are_computed():
    round = make_round([[1.0]], [[3]], values=((0.5, 0.25, 0.75),))
    table = rows(CRITIC_PAGE, "The advantage")
    assert [row[0] for row in table] == ["0", "0.5", "1"]
    for lam, *said in table:
        found = [float(cell.replace("−", "-")) for cell in said]
        assert found == Gae(1.0, float(lam))(round)[0].tolist(), lam


def test_losses_of_pairs_are_the_codes():
    table = next(iter(tables(PAIR_PAGE.text)))
    assert [plain(row)[0] for row in table] == list(PAIRS)
    for name, _, link, beta, length, reference, besides in map(plain, table):
        value = PAIRS[name]()
        assert (repr(value.link), value.length) == (link, length) and value.beta == float(beta)
        assert value.reference == (reference == "yes")
        extra = {"margin": value.margin, "likelihood": value.likelihood}
        told = [f"{key} {number:g}" for key, number in extra.items() if number] or ["–"]
        assert [besides] == told, name


def test_losses_and_slopes_of_links_are_computed():
    table = rows(PAIR_PAGE, "From a difference to a loss")
    assert len(table) == 5
    for text, _, *said in table:
        link: Link = eval(text, vars(room))
        delta_P = torch.tensor([0.0, 5.0], dtype=torch.float64, requires_grad=True)
        loss_P = link(0.1 * delta_P, 0.1)
        (slope_P,) = torch.autograd.grad(loss_P.sum(), delta_P)
        numbers = [float(cell.replace("−", "-")) for cell in said]
        actual = [loss_P[0], slope_P[0], loss_P[1], slope_P[1]]
        assert numbers == pytest.approx([x.item() for x in actual], abs=6e-4), text


def test_other_projects_switches_are_those_that_test_peers_holds_to_ours():
    found = tables(MIGRATING.section("Objectives"))
    for trainer, table in zip(("TRL", "verl", "OpenRLHF"), found, strict=True):
        held = [[peer.switches, peer.ours] for peer in PEERS if peer.trainer == trainer]
        assert [plain(row) for row in table] == held, trainer


def test_it_is_said_which_rows_of_another_project_have_their_kl_in_the_reward():
    # "In the loss, … the rows with `adv_estimator=grpo` … . In the reward, … those with `rloo` …"
    said = " ".join(MIGRATING.section("Objectives").split())
    loss, reward = said.partition("In the loss, ")[2].split("In the reward, ")
    reward = reward.partition("so is the KL of OpenRLHF's row.")
    assert reward[1]
    for peer in PEERS:
        named = dict(switch.split("=") for switch in peer.switches.split(", ") if "=" in switch)
        match peer.trainer:
            case "TRL":
                assert peer.kl == ("k3", "loss")
                assert "`beta` of TRL's `GRPOConfig` is `KL(β, weighted=True)`" in loss
            case "verl":
                # "A row with loss_mode alone has adv_estimator=grpo beside it."
                estimator = named.get("adv_estimator", "grpo")
                in_reward = f"`{estimator}`" in reward[0]
                assert in_reward != (f"`adv_estimator={estimator}`" in loss)
                assert peer.kl == (("k1", "reward") if in_reward else ("k3", "loss"))
            case "OpenRLHF":
                assert peer.kl == ("k1", "reward")
    for value in ("rloo", "opo", "reinforce_pp"):
        assert objective_from(f"{value}(kl={BETA})").kl == KL(BETA, "k1", "reward")


def test_figures_in_the_text():
    said = " ".join(" ".join(page.text for page in EACH.values()).split())
    one, four = (ZScore()(make_round([[1.0] * n + [0.0] * (8 - n)]))[0].item() for n in (1, 4))
    assert f"advantage of {one:.2f}, and each of four right ones {four:.2f}" in said
    rewards = make_round([[1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]])
    share = (ZScore(ddof=0)(rewards) / ZScore(ddof=1)(rewards))[0].item() - 1
    assert f"groups of 8 larger by {100 * share:.0f} %" in said
    low, high = room.gspo().surrogate.widths  # type: ignore[attr-defined]
    for tokens, digits in ((1000, 2), (10, 3)):
        bounds = [f"{(1 + width) ** tokens:.{digits}f}" for width in (-low, high)]
        assert " or ".join(bounds) in said
    range_ = [f"{torch.tensor(x).exp():.2f}" for x in (-0.4, 0.4)]
    assert " to ".join(range_) in said


def test_the_gate_of_sapo_is_as_wide_as_told():
    ratio_P = torch.linspace(1, 5, 4001, dtype=torch.float64)
    log_ratio_BT = ratio_P[None].log().requires_grad_()
    gain_BT = SoftGate(1.0, 1.05)(log_ratio_BT, torch.ones_like(log_ratio_BT))
    (slope_BT,) = torch.autograd.grad(gain_BT.sum(), log_ratio_BT)
    slope_P = slope_BT[0]
    top = int(slope_P.argmax())
    back = ratio_P[top:][slope_P[top:] < 1][0]
    told = f"grows to {slope_P[top]:.2f} at ratio {ratio_P[top]:.2f}, and it is back at 1 only at"
    assert f"{told} {back:.1f}" in " ".join(EACH["sapo"].text.split())


# Code -------------------------------------------------------------------------------


def test_the_first_lines_hold():
    for page in (INDEX, CRITIC_PAGE, PAIR_PAGE):
        exec(page.code("python")[0], {})


def test_an_objective_of_ones_own_is_short_and_is_trls_rloo(folder):
    code = (folder / "mine.py").read_text(encoding="utf-8")
    assert len([line for line in code.splitlines() if line.strip()]) <= 15
    objective = objective_from("mine.py:clipped_rloo")
    assert "ratio=WholeRatio()" in repr(objective)
    with_kl = replace(objective, kl=room.KL(BETA, "k1", "reward"))
    for value, beta in ((objective, 0.0), (with_kl, BETA)):
        for seed in range(3):
            d = part(seed, cut=False)
            ours, theirs = update(value, d), trl_rloo(d, beta)
            assert_close(ours, theirs, rtol=1e-9, atol=1e-10)
            slope_BT = gradient(theirs, d)
            assert slope_BT.abs().max() > 1e-4
            assert_close(gradient(ours, d), slope_BT, rtol=1e-9, atol=1e-10)
