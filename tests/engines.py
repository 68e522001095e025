"""One recipe with everything, run on any engine in processes that can be killed.

`python tests/engines.py --engine ray --kills 30` kills by hand what the tests kill a few times.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
from endpoint import Endpoint, Reply, Server, completion

from r1data.building import release_digest

ENGINES = ("inline", "pool", "ray", "part")
PARTS = 3


def write_tables(folder: Path, rows: int) -> Path:
    """Draw pictures of small tables and ask for their sums, as TabMWP does; every ninth is the
    same picture and question as the one before it.
    """
    (folder / "pictures").mkdir(parents=True)
    questions = []
    for i in range(rows):
        same = i - 1 if i % 9 == 8 else i
        numbers = random.Random(same).choices(range(2, 60), k=4)
        picture = np.full((150, 210, 3), 255, np.uint8)
        for place, number in enumerate(numbers):
            at = (20, 32 * (place + 1))
            text = f"{'abcd'[place]}  {number}"
            cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 0, 0), 2)
        cv2.imwrite(str(folder / "pictures" / f"{i}.png"), picture)
        questions.append(
            {
                "problem_id": str(i),
                "problem": f"Table {same}: how much are {', '.join('abcd')} together?",
                "data_type": "image",
                "problem_type": "numerical",
                "options": [],
                "solution": f"<answer>{sum(numbers)}</answer>",
                "path": f"pictures/{i}.png",
                "data_source": "tables",
            }
        )
    path = folder / "questions.json"
    path.write_text(json.dumps(questions))
    return path


def write_recipe(folder: Path, url: str, clips: int = 12, tables: int = 20) -> Path:
    """Video, pictures, a probe, a teacher, and gather stages at the begin, the middle, the end."""
    questions = write_tables(folder / "tables", tables)
    recipe = folder / "all.yaml"
    recipe.write_text(
        "pipeline: demo\nname: all\nseed: 3\n"
        f"sources: {{shapes: {{rows: {clips}}}, tables: {{path: {questions}}}}}\n"
        "screen: {duplicates: true}\n"
        "probes: {model: small, blind: {n: 1}}\n"
        "teacher: {model: big, n: 2}\n"
        f"run: {{lanes: [{{url: '{url}', concurrency: 8}}]}}\n"
    )
    return recipe


def by_question(server: Server, payload: dict[str, Any]) -> Reply:
    """Answer each request in its own way, always the same, as if it were thought about."""
    said = payload["messages"][-1]["content"]
    text = said if isinstance(said, str) else said[-1]["text"]
    asked = json.dumps([payload["model"], text, payload.get("seed")])
    number = int(hashlib.sha256(asked.encode()).hexdigest(), 16)
    if "Table " in text:
        same = int(text.partition("Table ")[2].partition(":")[0])
        total = sum(random.Random(same).choices(range(2, 60), k=4))
        answer = str(total if number % 4 else total + 1)
    else:
        answer = "ABCD"[number % 4]
    return completion(f"<think>Let me see, {number % 97}.</think><answer>{answer}</answer>")


@contextmanager
def answering() -> Iterator[Endpoint]:
    """A teacher that takes a moment, so that kills meet requests in flight."""
    with Endpoint(Server(by_question, latency=0.05)) as endpoint:
        yield endpoint


def commands(recipe: Path, out: str | Path, engine: str, *more: str) -> list[list[str]]:
    """The command lines of one build: one, or one a part."""
    line = [sys.executable, "-m", "r1data", "build", str(recipe), "--out", str(out)]
    line += ["--engine", engine, "--workers", "2", *more]
    if engine != "part":
        return [line]
    return [[*line, "--part", f"{i}/{PARTS}"] for i in range(PARTS)]


def start(lines: list[list[str]], folder: Path) -> list[subprocess.Popen[bytes]]:
    """Start the processes of a build, each in a session of its own, as separate terminals."""
    processes = []
    for i, line in enumerate(lines):
        with (folder / f"out.{i}").open("ab") as told:
            processes.append(
                subprocess.Popen(line, cwd=folder, stdout=told, stderr=told, start_new_session=True)
            )
    return processes


def finish(lines: list[list[str]], folder: Path, seconds: float = 100) -> list[int]:
    """Run a build to its end; return the exit codes."""
    return [each.wait(seconds) for each in start(lines, folder)]


def family(processes: list[subprocess.Popen[bytes]]) -> list[psutil.Process]:
    """The drivers of a build and all that they started."""
    found = []
    for each in processes:
        try:
            driver = psutil.Process(each.pid)
            found += [driver, *driver.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
    return found


def kill_one(
    lines: list[list[str]], folder: Path, chance: random.Random, most: float, driver: bool
) -> str:
    """Start a build, kill one of its processes at some moment; return which.

    A driver takes its children with it; after the death of any other process the build goes on,
    for a while, until it is cut off.
    """
    processes = start(lines, folder)
    time.sleep(chance.uniform(0.5, most))
    living = family(processes)
    own = {each.pid for each in processes}
    chosen = [each for each in living if (each.pid in own) is driver] or living
    named = "nobody"
    if chosen:
        victim = chance.choice(chosen)
        try:
            named = victim.name()
            os.kill(victim.pid, signal.SIGKILL)
        except (ProcessLookupError, psutil.NoSuchProcess):
            named = "nobody"
    if not driver:
        time.sleep(chance.uniform(0.5, most / 2))
    for each in processes:
        each.kill()
        each.wait()
    return named


def gone(living: list[psutil.Process], seconds: float = 30) -> list[str]:
    """Wait for processes to end; return the names of those that did not."""
    _, alive = psutil.wait_procs(living, timeout=seconds)
    return [each.name() for each in alive]


def asked_twice(out: Path) -> int:
    """Count the requests that were paid for more than once; each part has a canary of its own."""
    keys = [
        json.loads(line)["request_sha256"]
        for path in out.glob("*/*.journal.jsonl")
        for line in path.read_bytes().splitlines()
        if b'"request_sha256"' in line and line.endswith(b"}") and b'"note"' not in line
    ]
    return len(keys) - len(set(keys))


def main() -> None:
    """Kill a build many times; print what was killed and whether the release is the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=ENGINES, default="pool")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--most", type=float, default=8.0)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    with answering() as endpoint, tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        recipe = write_recipe(folder, endpoint.url)
        whole = folder / "whole"
        assert finish(commands(recipe, whole, "pool"), folder, 400) == [0]
        out = folder / "killed"
        lines = commands(recipe, out, asked.engine)
        for number in range(asked.kills):
            named = kill_one(lines, folder, chance, asked.most, driver=number % 2 == 0)
            made = len(list(out.glob("[0-9].*/*.json")))
            print(f"{number}: killed {named}, {made} notes", flush=True)  # noqa: T201
        began = time.monotonic()
        codes = finish(lines, folder, 600)
        same = release_digest(out / "9.release") == release_digest(whole / "9.release")
        facts = {"engine": asked.engine, "kills": asked.kills, "codes": codes, "same": same}
        facts |= {"asked_twice": asked_twice(out), "last_s": round(time.monotonic() - began, 1)}
        print(json.dumps(facts))  # noqa: T201


if __name__ == "__main__":
    main()
