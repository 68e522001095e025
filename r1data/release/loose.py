"""r1data check for anything in Video-R1's shape: JSON, JSON lines, CSV, Parquet, a repository.

Nothing is guessed: an unknown problem type, an option without its letter or a truth that is no
option is named with the first row that has it, and counted.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from r1data.errors import InputError, RowDrop
from r1data.kinds import QUESTIONS
from r1data.labels import LETTERS, bare_texts, shown_label
from r1data.options import read_options
from r1data.release.footers import Finding
from r1data.release.layout import known_values, unknown_values
from r1data.rewards.numerical import judge_numerical
from r1data.rewards.thought import in_tags, thought_words
from r1data.sources.reading import read_rows

NEEDED = ("problem_id", "problem", "data_type", "problem_type", "solution")
KNOWN = {*NEEDED, "options", "path", "data_source", "process"}
ANSWER = re.compile(r"\s*<answer>(.*?)</answer>\s*", re.DOTALL)
THINK = re.compile(r"\s*<think>.*</think>\s*", re.DOTALL)
# "A. yes", "A) yes", "(A) yes", "A: yes": what stands after the letter is the form's name.
OPTION = re.compile(r"\s*\(?([A-Z])\s*([.):])\s*(.*)", re.DOTALL)
FORMS = {".": "full stop", ")": "bracket", ":": "colon"}
# Below this many rows a lopsided letter is chance.
FEWEST_FOR_BALANCE = 200
LOPSIDED = 1.5


@dataclass
class Tally:
    """What was counted so far: figures, and faults with the first row of each."""

    figures: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    letters: Counter[str] = field(default_factory=Counter)
    expected: Counter[str] = field(default_factory=Counter)
    ids: set[str] = field(default_factory=set)
    questions: set[bytes] = field(default_factory=set)
    paths: dict[str, str] = field(default_factory=dict)
    rows: int = 0

    def fault(self, what: str, where: str) -> None:
        """Count a fault; the first row that has it is remembered."""
        self.faults[what] += 1
        self.first.setdefault(what, where)

    def findings(self, name: str) -> list[Finding]:
        """Return one finding a kind of fault."""
        return [
            Finding(name, f"{count:,} rows: {what} (first: {self.first[what]})")
            for what, count in self.faults.most_common()
        ]


def question_files(path: Path) -> list[Path]:
    """Return the question files at a path: itself, or those of a folder."""
    if path.is_file():
        return [path]
    found = [each for each in sorted(path.rglob("*")) if each.suffix.lower() in QUESTIONS]
    return [each for each in found if not each.name.startswith(".")]


def look_at(files: Sequence[Path], tally: Tally) -> None:
    """Count everything that can be told from the rows alone."""
    for file in files:
        for where, row, _ in read_rows(file):
            if not tally.rows and not any(name in row for name in NEEDED):
                raise InputError(
                    f"{file}, {where}: none of the columns that rows in Video-R1's form have: "
                    f"{', '.join(NEEDED)} (the row has: {', '.join(map(str, row))}); "
                    f"`r1data init {file}` makes a recipe from a table with other columns"
                )
            tally.rows += 1
            place = f"{file.name} {where}"
            for what in row_faults(row, tally):
                tally.fault(what, place)
    tally.faults.update(balance_faults(tally))
    for what in balance_faults(tally):
        tally.first[what] = "counted over all rows"


def row_faults(row: Mapping[str, Any], tally: Tally) -> Iterator[str]:
    """Yield what is wrong with one row, and count what is only worth telling."""
    for name in NEEDED:
        if row.get(name) in (None, ""):
            yield f"no '{name}'"
    tally.figures.update(f"extra column {name}" for name in row if name not in KNOWN)
    tally.figures.update(f"{name} {row.get(name)}" for name in known_values())
    yield from unknown_values(row)
    yield from twice(row, tally)
    yield from answer_faults(row, tally)
    yield from process_faults(row, tally)
    yield from license_faults(row, tally)
    yield from path_faults(row, tally)


def twice(row: Mapping[str, Any], tally: Tally) -> Iterator[str]:
    """Yield what stands a second time: the id, or the question on the same media."""
    identity = row.get("id") or row.get("problem_id")
    if identity is not None and str(identity) in tally.ids:
        yield "duplicate id"
    tally.ids.add(str(identity))
    parts = [str(row.get(name)) for name in ("problem", "options", "path", "solution")]
    digest = hashlib.sha1("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
    if row.get("path") and digest in tally.questions:
        yield "duplicate question on the same media"
    tally.questions.add(digest)


def answer_faults(row: Mapping[str, Any], tally: Tally) -> Iterator[str]:
    """Yield what is wrong with the truth, alone and beside the options."""
    solution = str(row.get("solution") or "")
    match = ANSWER.fullmatch(solution)
    if solution and match is None:
        yield "the solution is not inside answer tags"
    truth = (match[1] if match else solution).strip()
    if match and not truth:
        yield "the solution is empty"
    kind = row.get("problem_type")
    if kind == "multiple choice":
        yield from choice_faults(row.get("options"), truth, tally)
        return
    tally.figures[
        "options null" if row.get("options", []) is None else "options empty"
    ] += not row.get("options")
    if kind in ("numerical", "regression") and truth and judge_numerical(truth, truth)[0] is None:
        yield f"the truth of a {kind} question is no number"


def choice_faults(options: Any, truth: str, tally: Tally) -> Iterator[str]:
    """Yield what is wrong with the options of a multiple-choice row and its letter."""
    if not isinstance(options, list) or not options:
        yield "multiple choice without options"
        return
    texts = [str(option) for option in options]
    matches = [OPTION.fullmatch(text) for text in texts]
    shown = [shown_label(text) for text in texts]
    letters = [each.name for each in shown if each]
    try:
        read_options(options)
    except RowDrop as drop:
        yield "its options cannot be read whole: " + re.sub(r"\(.*|'.*|\d+", "...", drop.detail)
    if len(letters) < len(texts):
        yield "an option without its letter"
    elif letters != list(LETTERS[: len(letters)]):
        yield "the options' letters are not A, B, C in order"
    tally.figures.update(
        {f"options lettered with a {FORMS[match[2]]}" for match in matches if match}
    )
    bare = bare_texts(tuple(texts))
    if len(set(bare)) < len(bare):
        yield "two options are the same"
    if truth not in letters:
        yield "the truth is none of the options' letters"
        return
    tally.letters[truth] += 1
    for letter in letters:
        tally.expected[letter] += 1 / len(letters)  # pyright: ignore[reportArgumentType]


def process_faults(row: Mapping[str, Any], tally: Tally) -> Iterator[str]:
    """Yield a chain outside its tags or without a thought; a row need not be a chain."""
    process = str(row.get("process") or "")
    thinks = thought_words(in_tags(process) if THINK.fullmatch(process) else process) > 0
    tally.figures["with a chain of thought"] += thinks
    if process and not THINK.fullmatch(process):
        yield "the process is not inside think tags"
    elif (process or row.get("kind") == "chain") and not thinks:
        yield "the process holds no thought"


def license_faults(row: Mapping[str, Any], tally: Tally) -> Iterator[str]:
    """Yield terms that are a gap where others state them; count rows that say nothing."""
    if "license" not in row:
        tally.figures["without any licence"] += 1
        return
    told = row["license"]
    words = [told.get("annotations"), told.get("media")] if isinstance(told, Mapping) else [told]
    if any(str(word or "unknown").casefold() == "unknown" for word in words):
        yield "its licence is unknown"


def path_faults(row: Mapping[str, Any], tally: Tally) -> Iterator[str]:
    """Yield paths that cannot be; remember the others with their kind."""
    if row.get("frames") or row.get("images"):
        return
    path = str(row.get("path") or "")
    if not path:
        yield "neither a path nor pictures"
    elif Path(path).is_absolute() or ".." in Path(path).parts:
        yield "its path leaves the folder"
    else:
        tally.paths[Path(path).as_posix()] = str(row.get("data_type"))


def balance_faults(tally: Tally) -> list[str]:
    """Say which letters are right far more often than chance, or far less."""
    if tally.letters.total() < FEWEST_FOR_BALANCE:
        return []
    found = []
    for letter, expected in tally.expected.items():
        share = tally.letters[letter] / expected
        if expected >= FEWEST_FOR_BALANCE / 10 and not 1 / LOPSIDED <= share <= LOPSIDED:
            found.append(f"{letter} is right {share:.2f} times as often as chance would have it")
    return found
