"""Output of `paceline sandbox test`."""

import statistics
import time
from itertools import groupby

from ..errors import SandboxError
from ..terminal import print_json, print_line
from ..verify.programs.sandbox.sandbox import Sandbox, Tier
from ..verify.programs.sandbox.trial import AttackResult, suite

TIMED_PROGRAMS = 20
"""Number of programs that are timed; each prints one word."""


def print_suite(tier: Tier, *, as_json: bool = False) -> None:
    """Run every attack against the sandbox of a tier, and print what came of it.

    Raises: SandboxError where one got through, or no sandbox works here.
    """
    sandbox = Sandbox(tier)
    if as_json:
        found = list(suite(sandbox))
        print_json(_record(sandbox.wall, found, _median_seconds(sandbox)), indent=2)
    else:
        found = _print_attacks(sandbox)
        print_line(f"a program that prints one word takes {1e3 * _median_seconds(sandbox):.0f} ms")
    _refuse_breaches(sandbox.wall, found)


def _print_attacks(sandbox: Sandbox) -> list[AttackResult]:
    """Print the result of each kind of attack as soon as it is known, and what got through."""
    print_line(f"sandbox: {sandbox.wall}")
    found: list[AttackResult] = []
    for kind, tried in groupby(suite(sandbox), key=lambda t: t.attack.kind):
        of_kind = list(tried)
        found += of_kind
        held = sum(not t.breach for t in of_kind)
        print_line(f"  {kind:12}{held:3} of {len(of_kind):3} contained")
        for t in of_kind:
            if t.breach:
                print_line(f"    {t.attack.name}: {t.breach}")
    print_line(f"{sum(not t.breach for t in found)} of {len(found)} attacks contained")
    return found


def _refuse_breaches(wall: str, found: list[AttackResult]) -> None:
    breaches = [t for t in found if t.breach]
    if breaches:
        raise SandboxError(
            f"{len(breaches)} of {len(found)} attacks got through the sandbox ({wall}), the first "
            f"is '{breaches[0].attack.name}', which {breaches[0].breach}; do not run generated "
            "code on this machine, and please report it."
        )


def _median_seconds(sandbox: Sandbox) -> float:
    return statistics.median(_seconds(sandbox) for _ in range(TIMED_PROGRAMS))


def _seconds(sandbox: Sandbox) -> float:
    started = time.perf_counter()
    sandbox.run("print('word')")
    return time.perf_counter() - started


def _record(wall: str, found: list[AttackResult], seconds: float) -> dict[str, object]:
    return {
        "wall": wall,
        "attacks": len(found),
        "contained": sum(not t.breach for t in found),
        "seconds_per_program": seconds,
        "tried": [
            {
                "kind": t.attack.kind,
                "name": t.attack.name,
                "breach": t.breach or None,
                "outcome": t.result.outcome,
                "reason": t.result.reason,
                "seconds": round(t.result.seconds, 3),
            }
            for t in found
        ],
    }
