"""loop: what datasets are worth, measured by what they train.

    python pipelines/loop.py --model BASE --test RELEASE --out DIR RECIPE RECIPE ...

Every recipe is built, the same base is trained on each release with the same config and seeds, and
all of them answer the same test. Recipes are the only thing that differs.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from r1data.console import say
from r1data.train.compare import Result, measure, write_results
from r1data.train.config import load_config
from r1data.train.loop import build_whole
from r1data.train.run import train


def main() -> None:
    """Build, train, test and compare."""
    args = arguments().parse_args()
    config, results, built = load_config(args.config, args.set), list[Result](), list[Path]()
    for recipe in args.recipes:
        name = Path(recipe).stem
        # an answer that one recipe paid for is not asked for again by the next
        done = build_whole(recipe, out=args.out / "builds" / name, reuse=built)
        built.append(done.path)
        for seed in range(args.seeds):
            # the budget is the config's steps, not passes: a larger release gets no more of them
            seeded, out = replace(config, seed=seed), args.out / f"{name}-{seed}"
            model = train(args.phase, done.release, args.model, seeded, out).model
            # every answer is kept right or wrong by question, so that runs compare in pairs
            asked = measure(name, done.release, model, args.test, seeded, args.temperature)
            results.append(asked)
    # intervals over questions and seeds together: few seeds alone would promise too much
    settings = vars(args) | {"config": config.facts()}
    say(write_results(results, args.out, settings))


def arguments() -> argparse.ArgumentParser:
    """Return what can be asked for."""
    form = argparse.RawTextHelpFormatter
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    ask.add_argument("recipes", nargs="+", help="two or more recipes; the first is compared with")
    ask.add_argument("--model", required=True, help="the base that every run begins with")
    ask.add_argument("--test", required=True, help="a release that no recipe draws from")
    ask.add_argument("--config", default="tiny-cpu", help="a training config")
    ask.add_argument("--set", action="append", default=[], help="change the config: key.key=value")
    ask.add_argument("--phase", default="sft", choices=("sft", "grpo"))
    ask.add_argument("--seeds", type=int, default=3)
    ask.add_argument("--temperature", type=float, default=0.0, help="of the test's answers")
    ask.add_argument("--out", required=True, type=Path)
    return ask


if __name__ == "__main__":
    main()
