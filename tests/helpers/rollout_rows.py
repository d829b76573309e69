"""A row of a round's file."""

from dataclasses import replace

from paceline.store.rollout_row import RolloutRow

ROW = RolloutRow(
    round=3, step=4, draw=17, index=1, policy_version=3, problem_id="p", prompt="1+1?", answer="2",
    completion="2", parts="{}", reason="equals the expected answer", finish="stop",
    prompt_ids=[5, 6], token_ids=[7, 2], tokens=["2", ""], old=[-0.5, -0.25], anchor=None,
    ref=[-1.5, 0.0], advantage=[0.75], reward=1.0, correct=True, masked=False,
    special=[False, True],
)  # fmt: skip


def row_with(**changes):
    """The row with other values."""
    return replace(ROW, **changes)
