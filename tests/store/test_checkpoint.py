"""Checkpoints by themselves: what is written, what is found wrong, what is taken over."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from paceline.errors import UnfitCheckpointError
from paceline.objective import named
from paceline.run.session import restore
from paceline.store import checkpoint
from paceline.store.checkpoint import FoundCheckpoint, State
from paceline.store.rounds import write_round
from paceline.training import RolloutConfig, ScheduleConfig
from tests.helpers.checkpoints import other_schema
from tests.helpers.trainers import Keeps, Paid, noise, trainer_of, weights

RUN = "a run's id"


class Kept:
    """A trainer whose rounds are kept in a folder, and its checkpoints."""

    def __init__(self, folder, **options):
        self.folder, self.sha = folder, None
        options = {"schedule": ScheduleConfig(minibatches=2), "alpha": 0.5, "every": 1} | options
        self.trainer = trainer_of(named.grpo(kl=0.05), hooks=Keeps(self.keep), **options)

    def keep(self, round):
        trainer = self.trainer
        path = self.folder / f"round-{round.index}.parquet"
        tokenizer = trainer.policy.tokenizer
        self.sha = write_round(path, round, trainer.loss, tokenizer, trainer.steps + 1).sha256

    def state(self) -> State:
        _, numbers = checkpoint.split(self.trainer.state_dict())
        sha = None if self.trainer.used_up else self.sha
        return State(
            trainer=numbers, metrics_bytes=0, round=sha, line=None, seconds=1.5, fixed=None
        )

    def save(self):
        tensors, _ = checkpoint.split(self.trainer.state_dict())
        return checkpoint.write(self.folder, RUN, self.state(), tensors)

    def rollouts_of(self, index):
        return self.folder / f"round-{index}.parquet"

    def go_on(self, path):
        state = checkpoint.verify(path, RUN)
        restore(self.trainer, FoundCheckpoint(path, state), self)
        self.sha = state.round


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("steps", [2, 3], ids=["between-rounds", "within-a-round"])
def test_straight_on_equals_saved_and_taken_up_bit_for_bit(tmp_path, steps, dtype):
    straight, saved = Kept(tmp_path, dtype=dtype), Kept(tmp_path, dtype=dtype)
    for _ in range(5):
        straight.trainer.step()
    for _ in range(steps):
        saved.trainer.step()
    path = saved.save()
    resumed = Kept(tmp_path, dtype=dtype)
    resumed.go_on(path)
    for _ in range(5 - steps):
        resumed.trainer.step()
    same = zip(weights(straight.trainer), weights(resumed.trainer), strict=True)
    assert all(torch.equal(a, b) for a, b in same)
    references = (t.trainer.reference.exact_parameters() for t in (straight, resumed))
    assert all(torch.equal(a, b) for a, b in zip(*(r.values() for r in references), strict=True))
    moments = (t.trainer.learner.optimizer.moments() for t in (straight, resumed))
    assert all(torch.equal(a, b) for a, b in zip(*(m.values() for m in moments), strict=True))
    assert resumed.state() == straight.state()


def test_within_a_round_it_is_still_known_that_the_policy_is_the_reference(tmp_path):
    # Every reward is the same, so that no step changes anything, not after a stop either: the
    # second epoch packs the rows anew, and the reference has followed in the middle of the round.
    shape = {
        "schedule": ScheduleConfig(minibatches=2, epochs=2), "alpha": 1.0, "every": 1,
        "verifier": Paid(signal=False),
    }  # fmt: skip
    saved, resumed = Kept(tmp_path, **shape), Kept(tmp_path, **shape)
    before = weights(saved.trainer)
    saved.trainer.step()
    resumed.go_on(saved.save())
    resumed.trainer.learner.tokens_per_forward = 1  # less memory: every log-probability rounds anew
    reports = [resumed.trainer.step() for _ in range(3)]
    assert [r.update.grad_norm for r in reports] == [0, 0, 0]
    assert [(r.part, r.metrics.kl) for r in reports] == [(1, 0), (2, 0), (3, 0)]
    after = weights(resumed.trainer)
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_reference_that_followed_within_a_round_is_not_taken_for_the_one_that_scored_it(tmp_path):
    shape = {"schedule": ScheduleConfig(minibatches=2), "alpha": 1.0, "every": 1}
    straight, saved, resumed = (
        Kept(tmp_path, verifier=Paid(signal=True), **shape) for _ in range(3)
    )
    expected = [straight.trainer.step() for _ in range(2)][1]
    saved.trainer.step()
    resumed.go_on(saved.save())
    assert resumed.trainer.reference.equals(resumed.trainer.policy)
    report = resumed.trainer.step()
    assert report.metrics.kl == expected.metrics.kl > 0
    assert report.update == expected.update


def test_a_checkpoint_of_before_this_was_known_is_gone_on_from(tmp_path):
    kept = Kept(tmp_path)
    kept.trainer.step()
    state = kept.state()
    drawn = {k: v for k, v in state.trainer["drawn"].items() if k != "at_reference"}
    old = replace(state, trainer={**state.trainer, "drawn": drawn})
    path = checkpoint.write(tmp_path, RUN, old, checkpoint.split(kept.trainer.state_dict())[0])
    kept.go_on(path)
    assert not kept.trainer.at_reference
    kept.trainer.step()


def test_a_round_read_back_is_the_round(tmp_path):
    settings = RolloutConfig(
        problems=3, completions=4, max_tokens=5, mask_cut=True, accept="signal", max_draws=2
    )
    odd = lambda p, c: noise(p, c) * (int(p.answer) % 2)  # noqa: E731
    kept = Kept(tmp_path, rollouts=settings, verifier=odd)
    kept.trainer.step()
    before = kept.trainer.sampled
    again = Kept(tmp_path, rollouts=settings)
    again.go_on(kept.save())
    after = again.trainer.sampled
    assert after.refused == before.refused > 0 and after.lost == before.lost
    assert after.refused_accuracy == before.refused_accuracy is not None
    for old, new in zip(before.round.groups, after.round.groups, strict=True):
        assert old.prompt_ids == new.prompt_ids and old.draw == new.draw
        assert old.problem is new.problem
        for a, b in zip(old.rollouts, new.rollouts, strict=True):
            assert tuple(a.completion.token_ids) == b.completion.token_ids
            assert tuple(a.completion.logprobs) == b.completion.logprobs
            assert a.completion.text == b.completion.text and a.masked == b.masked
            assert (a.verdict.reward, a.verdict.solved) == (b.verdict.reward, b.verdict.solved)
    assert before.round.anchor == after.round.anchor and before.round.ref == after.round.ref


def test_the_files_are_safetensors_and_json(tmp_path):
    kept = Kept(tmp_path)
    kept.trainer.step()
    path = kept.save()
    read = load_file(path / "policy.safetensors")
    exact = kept.trainer.policy.exact_parameters()
    assert read.keys() == exact.keys()
    assert all(torch.equal(read[name], exact[name]) for name in exact)
    manifest = json.loads((path / "MANIFEST.json").read_text())
    assert manifest["step"] == 1 and manifest["run"] == RUN and manifest["schema"] == 1
    assert set(manifest["files"]) == {p.name for p in path.iterdir()} - {"MANIFEST.json"}
    for name, file in manifest["files"].items():
        assert (path / name).stat().st_size == file["size"]


def test_every_flipped_bit_of_the_small_files_is_found(tmp_path):
    kept = Kept(tmp_path)
    kept.trainer.step()
    path = kept.save()
    for name in ("MANIFEST.json", "state.json"):
        whole = (path / name).read_bytes()
        for place in range(len(whole)):
            for bit in range(8):
                broken = bytearray(whole)
                broken[place] ^= 1 << bit
                (path / name).write_bytes(broken)
                with pytest.raises(UnfitCheckpointError):
                    checkpoint.verify(path, RUN)
        (path / name).write_bytes(whole)
    assert checkpoint.verify(path, RUN) == kept.state()


def test_a_checkpoint_of_another_run_step_or_version_is_refused(tmp_path):
    kept = Kept(tmp_path)
    kept.trainer.step()
    path = kept.save()
    with pytest.raises(UnfitCheckpointError, match="another run"):
        checkpoint.verify(path, "another")
    renamed = path.with_name("step-000007")
    shutil.copytree(path, renamed)
    with pytest.raises(UnfitCheckpointError, match="it is of step 1, not of the step in its name"):
        checkpoint.verify(renamed, RUN)
    other_schema(path)
    with pytest.raises(checkpoint.OtherSchemaError, match="of schema 2, and this version of pace"):
        checkpoint.verify(path, RUN)


def test_what_does_not_fit_is_an_error_and_never_a_fresh_start(tmp_path):
    kept = Kept(tmp_path)
    kept.trainer.step()
    state, files = kept.state(), checkpoint.split(kept.trainer.state_dict())[0]
    first = next(iter(files["policy"]))
    moment = f"{first}.exp_avg"
    cases = (
        ("policy", first, "lacks"),
        ("optimizer", moment, "lacks"),
        ("optimizer", f"{first}.step", "lacks"),
        ("reference", first, "lacks"),
    )
    for i, (file, name, said) in enumerate(cases):
        cut = {k: dict(v) for k, v in files.items()}
        del cut[file][name]
        path = checkpoint.write(tmp_path / str(i), RUN, state, cut)
        with pytest.raises(UnfitCheckpointError, match=f"{file} {said} '{name}'"):
            Kept(tmp_path).go_on(path)
    none = {**files, "optimizer": {}}
    path = checkpoint.write(tmp_path / "none", RUN, state, none)
    with pytest.raises(UnfitCheckpointError, match="lacks"):
        Kept(tmp_path).go_on(path)
    other = {**files, "policy": {**files["policy"], first: torch.zeros(3)}}
    path = checkpoint.write(tmp_path / "shape", RUN, state, other)
    with pytest.raises(UnfitCheckpointError, match=r"in shape \(3,\), the model in"):
        Kept(tmp_path).go_on(path)
    path = checkpoint.write(
        tmp_path / "part", RUN, replace(state, trainer={**state.trainer, "part": 7}), files
    )
    with pytest.raises(UnfitCheckpointError, match="part 7 of a round, which has only 2"):
        Kept(tmp_path).go_on(path)


def test_a_problem_that_is_another_one_now_is_told(tmp_path):
    kept = Kept(tmp_path)
    kept.trainer.step()
    path = kept.save()
    other = Kept(tmp_path, seed=1)  # another order of the problems
    said = r"asked problem p\d+ at place 0, where the task has"
    with pytest.raises(UnfitCheckpointError, match=said):
        other.go_on(path)
