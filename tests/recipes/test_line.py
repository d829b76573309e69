"""The recipe of the whole line: its stages fit each other."""

from paceline import recipes
from paceline.analysis.compare.arms import arms_of_configs


def test_each_stage_reads_what_earlier_ones_leave():
    line = recipes.LINES["line"]()
    places, left = [str(stage.out) for stage in line.stages], set()
    for stage, place in zip(line.stages, places, strict=True):
        reads = {stage.model.path, getattr(stage.task, "path", ""), stage.rewards.model or ""}
        ours = {path.removesuffix("/model") for path in reads if path.startswith("runs/")}
        assert ours <= left
        left.add(place)
    assert [stage.name for stage in line.stages] == ["sft", "samples", "reward_model"]


def test_all_ways_behind_the_stages_begin_alike_and_all_are_measured_alike():
    line = recipes.LINES["line"]()
    arms = arms_of_configs(line.ways, {})
    assert [arm.label for arm in arms] == ["grpo alone", "grpo", "ppo", "dpo"]
    alone, *behind = [arm.config.model.path for arm in arms]
    assert alone == recipes.demo().model.path and set(behind) == {"runs/line/sft/model"}
    assert len({arm.config.evaluation for arm in arms}) == 1
    ppo, dpo = line.ways["ppo"], line.ways["dpo"]
    assert ppo.rewards.model == f"{line.stages[2].out}/model"
    assert (dpo.task.path, dpo.task.pairs) == (line.stages[1].out, True)
