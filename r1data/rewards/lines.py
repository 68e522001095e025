"""Files of completions: score them, and compare two presets on them.

A row is {problem_type, completion, solution, options?} and whatever else; everything it brings is
kept. `output` and `reference` are taken for `completion` and `solution`.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice, tee
from pathlib import Path
from typing import Any, NamedTuple

from r1data.errors import InputError, UsageError
from r1data.grid.shards import replace_file
from r1data.rewards.extract import published_answer, published_think
from r1data.rewards.published import published_eval, published_format
from r1data.rewards.sequence import question_of
from r1data.rewards.verdict import (
    PRESETS,
    Verdict,
    check_type,
    published,
    published_truth,
    verify,
)

Row = dict[str, Any]

COMPLETION = ("completion", "output", "prediction", "response")
SOLUTION = ("solution", "reference", "ground_truth", "gold")

# So many rows tell whether a file is in Video-R1's own form, with its truths in answer tags
SNIFFED = 1_000
EXAMPLES = 3
BUFFER = 1 << 20


class Line(NamedTuple):
    """One line of a file, where it stands ("file:line"), as it is and parsed."""

    place: str
    text: bytes
    row: Row
    fault: str = ""  # why the line is no row


class Item(NamedTuple):
    """What is to be judged of one row; `completion` is None where no answer arrived."""

    problem_type: str
    completion: str | None
    solution: str
    options: list[str]


class Comparison(NamedTuple):
    """How two presets judge the same rows, by (right by a, right by b)."""

    preset_a: str
    preset_b: str
    counts: Counter[tuple[bool | None, bool | None]]
    examples: dict[tuple[bool | None, bool | None], list[Row]]


def read_rows(path: Path) -> Iterator[Line]:
    """Yield each line of a JSON Lines file, one that is no row with its fault."""
    name, found = str(path), False
    try:
        with path.open("rb", buffering=BUFFER) as file:
            for number, text in enumerate(file, start=1):
                if not text.isspace():
                    place, found = f"{name}:{number}", True
                    yield line_of(text, place)
    except OSError as problem:
        raise InputError(
            f"{path} cannot be read: {problem.strerror}: name a file of JSON lines"
        ) from problem
    if not found:
        raise InputError(f"{path} is empty: it holds no completions")


def line_of(text: bytes, place: str) -> Line:
    """Return a line with its row, or with the reason why it has none."""
    try:
        return Line(place, text, parsed(text, place))
    except InputError as problem:
        return Line(place, text, {}, str(problem))


def parsed(line: bytes, place: str) -> Row:
    """Parse one line; InputError where it is no JSON object."""
    try:
        row = json.loads(decoded(line))
    except (ValueError, RecursionError) as problem:
        why = problem.msg if isinstance(problem, json.JSONDecodeError) else str(problem)
        raise InputError(
            f"{place} is no line of JSON ({why}): each line is an object with problem_type, "
            "completion and solution"
        ) from problem
    if type(row) is not dict:
        raise InputError(f"{place} is no JSON object but a {type(row).__name__}")
    return row


def decoded(line: bytes) -> str:
    """Decode UTF-8, with what a careless writer leaves in: lone surrogates, a byte order mark."""
    try:
        return line.decode().removeprefix("\ufeff")
    except UnicodeDecodeError:
        return line.decode("utf-8", "surrogatepass")


def item_of(row: Row, place: str) -> Item:
    """Return what is to be judged; InputError where a field is missing or of the wrong type."""
    try:  # the names of nearly every row, without a search
        problem_type, completion, solution = row["problem_type"], row["completion"], row["solution"]
    except KeyError:
        problem_type = named(row, ("problem_type",), place)
        completion, solution = named(row, COMPLETION, place), named(row, SOLUTION, place)
    if type(solution) is not str:
        solution = as_text(solution, "solution", place)
    if completion is not None and type(completion) is not str:
        completion = as_text(completion, "completion", place)
    return Item(problem_type, completion, solution, options_of(row, place))


def named(row: Row, names: tuple[str, ...], place: str) -> Any:
    """Return the first field of those names; InputError where there is none."""
    for name in names:
        if name in row:
            return row[name]
    raise InputError(
        f"{place} has no '{names[0]}'; it has {', '.join(map(repr, row)) or 'nothing'}"
    )


def as_text(value: object, name: str, place: str) -> str:
    """Return a number as JSON writes it, and no truth as the empty one."""
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return json.dumps(value)
    raise InputError(f"{place}: {name} is {value!r}, neither a text nor a number")


def options_of(row: Row, place: str) -> list[str]:
    """Return the options of a row; none and null are no options."""
    options = row.get("options")
    if not options:
        return []
    if isinstance(options, list) and all(isinstance(option, str) for option in options):
        return options
    raise InputError(f"{place}: options is {options!r}, not a list of texts")


def score_rows(lines: Iterable[Line], preset: str) -> Iterator[Row]:
    """Yield every row with reward, right, seen, why, rule, preset and version added.

    For `video-r1` also with what the published functions give: cot_reward, rl_reward, eval_reward,
    format_reward, think, answer.
    """
    for line, added in judged(lines, preset):
        yield {**line.row, **added}


def judged(lines: Iterable[Line], preset: str) -> Iterator[tuple[Line, Row]]:
    """Yield each line with the fields that the verifier adds."""
    if preset not in PRESETS:
        raise UsageError(f"there is no preset '{preset}': take one of {', '.join(sorted(PRESETS))}")
    tagged, lines = video_r1_form(lines)
    first, read = "", False
    for line in lines:
        try:
            added = judge_line(line, preset, tagged)
        except InputError as problem:
            if not read:  # what no line has is a fault of the file
                first = first or str(problem)
            added = unread(preset) | {"fault": str(problem)}
        else:
            read = True
        yield line, added
    if first and not read:
        raise InputError(first)


def unread(preset: str) -> Row:
    """Return the fields of a line that cannot be read."""
    version = PRESETS[preset].version
    verdict = Verdict(None, None, None, "unreadable_line", "unreadable", preset, version)
    return verdict._asdict()


def judge_line(line: Line, preset: str, tagged: bool) -> Row:
    """Return the fields that the verifier adds to a line. Raises InputError for a bad one."""
    if line.fault:
        raise InputError(line.fault)
    item = item_of(line.row, line.place)
    check_type(item.problem_type, preset, f"{line.place}: ")
    if item.completion is None:
        version = PRESETS[preset].version
        return Verdict(None, None, None, "no_completion", "unfinished", preset, version)._asdict()
    if preset == "video-r1":
        # where a file's truths stand in tags, one without them is empty
        truth = published_answer(item.solution)
        truth = truth if tagged else published_truth(item.solution, item.options)
        verdict = published(item.problem_type, truth, item.completion, None)
        return verdict._asdict() | published_scores(item, truth, verdict)
    return verify(
        item.problem_type,
        solution=item.solution,
        completion=item.completion,
        options=item.options,
        preset=preset,
        question=question_of(line.row),
    )._asdict()


def video_r1_form(lines: Iterable[Line]) -> tuple[bool, Iterator[Line]]:
    """Tell whether truths stand in answer tags; then one without is empty, as published."""
    ahead = iter(lines)
    start = list(islice(ahead, SNIFFED))
    tagged = any("<answer>" in str(line.row.get("solution")) for line in start)
    return tagged, chain(start, ahead)


def published_scores(item: Item, truth: str, verdict: Verdict) -> Row:
    """Return the three published scores and what they were taken from; not-a-number as "nan"."""
    completion, answer = item.completion or "", verdict.seen or ""
    reward = verdict.reward if verdict.reward == verdict.reward else "nan"
    return {
        "cot_reward": reward,
        "rl_reward": reward,
        "eval_reward": published_eval(item.problem_type, truth, completion, answer),
        "format_reward": published_format(completion),
        "think": published_think(completion),
        "answer": answer,
    }


def score_file(
    source: Path,
    target: Path,
    *,
    preset: str = "canonical",
    tell: Callable[[str], object] | None = None,
) -> Counter[str]:
    """Write every line of `source` with its verdict to `target`; return the count of reasons.

    `tell` is given what is wrong with each line that cannot be read.
    """
    reasons: Counter[str] = Counter()

    def write(path: Path) -> None:
        with path.open("wb", buffering=BUFFER) as file:
            for line, added in judged(read_rows(source), preset):
                reasons[added["why"]] += 1
                if tell is not None and "fault" in added:
                    tell(added["fault"])
                file.write(extended(line, added))

    if target.exists() and target.samefile(source):
        raise UsageError(f"--out {target} is the file that is read: name another one")
    replace_file(target, write)
    return reasons


# One encoder for all lines: json.dumps builds one anew for every call with options
encode = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode


def extended(line: Line, added: Row) -> bytes:
    """Return the line with fields added at its end, or written anew where it has one of them.

    Appending leaves the thousands of characters of a completion as they are, which is three times
    as fast as writing them again.
    """
    if line.fault:
        text = line.text.decode("utf-8", "replace").rstrip("\r\n")
        return encode({"line": text, **added}).encode("utf-8", "backslashreplace") + b"\n"
    # A lone surrogate has no UTF-8; as a backslash escape it is JSON again
    if not added.keys().isdisjoint(line.row):
        return encode({**line.row, **added}).encode("utf-8", "backslashreplace") + b"\n"
    thought = added.pop("think", None)
    tail = encode(added)[1:-1]
    if thought is not None:
        tail += f', "think": {json_text(thought)}'
    head = line.text.rstrip()[:-1].rstrip()
    return b"%s, %s}\n" % (head, tail.encode("utf-8", "backslashreplace"))


def json_text(text: str) -> str:
    """Return a text as JSON: three replacements where that is all it needs, a third of the time."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{plain}"' if plain.isprintable() else encode(text)


def compare(lines: Iterable[Line], preset_a: str, preset_b: str) -> Comparison:
    """Judge every row by two presets: the table of right by right, with examples of each cell."""
    comparison = Comparison(preset_a, preset_b, Counter(), defaultdict(list))
    one_side, other_side = tee(lines)
    pairs = zip(judged(one_side, preset_a), judged(other_side, preset_b), strict=True)
    for (line, one), (_, other) in pairs:
        cell = (one["right"], other["right"])
        comparison.counts[cell] += 1
        if "fault" not in one and len(comparison.examples[cell]) < EXAMPLES:
            comparison.examples[cell].append(example(line, one, other))
    return comparison


def example(line: Line, one: Row, other: Row) -> Row:
    """Return what shows why two presets agree or differ on a row."""
    item = item_of(line.row, line.place)
    return {
        "problem_type": item.problem_type,
        "solution": item.solution,
        "seen": (one["seen"], other["seen"]),
        "reward": (one["reward"], other["reward"]),
        "why": (one["why"], other["why"]),
    }


def comparison_text(comparison: Comparison) -> str:
    """Return the two-by-two table with its examples, for a terminal."""
    a, b = comparison.preset_a, comparison.preset_b
    names = {True: "right", False: "wrong", None: "not judged"}
    lines = [f"{a:>12}  {b:>12}  rows"]
    for cell, count in sorted(comparison.counts.items(), key=lambda pair: -pair[1]):
        lines.append(f"{names[cell[0]]:>12}  {names[cell[1]]:>12}  {count}")
    for cell, rows in comparison.examples.items():
        if cell[0] != cell[1]:
            lines.append(f"\n{a} says {names[cell[0]]}, {b} says {names[cell[1]]}:")
            lines += [example_text(row) for row in rows]
    return "\n".join(lines)


def example_text(row: Row) -> str:
    """Return one example of a comparison as a line."""
    seen, why = row["seen"], row["why"]
    return (
        f"  {row['problem_type']}: truth {shortened(row['solution'])},"
        f" seen {shortened(seen[0])} ({why[0]}) and {shortened(seen[1])} ({why[1]})"
    )


def shortened(text: str | None, limit: int = 60) -> str:
    """Return a text in quotes, or the word nothing."""
    if text is None:
        return "nothing"
    return repr(text if len(text) <= limit else text[:limit] + "...")
