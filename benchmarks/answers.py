"""Tricky answers: what paceline says of each, and what math-verify alone says.

    python benchmarks/answers.py

The pairs and the right verdicts are those of tests/verify/pairs.jsonl, made by hand. math-verify is
called as its documentation shows, `verify(parse(expected), parse(answer))` on boxed text, with its
default time limits.
"""

import argparse
import json
import time
from pathlib import Path

from common import HERE
from math_verify import parse, verify

from paceline.verify.symbolic import equal

PAIRS = HERE.parent / "tests" / "verify" / "pairs.jsonl"


def alone(expected: str, answer: str) -> bool:
    """math-verify by itself."""
    return bool(verify(parse(f"\\boxed{{{expected}}}"), parse(f"\\boxed{{{answer}}}")))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--all", action="store_true", help="print every pair, not only mistakes")
    parser.add_argument("--json", type=Path, help="write the verdicts here")
    args = parser.parse_args()
    pairs = [json.loads(line) for line in PAIRS.read_text(encoding="utf-8").splitlines()]
    found = []
    for pair in pairs:
        started = time.perf_counter()
        ours, reason = equal(pair["answer"], pair["expected"])
        middle = time.perf_counter()
        theirs = alone(pair["expected"], pair["answer"])
        found.append(
            {
                **pair,
                "paceline": ours,
                "reason": reason,
                "math_verify": theirs,
                "seconds": [middle - started, time.perf_counter() - middle],
            }
        )
    print(f"{'expected':34}{'answer':44}{'right':>6}{'paceline':>10}{'math-verify':>12}")
    for f in found:
        if args.all or not f["right"] == f["paceline"] == f["math_verify"]:
            marks = ["yes" if f[k] else "no" for k in ("right", "paceline", "math_verify")]
            print(
                f"{f['expected'][:33]:34}{f['answer'][:43]:44}{marks[0]:>6}{marks[1]:>10}{marks[2]:>12}"
            )
    for name in ("paceline", "math_verify"):
        accepts = sum(f[name] and not f["right"] for f in found)
        rejects = sum(f["right"] and not f[name] for f in found)
        slowest = max(f["seconds"][name == "math_verify"] for f in found)
        print(
            f"{name:12} {accepts} wrong answers accepted, {rejects} right ones rejected, of "
            f"{len(found)}; the slowest took {slowest:.1f} s"
        )
    if args.json:
        args.json.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n")


if __name__ == "__main__":
    main()
