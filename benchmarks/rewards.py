"""How fast is the verifier? `python benchmarks/rewards.py [--items 10000] [--lines 260000]`.

Both presets against a plain implementation of the published rules (regular expressions, a
rouge-score scorer a call, the word error rate as a table in Python) on the same made-up
completions, one core, interleaved, median of the rounds. The first round of every preset is cold:
no word has been stemmed, no number read. Then a whole file: reading, parsing, scoring, writing.
"""

import argparse
import json
import math
import random
import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from rouge_score import rouge_scorer

from r1data.rewards import verify
from r1data.rewards.lines import judged, read_rows, score_file

TYPES = ("multiple choice", "numerical", "regression", "OCR", "free-form")
# Shares of the five types among Video-R1's rows, roughly
MIX = {"multiple choice": 50, "numerical": 17, "free-form": 17, "OCR": 8, "regression": 8}
GOALS = {"free-form": 20, "OCR": 15, "mix": 10}
CANONICAL_MIX_GOAL = 5
LINES_GOAL = 40_000

WORD_LIST = """the a man woman child dog cat ball table chair street window door kitchen camera
moves
walks runs opens closes picks puts holds turns reads looks then while before after because toward
left right up down red blue green yellow white black small large two three first second finally
slowly quickly standing sitting jumping playing cooking driving carrying wearing several people
scene shows appears object question option answer video frame number total"""
WORDS = WORD_LIST.split()

Row = dict[str, str]


def plain_verdict(problem_type: str, solution: str, completion: str) -> float:
    """Score one completion by the published rules in the most direct way."""
    answer, truth = plain_answer(completion), plain_answer(solution)
    if problem_type == "multiple choice":
        return float(answer == truth)
    if problem_type == "OCR":
        return max(0.0, 1 - plain_wer(truth, answer))
    if problem_type == "free-form":
        scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
        scores = scorer.score(truth, answer)
        return sum(score.fmeasure for score in scores.values()) / 3
    wanted, given = plain_float(truth), plain_float(answer)
    if wanted is None or given is None:
        return 0.0
    if problem_type == "numerical":
        same_form = any(c in truth for c in ".,") == any(c in answer for c in ".,")
        return float(same_form and round(wanted, 2) == round(given, 2))
    error = (abs(given - wanted) + 1e-9) / (abs(wanted) + 1e-9)
    return 1 - min(1.0, max(0.0, error))


def plain_answer(text: str) -> str:
    match = re.search(r"<answer>\s*(.*?)\s*</answer>", text, re.DOTALL)
    return match.group(1).strip() if match else ""


def plain_float(text: str) -> float | None:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def plain_wer(truth: str, answer: str) -> float:
    wanted, given = truth.split(), answer.split()
    above = list(range(len(given) + 1))
    for row, word in enumerate(wanted, start=1):
        line = [row]
        for column, other in enumerate(given, start=1):
            change = above[column - 1] + (word != other)
            line.append(min(change, above[column] + 1, line[-1] + 1))
        above = line
    return above[-1] / max(1, len(wanted))


def sentence(rng: random.Random, count: int) -> str:
    return " ".join(rng.choices(WORDS, k=max(1, count)))


def near_copy(rng: random.Random, text: str) -> str:
    """Change about one word in ten, as a model does that is nearly right."""
    words = [
        rng.choice(WORDS) if rng.random() < 0.1 else word
        for word in text.split()
        if rng.random() > 0.05
    ]
    return " ".join(words) or text


def made_up(rng: random.Random, problem_type: str) -> Row:
    """Return one row: six in ten answers are right, one in ten is written in a wordy way."""
    right, wordy = rng.random() < 0.6, rng.random() < 0.1
    if problem_type == "multiple choice":
        truth = rng.choice("ABCD")
        answer = truth if right else rng.choice("ABCD")
        answer = rng.choice([f"({answer})", f"{answer}. {sentence(rng, 3)}"]) if wordy else answer
    elif problem_type in ("numerical", "regression"):
        value = rng.choice([rng.randint(0, 500), round(rng.uniform(0, 2000), 2)])
        truth = str(value)
        answer = truth if right else str(round(value * rng.uniform(0.5, 1.5) + 1, 2))
        answer = rng.choice([f"${answer}", f"{answer} cm", f"about {answer}"]) if wordy else answer
    elif problem_type == "OCR":
        truth = sentence(rng, min(120, int(rng.paretovariate(0.8))))
        answer = truth if right else near_copy(rng, truth)
    else:
        truth = sentence(rng, int(rng.lognormvariate(math.log(23) - 0.18, 0.6)))
        answer = near_copy(rng, truth) if right else sentence(rng, len(truth.split()))
    thought = sentence(rng, rng.randint(250, 480))
    return {
        "problem_type": problem_type,
        "solution": f"<answer>{truth}</answer>",
        "completion": f"<think>{thought}</think>\n<answer>{answer}</answer>",
    }


def seconds(score: Callable[[Row], object], rows: list[Row]) -> float:
    start = time.process_time()
    for row in rows:
        score(row)
    return time.process_time() - start


def plain(row: Row) -> object:
    return plain_verdict(row["problem_type"], row["solution"], row["completion"])


def video_r1(row: Row) -> object:
    return verify(
        row["problem_type"],
        solution=row["solution"],
        completion=row["completion"],
        preset="video-r1",
    )


def canonical(row: Row) -> object:
    return verify(row["problem_type"], solution=row["solution"], completion=row["completion"])


def compare_types(items: int, rounds: int) -> dict[str, dict[str, float]]:
    """Return microseconds an item for each type, and print them."""
    rng = random.Random(7)
    table: dict[str, dict[str, float]] = {}
    print(f"{items} completions a type, median of {rounds} rounds, microseconds each")
    print(f"{'type':16}{'plain':>9}{'video-r1':>10}{'ratio':>7}{'canonical':>11}{'ratio':>7}  cold")
    for name in TYPES:
        rows = [made_up(rng, name) for _ in range(items)]
        runs: dict[str, list[float]] = {"plain": [], "video-r1": [], "canonical": []}
        for _ in range(rounds):
            for label, score in (
                ("plain", plain),
                ("video-r1", video_r1),
                ("canonical", canonical),
            ):
                runs[label].append(seconds(score, rows) / items * 1e6)
        table[name] = {label: statistics.median(times) for label, times in runs.items()}
        show(name, table[name], f"{runs['video-r1'][0]:.2f} {runs['canonical'][0]:.2f}")
    table["mix"] = {
        label: sum(share * table[name][label] for name, share in MIX.items()) / 100
        for label in ("plain", "video-r1", "canonical")
    }
    show("mix", table["mix"], "")
    return table


def show(name: str, row: dict[str, float], cold: str) -> None:
    first, second = row["plain"] / row["video-r1"], row["plain"] / row["canonical"]
    print(
        f"{name:16}{row['plain']:9.2f}{row['video-r1']:10.2f}{first:6.1f}x"
        f"{row['canonical']:11.2f}{second:6.1f}x  {cold}"
    )


def rescore(lines: int) -> dict[str, float]:
    """Return completions a second for a file of the mix, both presets, and print them."""
    rng = random.Random(11)
    distinct = [
        made_up(rng, name)
        for name in rng.choices(list(MIX), list(MIX.values()), k=min(lines, 20_000))
    ]
    rates: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.jsonl", Path(folder) / "out.jsonl"
        with source.open("w", encoding="utf-8") as file:
            for number in range(lines):
                file.write(json.dumps(distinct[number % len(distinct)], ensure_ascii=False) + "\n")
        for preset in ("video-r1", "canonical"):
            start = time.process_time()
            reasons = Counter(added["why"] for _, added in judged(read_rows(source), preset))
            rates[preset] = lines / (time.process_time() - start)
            start = time.process_time()
            assert score_file(source, target, preset=preset) == reasons
            written = lines / (time.process_time() - start)
            print(
                f"{lines} lines, preset {preset}: read, parsed and scored {rates[preset]:,.0f} a"
                f" second; written as well {written:,.0f}"
            )
    return rates


def misses(table: dict[str, dict[str, float]], rates: dict[str, float]) -> list[str]:
    """Return the goals that were missed."""
    found = [
        f"video-r1 on {name}: below {goal}x"
        for name, goal in GOALS.items()
        if table[name]["plain"] < goal * table[name]["video-r1"]
    ]
    found += [
        f"canonical on {name}: slower than plain"
        for name in TYPES
        if table[name]["canonical"] > table[name]["plain"]
    ]
    if table["mix"]["plain"] < CANONICAL_MIX_GOAL * table["mix"]["canonical"]:
        found.append(f"canonical on the mix: below {CANONICAL_MIX_GOAL}x")
    found += [f"{preset}: {rate:,.0f} lines a second" for preset, rate in rates.items()
              if rate < LINES_GOAL]  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lines", type=int, default=260_000)
    options = parser.parse_args()
    table = compare_types(options.items, options.rounds)
    found = misses(table, rescore(options.lines))
    print("\n".join(found) or "every goal is met")
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()
