"""The closed loop on a CPU for several seeds: `python benchmarks/train.py [SEED ...]`.

Appends one line a seed to benchmarks/results/loop.jsonl and prints the table of docs/training.md.
"""

import json
import sys
import tempfile
from pathlib import Path

from r1data.train.loop import close_loop

RESULTS = Path(__file__).parent / "results" / "loop.jsonl"
STAGES = ("before", "after_sft", "prolonged_sft", "after_rl", "shuffled")


def main() -> None:
    """Run what is asked for, and print all that is there."""
    for seed in map(int, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as folder:
            found = close_loop(Path(folder), seed)
        with RESULTS.open("a") as file:
            file.write(json.dumps(found) + "\n")
    print("| wrong truths | seed | kind | " + " | ".join(STAGES) + " |")
    print("|---" * (len(STAGES) + 3) + "|")
    for line in RESULTS.read_text().splitlines():
        found = json.loads(line)
        for kind in found["held_out"]:
            cells = " | ".join(f"{found[stage][kind]:.3f}" for stage in STAGES)
            share = found["settings"]["mislabelled"]
            print(f"| {share} | {found['seed']} | {kind} | {cells} |")


if __name__ == "__main__":
    main()
