"""What filtering is worth, on a CPU: `python benchmarks/ablation.py FOLDER [SEEDS]`.

Draws one set of questions on clips of moving shapes: 500 on order, of whose truths two in five are
wrong; 300 on counts; 400 on order whose words give the answer away. Recipes loop-faithful and
loop-grounded make releases of it, and the same small model is trained on each with the same steps.
All models answer 400 new questions, greedily and by sampling. FOLDER should be new: clips are drawn
anew, and two of 1,200 were once encoded to other bytes, which made another release.
"""

import contextlib
import json
import runpy
import shutil
import sys
from pathlib import Path

from r1data.places import place
from r1data.train.loop import released
from r1data.train.moments import make_clips, write_clips
from r1data.train.tiny import make_tiny

ASKED = {"order": 500, "count": 300, "told": 400}
MISLABELLED = 0.4
RECIPES = ("loop-faithful", "loop-grounded")
RESULTS = Path(__file__).parent.resolve() / "results"
WORDS = (
    "red yellow green blue none so first is count is <think> </think> <answer> </answer> A B C D"
)


def main() -> None:
    """Draw, build, train and compare."""
    folder, seeds = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "3"
    folder.mkdir(parents=True, exist_ok=True)
    pipeline = place("pipelines").resolve() / "loop.py"
    with contextlib.chdir(folder):
        questions = write_clips(make_clips(ASKED, "ablation", MISLABELLED), Path(), "ablation")
        asked = [row["problem"] for row in json.loads(questions.read_text())]
        test = released(Path(), "held-out", 99, 200, 0.0)
        base = make_tiny("base", [f"{problem} {WORDS}" for problem in asked])
        for name, temperature in (("greedy", "0"), ("sampled", "1")):
            # the second pass finds builds and trainings done, and only asks anew
            sys.argv = ["loop.py", *RECIPES, "--model", str(base), "--test", str(test)]
            sys.argv += ["--seeds", seeds, "--temperature", temperature, "--out", "runs"]
            runpy.run_path(str(pipeline), run_name="__main__")
            for ending in ("json", "md", "png"):
                target = RESULTS / f"ablation-{name}.{ending}"
                shutil.copyfile(Path("runs") / f"results.{ending}", target)


if __name__ == "__main__":
    main()
