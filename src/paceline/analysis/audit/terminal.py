"""An audit on the terminal."""

from pathlib import Path

from ...run.screen import Screen, printable
from ...text import counted, percent
from .model import Sampled
from .record import Audit
from .reward import Rewarded


def print_audit(made: Audit, screen: Screen, out: Path) -> None:
    """Print the probes, the model's sample, the findings and the verdict.

    Args:
        out: folder of the page, which is named at the end.
    """
    say = screen.say
    say(f"audit of {made.recipe}: {made.task}, {counted(made.training, 'problem')} to train on")
    _print_reward(made.reward, screen)
    if made.sampled is not None:
        _print_sampled(made.sampled, screen)
    say("")
    for finding in made.findings:
        say(f"{'!' if finding.bad else '·'} {finding.sentence}", "yellow" if finding.bad else "")
    say(made.verdict)
    say(f"page     {out / 'audit.html'}")


def _print_reward(reward: Rewarded, screen: Screen) -> None:
    say = screen.say
    say("what the reward pays for")
    for probe in reward.probes:
        mark = "ok " if probe.good else "BAD"
        say(
            f"  {mark} {probe.name:26} {probe.right:3} of {probe.asked:3} right, mean "
            f"{probe.reward:6.2f}"
        )
        if not probe.good:
            say(f"      {printable(probe.reason)}")
    say(
        f"  {counted(reward.calls, 'call')}, {reward.milliseconds:.1f} ms each, the longest "
        f"{reward.worst:.0f} ms"
    )


def _print_sampled(sampled: Sampled, screen: Screen) -> None:
    say = screen.say
    problems, completions = sampled.problems, sampled.completions
    of = f"{counted(problems, 'problem')} × {counted(completions, 'completion')}"
    say(f"what the model does ({of})")
    say(f"  right {percent(sampled.accuracy)}, {percent(sampled.lenient)} if form did not count")
    say(f"  cut   {percent(sampled.cut)}, {sampled.tokens:.0f} tokens on average")
    shown = ", ".join(
        f"{percent(share)} of groups of {size}" for size, share in sampled.predicted.items()
    )
    say(f"  signal in {percent(sampled.with_signal)} of groups; expected {shown}")
    say(f"  a step takes about {sampled.seconds:.0f} s")
