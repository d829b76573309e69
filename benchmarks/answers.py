"""Tricky answers: what paceline says of each, and what math-verify alone says.

    python benchmarks/answers.py

The pairs and the right verdicts are those of tests/verify/answers/pairs.jsonl, made by hand; a
table by kind comes last. math-verify is called as its documentation shows, `verify(parse(expected),
parse(answer))` on boxed text, with its default time limits.
"""

import argparse
import json
import time
from pathlib import Path

from common import HERE
from math_verify import parse, verify

from paceline.verify.answers.symbolic import equal

PAIRS = HERE.parent / "tests" / "verify" / "answers" / "pairs.jsonl"


def alone(expected: str, answer: str) -> bool:
    """math-verify by itself."""
    return bool(verify(parse(f"\\boxed{{{expected}}}"), parse(f"\\boxed{{{answer}}}")))


def judged(pair: dict) -> dict:
    """A pair with both verdicts and their times."""
    started = time.perf_counter()
    ours, reason = equal(pair["answer"], pair["expected"])
    middle = time.perf_counter()
    theirs = alone(pair["expected"], pair["answer"])
    seconds = {"paceline": middle - started, "math_verify": time.perf_counter() - middle}
    return {**pair, "paceline": ours, "reason": reason, "math_verify": theirs, "seconds": seconds}


def mistakes(found: list[dict], name: str) -> tuple[int, int]:
    """(wrong answers accepted, right ones rejected)"""
    return (
        sum(f[name] and not f["right"] for f in found),
        sum(f["right"] and not f[name] for f in found),
    )


def print_pairs(found: list[dict], every: bool) -> None:
    print(f"{'expected':34}{'answer':44}{'right':>6}{'paceline':>10}{'math-verify':>12}")
    for f in found:
        if every or not f["right"] == f["paceline"] == f["math_verify"]:
            right, ours, theirs = (
                "yes" if f[name] else "no" for name in ("right", "paceline", "math_verify")
            )
            answer = f["answer"][:43]
            print(f"{f['expected'][:33]:34}{answer:44}{right:>6}{ours:>10}{theirs:>12}")


def print_kinds(found: list[dict]) -> None:
    """Mistakes by kind: accepted though wrong / rejected though right."""
    print(f"\n{'kind':40}{'pairs':>6}{'paceline':>10}{'math-verify':>12}")
    for kind in sorted({f["kind"] for f in found}):
        rows = [f for f in found if f["kind"] == kind]
        ours, theirs = ("{}/{}".format(*mistakes(rows, n)) for n in ("paceline", "math_verify"))
        print(f"{kind:40}{len(rows):>6}{ours:>10}{theirs:>12}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--all", action="store_true", help="print every pair, not only mistakes")
    parser.add_argument("--json", type=Path, help="write the verdicts here")
    args = parser.parse_args()
    found = [judged(json.loads(line)) for line in PAIRS.read_text(encoding="utf-8").splitlines()]
    print_pairs(found, args.all)
    print_kinds(found)
    for name in ("paceline", "math_verify"):
        accepts, rejects = mistakes(found, name)
        times = sorted(f["seconds"][name] for f in found)
        print(
            f"{name:12} {accepts} wrong answers accepted, {rejects} right ones rejected, of "
            f"{len(found)}; median {1000 * times[len(times) // 2]:.1f} ms, "
            f"slowest {times[-1]:.1f} s"
        )
    if args.json:
        args.json.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n")


if __name__ == "__main__":
    main()
