"""Which column of a table is what: told by its name and by what is in it, or refused."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from r1data.errors import InputError
from r1data.options import option_count
from r1data.sources.cells import filled

Row = Mapping[str, Any]

QUESTION_WORDS = frozenset({"question", "questions", "problem", "q", "frage", "pregunta"})
QUESTION_WORDS |= {"domanda", "vraag", "pergunta", "问题", "質問", "вопрос"}
QUESTION_MORE = frozenset({"text", "content", "the", "turn", "stem", "original", "full"})
QUESTION_LESS = ("query", "prompt", "instruction", "text", "input", "caption question", "ask")

KEY_WORDS = frozenset({"answer", "answers", "ans", "solution", "truth", "gt", "gold", "correct"})
KEY_WORDS |= {"groundtruth", "antwort", "respuesta", "réponse", "reponse", "risposta", "resposta"}
KEY_WORDS |= {"lösung", "loesung", "solución", "soluzione", "antwoord", "答案", "回答", "ответ"}
KEY_MORE = frozenset(
    {"richtige", "korrekte", "correcta", "correcte", "bonne", "corretta"}
    | {
        "right",
        "ground",
        "true",
        "final",
        "reference",
        "expected",
        "key",
        "option",
        "choice",
        "idx",
    }
    | {"index", "id", "num", "number", "no", "letter", "label", "text", "the", "turn", "value"}
    | {"short", "target", "gold", "std", "standard", "position", "pos", "mc", "multiple"}
)
KEY_LESS = ("label", "labels", "target", "response", "output", "a", "completion", "reply", "key")
KEY_LESS += ("right option", "right choice")
# An answer's columns that are no key themselves.
KEY_KINDS = frozenset({"type", "format", "category", "count", "start", "end", "time", "source"})

OPTION_WORDS = frozenset({"options", "choices", "candidates", "alternatives", "option", "choice"})
OPTION_WORDS |= {"candidate", "alternative", "optionen", "opciones", "选项"}
OPTION_MORE = frozenset({"answer", "answers", "multiple", "mc", "possible", "list", "all", "text"})
OPTION_MORE |= {"the", "question", "response"}
COLUMN_WORDS = frozenset({"option", "options", "opt", "choice", "choices", "answer", "answers"})
COLUMN_WORDS |= {"antwort", "respuesta", "réponse", "reponse", "risposta", "opción", "opcion"}
COLUMN_WORDS |= {"ans", "candidate", "candidates", "alternative", "a", "o", "c", "response", "op"}
# Answers of several people, or models, are no options.
PERSON_WORDS = frozenset({"annotator", "worker", "rater", "human", "model", "user", "person"})
WRONG_WORDS = frozenset({"distractor", "distractors", "wrong", "incorrect", "false"})

ID_NAMES = ("id", "qid", "question id", "questionid", "problem id", "uid", "key", "index", "idx")
ID_NAMES += ("sample id", "item id", "row id", "uuid", "q id")
START_NAMES = (
    "start",
    "start time",
    "start sec",
    "start secs",
    "start seconds",
    "start s",
    "begin",
)
START_NAMES += ("clip start", "segment start", "from", "begin time", "t start", "time start", "t 0")
END_NAMES = ("end", "end time", "end sec", "end secs", "end seconds", "end s", "stop", "clip end")
END_NAMES += ("segment end", "to", "stop time", "t end", "time end", "t 1", "finish")
SPAN_NAMES = ("segment", "timestamp", "timestamps", "time range", "span", "interval", "window")
SPAN_NAMES += (
    "ts",
    "time span",
    "clip range",
    "time",
    "range",
    "moment",
    "time stamps",
    "clip time",
)

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
SEQUENCES = (
    ORDINALS,
    "abcdefghijklmnopqrstuvwxyz",
    *(tuple(map(str, range(n, n + 26))) for n in (0, 1)),
)


class Column(NamedTuple):
    """A column: its name as the file has it, its words, and its values."""

    name: str
    words: tuple[str, ...]
    values: tuple[Any, ...]

    @property
    def label(self) -> str:
        """The words as one text."""
        return " ".join(self.words)


def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a column's name: "videoPath", "video_path" and "Video Path" are one."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    spaced = re.sub(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])", " ", spaced)
    return tuple(re.findall(r"[^\W_]+", spaced.casefold()))


def columns_of(rows: Sequence[Row]) -> list[Column]:
    """Return the columns that hold anything; those of an object in a row have dotted names."""
    names: dict[str, str] = {}
    for row in rows:
        for key, value in row.items():
            names[str(key)] = str(key)
            if isinstance(value, Mapping):
                names |= {f"{key}.{inner}": str(inner) for inner in value}
    found = [
        Column(name, words_of(last if telling(last) else name), values_of(rows, name))
        for name, last in names.items()
    ]
    return [column for column in found if any(map(filled_value, column.values))]


def telling(name: str) -> bool:
    """Tell whether a name inside an object says by itself what it is."""
    return bool((QUESTION_WORDS | KEY_WORDS | OPTION_WORDS).intersection(words_of(name)))


def values_of(rows: Sequence[Row], name: str) -> tuple[Any, ...]:
    """Return a column's values; a dotted name leads into an object."""
    head, _, tail = name.partition(".")
    found: list[Any] = []
    for row in rows:
        inner = row.get(head) if tail and name not in row else None
        found.append(inner.get(tail) if isinstance(inner, Mapping) else row.get(name))
    return tuple(found)


def filled_value(value: Any) -> bool:
    """Tell whether a row has a value: an empty list or object is none."""
    return filled(value) if not isinstance(value, list | Mapping) else bool(value)


def named(columns: Iterable[Column], names: Sequence[str]) -> list[Column]:
    """Return the columns of some names, in the order of the names."""
    by_label = {column.label: column for column in reversed(list(columns))}
    return [by_label[name] for name in names if name in by_label]


def of_words(columns: Iterable[Column], core: frozenset[str], more: frozenset[str]) -> list[Column]:
    """Return the columns whose names are of a core word and of words that may stand with it."""
    return [
        column
        for column in columns
        if core.intersection(column.words) and set(column.words) <= core | more
    ]


def question_of(columns: Sequence[Column], every: Sequence[Column]) -> Column:
    """Return the column of questions. Raises InputError for none, and for several that differ."""
    spoken = [column for column in columns if column.name == "turn.question"]
    found = spoken or of_words(columns, QUESTION_WORDS, QUESTION_MORE)
    found = found or named(columns, QUESTION_LESS)[:1]
    found = found or [c for c in columns if QUESTION_WORDS.intersection(c.words) and worded(c)]
    return one_of(found, every, "question", "question, problem, query")


def worded(column: Column) -> bool:
    """Tell whether a column holds texts of several words."""
    texts = [value for value in column.values if isinstance(value, str)]
    return sum(" " in text.strip() for text in texts) * 2 > len(column.values)


def one_of(found: Sequence[Column], columns: Sequence[Column], role: str, usual: str) -> Column:
    """Return the only column of a role, or the first of several that say the same."""
    if not found:
        names = ", ".join(column.name for column in columns)
        raise InputError(
            f"no column looks like the {role.replace('_', ' ')} (the rows have: {names}): rename "
            f"one to {usual}, or name it with --map {role}=COLUMN"
        )
    first = found[0]
    if any(list(map(str, other.values)) != list(map(str, first.values)) for other in found[1:]):
        raise several(found, role)
    return first


def several(found: Sequence[Column], role: str) -> InputError:
    """Return the error for columns of which each may be what is wanted."""
    names = " and ".join(f"'{column.name}'" for column in found)
    return InputError(
        f"{len(found)} columns may be the {role.replace('_', ' ')}: {names}; say which one with "
        f"--map {role}={found[0].name}"
    )


def option_columns(columns: Sequence[Column]) -> list[list[Column]]:
    """Return groups of columns that hold an option each: A to D, opt1 to opt4, a0 to a4."""
    stems: dict[tuple[str, ...], dict[str, Column]] = {}
    for column in columns:
        for at, word in enumerate(column.words):
            if len(word) == 1 or word.isdecimal() or word in ORDINALS:
                stem = (*column.words[:at], "*", *column.words[at + 1 :])
                stems.setdefault(stem, {})[word] = column
    groups: list[list[Column]] = []
    for stem, members in stems.items():
        options = COLUMN_WORDS.intersection(stem) and not PERSON_WORDS.intersection(stem)
        if not options and stem != ("*",):
            continue
        for sequence in SEQUENCES:
            run = list(takewhile(members.__contains__, sequence))
            # A gap is a missing option, but "Q" beside A to D is the question.
            gap = any(name in members for name in sequence[len(run) : len(run) + 4])
            later = sequence[0] == "1" and "0" in members
            if len(run) > 1 and not gap and not later:
                groups.append([members[name] for name in run])
    return [group for group in groups if all(map(short_texts, group))]


def short_texts(column: Column) -> bool:
    """Tell whether a column holds single values, as an option's column does."""
    return not any(isinstance(value, list | Mapping) for value in column.values)


def options_of(columns: Sequence[Column]) -> Column | None:
    """Return the column that holds all options of a row."""
    found = [
        column
        for column in of_words(columns, OPTION_WORDS, OPTION_MORE)
        if "correct" not in column.words and lists(column)
    ]
    if len(found) > 1 and "text" not in {word for column in found for word in column.words}:
        one_of(found, columns, "options", "options")
    return found[0] if found else None


def lists(column: Column, least: float = 0.0) -> bool:
    """Tell whether any row of a column (or a share of them) has two options or more."""
    count = sum(option_count(value) > 1 for value in column.values if filled_value(value))
    some = sum(map(filled_value, column.values))
    return count > 0 and count >= least * some


def key_of(
    columns: Sequence[Column],
    every: Sequence[Column],
    agree: Callable[[Sequence[Column]], Column | None],
) -> Column:
    """Return the column of answers. Raises InputError for none, and for several that differ."""
    columns = [column for column in columns if plain_values(column)]
    found = of_words(columns, KEY_WORDS, KEY_MORE) or named(columns, KEY_LESS)
    if not found:
        found = [
            column
            for column in columns
            if KEY_WORDS.intersection(column.words) and not KEY_KINDS.intersection(column.words)
        ]
    if len(found) > 1:
        same = agree(found)
        if same is None:
            raise several(found, "ground_truth")
        return same
    return one_of(found, every, "ground_truth", "answer, solution, ground_truth")


def plain_values(column: Column) -> bool:
    """Tell whether a column holds no objects, and so can be a key."""
    return not any(isinstance(value, Mapping) for value in column.values)


def wrong_columns(columns: Sequence[Column]) -> list[Column]:
    """Return the columns that hold wrong options."""
    return [column for column in columns if WRONG_WORDS.intersection(column.words)]
