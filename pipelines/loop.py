"""loop: what datasets are worth, measured by what they train.

    python pipelines/loop.py --model BASE --test RELEASE --out DIR RECIPE RECIPE ...

Every recipe is built, the same base is trained on each release with the same config and seeds, and
all of them answer the same test. Recipes are the only thing that differs.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from r1data import build
from r1data.console import say
from r1data.train.compare import Result, draw, measure, table
from r1data.train.config import load_config
from r1data.train.run import train


def main() -> None:
    """Build, train, test and compare."""
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    ask.add_argument("recipes", nargs="+", help="two or more recipes")
    ask.add_argument("--model", required=True, help="the base that every run begins with")
    ask.add_argument("--test", required=True, help="a release that no recipe draws from")
    ask.add_argument("--config", default="tiny-cpu", help="a training config")
    ask.add_argument("--phase", default="sft", choices=("sft", "grpo"))
    ask.add_argument("--seeds", type=int, default=3)
    ask.add_argument("--out", required=True, type=Path)
    args = ask.parse_args()
    config, results = load_config(args.config), list[Result]()
    for recipe in args.recipes:
        name = Path(recipe).stem
        # answers that were paid for count again: this builds nothing that is there
        release = build(recipe, out=args.out / "builds" / name).release
        for seed in range(args.seeds):
            # the budget is the config's steps, not passes: a larger release gets no more of them
            seeded, out = replace(config, seed=seed), args.out / f"{name}-{seed}"
            model = train(args.phase, release, args.model, seeded, out).model
            # every answer is kept right or wrong by question, so that runs compare in pairs
            results.append(measure(name, seed, model, args.test, seeded))
    lines = [json.dumps(each._asdict()) for each in results]
    (args.out / "results.jsonl").write_text("\n".join(lines) + "\n")
    # intervals over questions and seeds together: few seeds alone would promise too much
    say(table(results))
    draw(results, args.out / "results.png")


if __name__ == "__main__":
    main()
