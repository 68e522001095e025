"""Tables of questions in shapes that people have, written by code: `SHAPES` and `REFUSED`.

Each shape writes the same questions about the same files in another way. `test_tables.py` reads
them as `r1data init` does.
"""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

LETTERS = "ABCDEFGH"
FILES = ("a.mp4", "b.mp4", "p.png", "q.jpg")


class Asked(NamedTuple):
    """A question as it should be read; `key` is the place of the right option."""

    media: str
    question: str
    options: tuple[str, ...]
    key: int

    @property
    def text(self) -> str:
        return self.options[self.key]

    @property
    def letter(self) -> str:
        return LETTERS[self.key]


class Open(NamedTuple):
    """A question without options."""

    media: str
    question: str
    answer: str


CHOICES = (
    Asked("a.mp4", "Which way does the square go?", ("to the left", "to the right", "up"), 1),
    Asked("b.mp4", "What is seen first?", ("the yellow square", "the blue circle"), 0),
    Asked("b.mp4", "What colour is the circle?", ("red", "blue", "grey", "black"), 3),
    Asked("a.mp4", "What moves?", ("a triangle", "a line", "a square"), 2),
)
OPENS = (
    Open("p.png", "What is left of the square?", "a triangle"),
    Open("q.jpg", "How many dots are there?", "5"),
    Open("p.png", "What colour is the circle?", "purple"),
)
MANY = max(len(row.options) for row in CHOICES)


class Shape(NamedTuple):
    """A way to write questions: the file's name, what writes it, and how `init` is told."""

    name: str
    file: str
    write: Callable[[Path], object]
    rows: Sequence[Asked | Open] = CHOICES
    given: Mapping[str, str] = {}
    any_order: bool = False


class Refusal(NamedTuple):
    """A table that must not be read, and words of the refusal."""

    name: str
    file: str
    write: Callable[[Path], object]
    says: tuple[str, ...]


Rows = Sequence[Mapping[str, Any]]


def cells(rows: Rows, mark: str = ",", **how: Any) -> str:
    """Return rows as delimited text."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, delimiter=mark, lineterminator=how.pop("end", "\n"), **how)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def in_cells(rows: Rows, mark: str = ",", encoding: str = "utf-8", **how: Any) -> Any:
    return lambda path: path.write_bytes(cells(rows, mark, **how).encode(encoding))


def as_json(data: Any) -> Any:
    return lambda path: path.write_text(json.dumps(data, ensure_ascii=False, indent=1))


def as_lines(rows: Rows) -> Any:
    return lambda path: path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def as_parquet(rows: Rows) -> Any:
    return lambda path: pq.write_table(pa.Table.from_pylist(list(rows)), path)


def named(
    media: str, question: str, options: str, key: str, /, **value: Callable[[Asked], Any]
) -> Rows:
    """Return the choices under other names, each value made by a function of the question."""
    made: list[dict[str, Any]] = []
    for row in CHOICES:
        made.append(
            {
                media: value.get("media", lambda r: r.media)(row),
                question: value.get("question", lambda r: r.question)(row),
                options: value.get("options", lambda r: " | ".join(r.options))(row),
                key: value.get("key", lambda r: r.letter)(row),
            }
        )
    return made


def wide(names: Sequence[str], key: Callable[[Asked], Any], column: str = "answer") -> Rows:
    """Return the choices with a column for each option; blank ones pad them."""
    return [
        {
            "video": row.media,
            "question": row.question,
            **dict(zip(names, (*row.options, *[""] * (MANY - len(row.options))), strict=True)),
            column: key(row),
        }
        for row in CHOICES
    ]


def opened(media: str, question: str, key: str, rows: Sequence[Open] = OPENS) -> Rows:
    return [{media: r.media, question: r.question, key: r.answer} for r in rows]


def lined(row: Asked) -> str:
    """Return a question with its options below it, as LLaVA writes it."""
    options = "\n".join(f"{LETTERS[i]}. {text}" for i, text in enumerate(row.options))
    return f"{row.question}\n{options}\nAnswer with the option's letter from the given choices."


def inline(row: Asked) -> str:
    """Return a question with its options in the same line."""
    return f"{row.question} " + " ".join(f"({LETTERS[i]}) {o}" for i, o in enumerate(row.options))


def talk(asked: str, answered: str, human: str = "human", model: str = "gpt") -> list[Any]:
    return [{"from": human, "value": asked}, {"from": model, "value": answered}]


def said(asked: Any, answered: Any) -> list[Any]:
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]


def sheets(tables: Mapping[str, Sequence[Sequence[Any]]], merged: str = "") -> Any:
    """Return what writes a small .xlsx: texts and numbers, and cells that are merged."""
    return lambda path: write_workbook(path, tables, merged)


def write_workbook(path: Path, tables: Mapping[str, Sequence[Sequence[Any]]], merged: str) -> None:
    """Write an Excel file by hand: nothing that the tests have writes one."""
    import zipfile
    from xml.sax.saxutils import escape

    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"

    def cell(value: Any, at: str) -> str:
        if value is None or value == "":
            return ""
        if isinstance(value, int | float):
            return f'<c r="{at}"><v>{value}</v></c>'
        return f'<c r="{at}" t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'

    def sheet(rows: Sequence[Sequence[Any]]) -> str:
        body = "".join(
            f'<row r="{r}">'
            + "".join(cell(value, f"{chr(65 + c)}{r}") for c, value in enumerate(row))
            + "</row>"
            for r, row in enumerate(rows, start=1)
        )
        joined = f'<mergeCells><mergeCell ref="{merged}"/></mergeCells>' if merged else ""
        return f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData>{joined}</worksheet>'

    with zipfile.ZipFile(path, "w") as file:
        names = list(tables)
        content = "application/vnd.openxmlformats-officedocument.spreadsheetml"
        parts = "".join(
            f'<Override PartName="/xl/worksheets/sheet{i}.xml" '
            f'ContentType="{content}.worksheet+xml"/>'
            for i in range(1, len(names) + 1)
        )
        file.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{content}.sheet.main+xml"/>{parts}'
            "</Types>",
        )
        file.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}">'
            f'<Relationship Id="r1" Type="{office}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        links = "".join(
            f'<Relationship Id="r{i}" Type="{office}/worksheet" Target="worksheets/sheet{i}.xml"/>'
            for i in range(1, len(names) + 1)
        )
        file.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}">{links}</Relationships>',
        )
        listed = "".join(
            f'<sheet name="{escape(name)}" sheetId="{i}" r:id="r{i}"/>'
            for i, name in enumerate(names, start=1)
        )
        file.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{listed}</sheets></workbook>',
        )
        for i, rows in enumerate(tables.values(), start=1):
            file.writestr(f"xl/worksheets/sheet{i}.xml", sheet(rows))


def saved(path: Path) -> None:
    """Save rows as `datasets` does."""
    import datasets

    datasets.Dataset.from_list(
        [
            dict(row)
            for row in named(
                "video",
                "question",
                "choices",
                "answer",
                options=lambda r: list(r.options),
                key=lambda r: r.text,
            )
        ]
    ).save_to_disk(str(path))


GRID = [
    ["File", "Question", "Options", "Answer"],
    *([r.media, r.question, "\n".join(r.options), r.letter] for r in CHOICES),
]
WIDE = [{**row, "hint": "", "category": "x"} for row in wide("ABCD", lambda r: r.letter)]
PLAIN = named("video", "question", "options", "answer", options=lambda r: list(r.options))
BY_TEXT = named(
    "video",
    "question",
    "options",
    "answer",
    options=lambda r: list(r.options),
    key=lambda r: r.text,
)
FIRSTS = {"a.mp4": "clip one", "b.mp4": "clip two"}

STAMPED = named("Video", "Question", "Options", "Correct answer")
TIMED = named("video", "question", "options", "answer")

SHAPES = [
    Shape(
        "quotes that frame no cell",
        "q.tsv",
        lambda path: path.write_text(cells(TIMED, "\t").replace("What", '"What')),
        [row._replace(question=row.question.replace("What", '"What')) for row in CHOICES],
    ),
    Shape(
        "quotes of a text that goes on in a later row",
        "q.tsv",
        lambda path: path.write_text(
            cells(TIMED, "\t").replace("Which", '"Which').replace("circle?", 'circle?"')
        ),
        [
            row._replace(
                question=row.question.replace("Which", '"Which').replace("circle?", 'circle?"')
            )
            for row in CHOICES
        ],
    ),
    Shape(
        "a form's time of entry",
        "q.csv",
        in_cells([{"Timestamp": "2026/11/20 9:12:44 AM GMT+1", **row} for row in STAMPED]),
    ),
    Shape(
        "when a form was begun and sent",
        "q.csv",
        in_cells(
            [{"Start time": "11/20/26 9:12:44", "End time": "11/20/26 9:15:02", **r} for r in TIMED]
        ),
    ),
    Shape(
        "open questions with an empty list",
        "q.csv",
        in_cells(
            [*TIMED, *({**row, "options": "[]"} for row in opened("video", "question", "answer"))]
        ),
        (*CHOICES, *OPENS),
    ),
    Shape(
        "lists of objects in rows that have their questions themselves",
        "q.json",
        as_json([{**row, "question_program": [{"function": "Filter"}]} for row in TIMED]),
    ),
    Shape(
        "commas, bars, letter", "q.csv", in_cells(named("clip", "question", "options", "answer"))
    ),
    Shape(
        "semicolons of Excel",
        "q.csv",
        in_cells(
            named("Clip", "Question", "Choices", "Correct Answer"), ";", "utf-8-sig", end="\r\n"
        ),
    ),
    Shape(
        "sep= line",
        "q.csv",
        lambda path: path.write_text(
            "sep=;\n" + cells(named("clip", "question", "options", "answer"), ";")
        ),
    ),
    Shape("tabs", "q.tsv", in_cells(named("video_name", "Q", "candidates", "gt"), "\t")),
    Shape(
        "tabs called txt", "q.txt", in_cells(named("video", "question", "options", "answer"), "\t")
    ),
    Shape(
        "tabs called csv", "q.csv", in_cells(named("video", "question", "options", "answer"), "\t")
    ),
    Shape("bars between cells", "q.csv", in_cells(wide("ABCD", lambda r: r.letter), "|")),
    Shape(
        "UTF-16", "q.csv", in_cells(named("clip", "question", "options", "answer"), "\t", "utf-16")
    ),
    Shape(
        "a title above the header",
        "q.csv",
        lambda path: path.write_text(
            "Questions of May\n\n" + cells(named("clip", "question", "options", "answer"))
        ),
    ),
    Shape(
        "empty lines and columns",
        "q.csv",
        lambda path: path.write_text(
            cells(
                [
                    {"": i, **row, "note": ""}
                    for i, row in enumerate(named("clip", "question", "options", "answer"))
                ]
            ).replace("\n", ",,\n")
            + ",,,,,,,\n"
        ),
    ),
    Shape(
        "all in quotes",
        "q.csv",
        in_cells(
            named("clip", "question", "options", "answer", options=lambda r: "\n".join(r.options)),
            quoting=csv.QUOTE_ALL,
        ),
    ),
    Shape(
        "list as JSON",
        "q.csv",
        in_cells(
            named("video", "question", "options", "label", options=lambda r: json.dumps(r.options))
        ),
    ),
    Shape(
        "list as Python",
        "q.csv",
        in_cells(
            named(
                "video",
                "question",
                "options",
                "label",
                options=lambda r: str(list(r.options)),
                key=lambda r: r.text,
            )
        ),
    ),
    Shape(
        "object as Python",
        "q.csv",
        in_cells(
            named(
                "video",
                "question",
                "choices",
                "ans",
                options=lambda r: str(dict(zip(LETTERS, r.options, strict=False))),
                key=lambda r: r.letter.lower(),
            )
        ),
    ),
    Shape(
        "labels in a cell",
        "q.csv",
        in_cells(
            named(
                "video",
                "question",
                "choices",
                "ans",
                options=lambda r: " ".join(f"{LETTERS[i]}) {o}" for i, o in enumerate(r.options)),
            )
        ),
    ),
    Shape("columns A to D", "q.tsv", in_cells(WIDE, "\t")),
    Shape(
        "columns opt1, text",
        "q.csv",
        in_cells(wide(["opt1", "opt2", "opt3", "opt4"], lambda r: r.text)),
    ),
    Shape(
        "columns optionA, named",
        "q.csv",
        in_cells(wide([f"option{x}" for x in "ABCD"], lambda r: f"option{r.letter}")),
    ),
    Shape(
        "columns option_1, number",
        "q.csv",
        in_cells(wide([f"option_{i}" for i in range(1, 5)], lambda r: r.key + 1, "correct_option")),
    ),
    Shape(
        "columns a0, index", "q.csv", in_cells(wide([f"a{i}" for i in range(4)], lambda r: r.key))
    ),
    Shape(
        "columns options.A",
        "q.csv",
        in_cells(wide([f"options.{x}" for x in "ABCD"], lambda r: f"({r.letter})")),
    ),
    Shape(
        "columns choice_a, styles",
        "q.csv",
        in_cells(wide([f"choice_{x}" for x in "abcd"], lambda r: f"{r.letter}. {r.text}")),
    ),
    Shape(
        "wrong options",
        "q.csv",
        in_cells(
            [
                {
                    "video": r.media,
                    "question": r.question,
                    "correct_answer": r.text,
                    **{
                        f"distractor{i}": o
                        for i, o in enumerate(
                            [o for o in r.options if o != r.text] + [""] * (4 - len(r.options)),
                            start=1,
                        )
                    },
                }
                for r in CHOICES
            ]
        ),
        any_order=True,
    ),
    Shape(
        "list of wrong options",
        "q.json",
        as_json(
            [
                {
                    "video": r.media,
                    "question": r.question,
                    "answer": r.text,
                    "incorrect_answers": [o for o in r.options if o != r.text],
                }
                for r in CHOICES
            ]
        ),
        any_order=True,
    ),
    Shape(
        "options in the question",
        "q.csv",
        in_cells([{"video": r.media, "question": inline(r), "answer": r.letter} for r in CHOICES]),
    ),
    Shape(
        "options below the question",
        "q.json",
        as_json(
            [
                {"path": r.media, "prompt": lined(r), "solution": f"<answer>{r.letter}</answer>"}
                for r in CHOICES
            ]
        ),
    ),
    Shape(
        "boxed key",
        "q.json",
        as_json(
            [
                {"path": r.media, "question": lined(r), "answer": rf"\boxed{{{r.letter}}}"}
                for r in CHOICES
            ]
        ),
    ),
    Shape("JSON list", "q.json", as_json(PLAIN)),
    Shape("JSON lines", "q.jsonl", as_lines(BY_TEXT)),
    Shape("JSON lines called json", "q.json", as_lines(BY_TEXT)),
    Shape("a JSON list called jsonl", "q.jsonl", as_json(PLAIN)),
    Shape("JSON by id", "q.json", as_json({f"q{i}": row for i, row in enumerate(PLAIN)})),
    Shape("below a key", "q.json", as_json({"info": {"version": 1}, "data": PLAIN})),
    Shape("below two keys", "q.json", as_json({"set": {"name": "mine", "annotations": PLAIN}})),
    Shape(
        "questions of each clip",
        "q.json",
        as_json(
            [
                {
                    "video": name,
                    "duration": 3,
                    "questions": [
                        {"question": r.question, "options": list(r.options), "answer": r.letter}
                        for r in CHOICES
                        if r.media == name
                    ],
                }
                for name in ("a.mp4", "b.mp4")
            ]
        ),
        [CHOICES[i] for i in (0, 3, 1, 2)],
    ),
    Shape(
        "questions by clip",
        "q.json",
        as_json(
            {
                name: [
                    {"question": r.question, "options": list(r.options), "answer": r.letter}
                    for r in CHOICES
                    if r.media == name
                ]
                for name in ("a.mp4", "b.mp4")
            }
        ),
        [CHOICES[i] for i in (0, 3, 1, 2)],
    ),
    Shape(
        "pandas by column",
        "q.json",
        as_json(
            {name: {str(i): row[name] for i, row in enumerate(BY_TEXT)} for name in BY_TEXT[0]}
        ),
    ),
    Shape(
        "a list for each column",
        "q.json",
        as_json(
            {
                name: [row[name] for row in named("video", "question", "options", "answer")]
                for name in ("video", "question", "options", "answer")
            }
        ),
    ),
    Shape(
        "pandas split",
        "q.json",
        as_json(
            {
                "columns": list(PLAIN[0]),
                "index": [0, 1, 2, 3],
                "data": [list(row.values()) for row in PLAIN],
            }
        ),
    ),
    Shape(
        "options as objects",
        "q.json",
        as_json(
            named(
                "video",
                "question",
                "options",
                "answer",
                options=lambda r: [
                    {"label": LETTERS[i], "text": o} for i, o in enumerate(r.options)
                ],
            )
        ),
    ),
    Shape(
        "options as an object",
        "q.json",
        as_json(
            named(
                "video",
                "question",
                "options",
                "answer",
                options=lambda r: dict(zip(LETTERS, r.options, strict=False)),
                key=lambda r: f"{r.letter}.",
            )
        ),
    ),
    Shape(
        "key in an object",
        "q.json",
        as_json(
            [
                {
                    "video": {"path": r.media},
                    "qa": {"question": r.question, "options": list(r.options), "answer": r.letter},
                }
                for r in CHOICES
            ]
        ),
    ),
    Shape(
        "index from 0",
        "q.json",
        as_json(
            named(
                "video",
                "question",
                "options",
                "answer_idx",
                options=lambda r: list(r.options),
                key=lambda r: r.key,
            )
        ),
    ),
    Shape(
        "text and index",
        "q.json",
        as_json([{**row, "answer_idx": r.key} for row, r in zip(BY_TEXT, CHOICES, strict=True)]),
    ),
    Shape(
        "text and letter",
        "q.csv",
        in_cells(
            [
                {**row, "answer_letter": r.letter}
                for row, r in zip(
                    named("video", "question", "options", "answer", key=lambda r: r.text),
                    CHOICES,
                    strict=True,
                )
            ]
        ),
    ),
    Shape(
        "what models said beside it",
        "q.csv",
        in_cells(
            [
                {**row, "model_answer": "C", "explanation": "It is seen.", "gpt4_output": "x"}
                for row in named("video", "question", "options", "answer")
            ]
        ),
    ),
    Shape(
        "names without endings",
        "q.csv",
        in_cells(named("video_id", "question", "options", "answer", media=lambda r: r.media[:-4])),
    ),
    Shape(
        "absolute paths",
        "q.csv",
        in_cells(
            named(
                "video_path",
                "question",
                "options",
                "answer",
                media=lambda r: f"/data/x/videos/{r.media}",
            )
        ),
    ),
    Shape(
        "paths of Windows",
        "q.csv",
        in_cells(
            named(
                "file",
                "question",
                "options",
                "answer",
                media=lambda r: rf"D:\my data\clips\{r.media}",
            )
        ),
    ),
    Shape(
        "the folder's name in front",
        "q.csv",
        in_cells(
            named("file", "question", "options", "answer", media=lambda r: f"./clips/{r.media}")
        ),
    ),
    Shape(
        "addresses",
        "q.csv",
        in_cells(
            named(
                "url",
                "question",
                "options",
                "answer",
                media=lambda r: f"https://example.org/v/{r.media}?x=1",
            )
        ),
    ),
    Shape(
        "endings in capitals",
        "q.csv",
        in_cells(named("file", "question", "options", "answer", media=lambda r: r.media.upper())),
    ),
    Shape(
        "lists of files",
        "q.json",
        as_json(named("videos", "question", "options", "answer", media=lambda r: [r.media])),
    ),
    Shape(
        "lists of files as texts",
        "q.csv",
        in_cells(
            named("videos", "question", "options", "answer", media=lambda r: f"['{r.media}']")
        ),
    ),
    Shape(
        "two columns of media",
        "q.csv",
        in_cells(
            [
                {
                    "image": r.media if r.media.endswith(("png", "jpg")) else "",
                    "video": r.media if r.media.endswith("mp4") else "",
                    "question": r.question,
                    "answer": r[-1] if isinstance(r, Open) else r.text,
                }
                for r in (*OPENS, *[Open(c.media, c.question, c.text) for c in CHOICES])
            ]
        ),
        [*OPENS, *[Open(c.media, c.question, c.text) for c in CHOICES]],
    ),
    Shape(
        "a thumbnail beside the clip",
        "q.csv",
        in_cells(
            [
                {"thumbnail": "p.png", **row}
                for row in named("video", "question", "options", "answer")
            ]
        ),
    ),
    Shape(
        "LLaVA",
        "q.json",
        as_json(
            [
                {"id": i, "video": r.media, "conversations": talk(f"<video>\n{lined(r)}", r.letter)}
                for i, r in enumerate(CHOICES)
            ]
        ),
    ),
    Shape(
        "LLaVA open",
        "q.json",
        as_json(
            [
                {
                    "id": i,
                    "image": r.media,
                    "conversations": talk(f"{r.question}\n<image>", r.answer),
                }
                for i, r in enumerate(OPENS)
            ]
        ),
        OPENS,
    ),
    Shape(
        "ShareGPT of LLaMA-Factory",
        "q.json",
        as_json(
            [
                {
                    "conversations": talk(f"<image>{r.question}", r.answer, "user", "assistant"),
                    "images": [r.media],
                    "system": "Be short.",
                }
                for r in OPENS
            ]
        ),
        OPENS,
    ),
    Shape(
        "alpaca of LLaMA-Factory",
        "q.json",
        as_json(
            [
                {
                    "instruction": f"<image>{r.question}",
                    "input": "",
                    "output": r.answer,
                    "images": [r.media],
                }
                for r in OPENS
            ]
        ),
        OPENS,
    ),
    Shape(
        "ms-swift messages",
        "q.jsonl",
        as_lines(
            [
                {
                    "messages": [
                        {"role": "system", "content": "x"},
                        *said(f"<image>{r.question}", r.answer),
                    ],
                    "images": [r.media],
                }
                for r in OPENS
            ]
        ),
        OPENS,
    ),
    Shape(
        "ms-swift query",
        "q.jsonl",
        as_lines(
            [
                {"query": f"<video>{lined(r)}", "response": r.letter, "videos": [r.media]}
                for r in CHOICES
            ]
        ),
    ),
    Shape(
        "OpenAI messages",
        "q.jsonl",
        as_lines(
            [
                {
                    "messages": said(
                        [
                            {"type": "image_url", "image_url": {"url": r.media}},
                            {"type": "text", "text": r.question},
                        ],
                        r.answer,
                    )
                }
                for r in OPENS
            ]
        ),
        OPENS,
    ),
    Shape(
        "Qwen messages",
        "q.json",
        as_json(
            [
                {
                    "messages": said(
                        [
                            {"type": "video", "video": f"file:///x/{r.media}"},
                            {"type": "text", "text": lined(r)},
                        ],
                        [{"type": "text", "text": r.letter}],
                    )
                }
                for r in CHOICES
            ]
        ),
    ),
    Shape(
        "Qwen's tokens",
        "q.jsonl",
        as_lines(
            [
                {
                    "image": r.media,
                    "question": f"<|vision_start|><|image_pad|><|vision_end|>{r.question}",
                    "answer": r.answer,
                }
                for r in OPENS
            ]
        ),
        OPENS,
    ),
    Shape(
        "Video-R1",
        "q.json",
        as_json(
            [
                {
                    "problem_id": i,
                    "problem": r.question,
                    "data_type": "video",
                    "problem_type": "multiple choice",
                    "options": [f"{LETTERS[k]}. {o}" for k, o in enumerate(r.options)],
                    "process": "<think>x</think>",
                    "solution": f"<answer>{r.letter}</answer>",
                    "path": f"./{r.media}",
                    "data_source": "mine",
                }
                for i, r in enumerate(CHOICES)
            ]
        ),
    ),
    Shape(
        "NExT-QA",
        "q.csv",
        in_cells(
            [
                {
                    "video": r.media[:-4],
                    "frame_count": 9,
                    "width": 64,
                    "height": 64,
                    "question": r.question,
                    "answer": r.key,
                    "qid": i,
                    "type": "CW",
                    **{f"a{k}": (*r.options, "nothing", "a cat", "a dog")[k] for k in range(4)},
                }
                for i, r in enumerate(CHOICES)
            ]
        ),
        [r._replace(options=(*r.options, "nothing", "a cat", "a dog")[:4]) for r in CHOICES],
    ),
    Shape(
        "MMBench",
        "q.tsv",
        in_cells(
            [
                {
                    "index": i,
                    "question": r.question,
                    "hint": "",
                    **dict(zip("ABCD", (*r.options, "", "")[:4], strict=True)),
                    "answer": r.letter,
                    "category": "x",
                    "l2-category": "y",
                    "split": "dev",
                    "image_path": r.media,
                }
                for i, r in enumerate(CHOICES)
            ],
            "\t",
        ),
    ),
    Shape("Parquet", "q.parquet", as_parquet(BY_TEXT)),
    Shape(
        "Parquet with pictures",
        "q.parquet",
        as_parquet(
            [
                {
                    "image": {"bytes": b"x", "path": r.media},
                    "question": r.question,
                    "answer": r.answer,
                }
                for r in OPENS
            ]
        ),
        OPENS,
    ),
    Shape("saved by datasets", "q", saved),
    Shape("Excel", "q.xlsx", sheets({"Sheet1": GRID})),
    Shape(
        "Excel with notes and a title",
        "q.xlsx",
        sheets({"notes": [["by me"]], "data": [["Questions of May"], [], *GRID]}),
    ),
    Shape(
        "Excel with merged clips",
        "q.xlsx",
        sheets(
            {
                "data": [
                    GRID[0],
                    *([row[0] if i != 2 else "", *row[1:]] for i, row in enumerate(GRID[1:])),
                ]
            },
            "A3:A4",
        ),
    ),
    Shape("Excel called csv", "q.csv", sheets({"Sheet1": GRID})),
    Shape(
        "named by hand",
        "q.csv",
        in_cells(named("x1", "x2", "x3", "x4")),
        given={"question": "x2", "ground_truth": "x4", "options": "x3", "media": "x1"},
    ),
    Shape(
        "options named by hand",
        "q.csv",
        in_cells(wide(["red", "green", "fine", "bad"], lambda r: r.letter)),
        given={"options": "red,green,fine,bad"},
    ),
    Shape(
        "Answer and a type",
        "q.csv",
        in_cells(
            [
                {"file": r.media, "kind": "open", "Question": r.question, "Answer": r.answer}
                for r in OPENS
            ]
        ),
        OPENS,
    ),
]


def saved_split(path: Path) -> None:
    """Save the only split of a dataset as `datasets` does."""
    saved(path / "train")
    (path / "dataset_dict.json").write_text('{"splits": ["train"]}')


def numbered(row: Asked) -> str:
    """Return a question with numbered options in the same line."""
    return f"{row.question} " + " ".join(f"{i}. {o}" for i, o in enumerate(row.options, start=1))


SHAPES += [
    Shape(
        "Q beside A to D",
        "q.csv",
        in_cells(
            [
                {("Q" if name == "question" else name): value for name, value in row.items()}
                for row in wide("ABCD", lambda r: r.letter)
            ]
        ),
    ),
    Shape(
        "columns first, second",
        "q.csv",
        in_cells(wide(["first", "second", "third", "fourth"], lambda r: r.text)),
    ),
    Shape(
        "a path and an id of each clip",
        "q.csv",
        in_cells(
            [
                {"video_id": "" if i == 1 else row["path"][:-4], **row}
                for i, row in enumerate(named("path", "question", "options", "answer"))
            ]
        ),
    ),
    Shape(
        "a key twice, once in tags",
        "q.json",
        as_json(
            [
                {**row, "solution": f"<answer>{r.letter}</answer>"}
                for row, r in zip(PLAIN, CHOICES, strict=True)
            ]
        ),
    ),
    Shape(
        "small letters in the question",
        "q.csv",
        in_cells(
            [
                {"video": r.media, "question": inline(r).lower(), "answer": r.letter.lower()}
                for r in CHOICES
            ]
        ),
        [r._replace(question=r.question.lower()) for r in CHOICES],
    ),
    Shape(
        "numbers in the question",
        "q.csv",
        in_cells(
            [{"video": r.media, "question": numbered(r), "answer": r.key + 1} for r in CHOICES]
        ),
    ),
    Shape("saved by datasets, one split", "q", saved_split),
    Shape(
        "decimal commas",
        "q.csv",
        in_cells([{"clip": "a.mp4", "frage": f"{a}?", "antwort": a} for a in ("3,5", "0,25")], ";"),
        [Open("a.mp4", "3,5?", "3.5"), Open("a.mp4", "0,25?", "0.25")],
    ),
    Shape(
        "thousands",
        "q.csv",
        in_cells([{"clip": "a.mp4", "question": f"{a}?", "answer": a} for a in ("1,234", "7")]),
        [Open("a.mp4", "1,234?", "1,234"), Open("a.mp4", "7?", "7")],
    ),
    Shape(
        "ms-swift for GRPO",
        "q.jsonl",
        as_lines(
            [
                {
                    "messages": [{"role": "user", "content": f"<video>{lined(r)}"}],
                    "videos": [r.media],
                    "solution": f"<answer>{r.letter}</answer>",
                }
                for r in CHOICES
            ]
        ),
    ),
    Shape(
        "verl",
        "q.parquet",
        as_parquet(
            [
                {
                    "prompt": [{"role": "user", "content": f"<image>{r.question}"}],
                    "images": [{"bytes": b"x", "path": r.media}],
                    "reward_model": {"style": "rule", "ground_truth": r.answer},
                    "extra_info": {"index": i, "question": r.question, "answer": r.answer},
                }
                for i, r in enumerate(OPENS)
            ]
        ),
        OPENS,
    ),
    Shape(
        "a key in an object of text and letter",
        "q.json",
        as_json(
            [
                {
                    "video": r.media,
                    "question": r.question,
                    "options": list(r.options),
                    "answer": {"text": r.text, "label": r.letter},
                }
                for r in CHOICES
            ]
        ),
    ),
    Shape(
        "questions by clip and kind",
        "q.json",
        as_json(
            {
                name[0]: {
                    f"kind {i}": [{"question": inline(r), "answer": r.letter}]
                    for i, r in enumerate(CHOICES)
                    if r.media == name
                }
                for name in ("a.mp4", "b.mp4")
            }
        ),
        [CHOICES[i] for i in (0, 3, 1, 2)],
    ),
    Shape(
        "two lines above the header",
        "q.xlsx",
        sheets({"S": [["Questions"], [], ["by", "me"], *GRID]}),
    ),
    Shape(
        "conversations as texts in cells",
        "q.csv",
        in_cells(
            [
                {"messages": json.dumps(said(f"<image>{r.question}", r.answer)), "image": r.media}
                for r in OPENS
            ]
        ),
        OPENS,
    ),
    Shape(
        "German columns",
        "q.csv",
        in_cells(
            [
                {
                    "Video": r.media,
                    "Frage": r.question,
                    "Antwort A": r.options[0],
                    "Antwort B": r.options[1],
                    "Antwort C": (*r.options, "")[2],
                    "Antwort D": (*r.options, "", "")[3],
                    "Lösung": r.letter,
                }
                for r in CHOICES
            ],
            ";",
            "cp1252",
        ),
    ),
]

REFUSED = [
    Refusal(
        "answers among other columns",
        "q.csv",
        in_cells(
            [
                {"video": r.media, "question": r.question, "red": r.options[0]}
                | {"green": r.options[1], "answer": r.options[r.key % 2]}
                for r in CHOICES
            ]
        ),
        ("red,green", "--map options="),
    ),
    Refusal(
        "a start and a duration",
        "q.csv",
        in_cells([{**row, "start": 0.5, "duration": 1} for row in BY_TEXT]),
        ("'duration'", "--map start="),
    ),
    Refusal(
        "answers of several people",
        "q.csv",
        in_cells(
            [
                {
                    "video": r.media,
                    "question": r.question,
                    **{f"rater_{i}_answer": i for i in "123"},
                }
                for r in OPENS
            ]
        ),
        ("3 columns", "rater_1_answer", "rater_3_answer"),
    ),
    Refusal(
        "options that are flagged",
        "q.json",
        as_json(
            [
                {
                    "video": r.media,
                    "question": r.question,
                    "options": [{"text": o, "correct": o == r.text} for o in r.options],
                }
                for r in CHOICES
            ]
        ),
        ("no column looks like the ground truth",),
    ),
    Refusal(
        "two answers",
        "q.csv",
        in_cells(
            [
                {**row, "human_answer": "x", "model_answer": f"y{i}"}
                for i, row in enumerate(opened("video", "question", "note"))
            ]
        ),
        ("human_answer", "model_answer", "2 columns"),
    ),
    Refusal(
        "answer and ground truth differ",
        "q.csv",
        in_cells([{**row, "ground_truth": "z"} for row in opened("video", "question", "answer")]),
        ("answer", "ground_truth", "2 columns"),
    ),
    Refusal(
        "letters without options",
        "q.csv",
        in_cells(
            [
                {"video": r.media, "question": r.question, "x": "a, b", "answer": r.letter}
                for r in CHOICES
            ]
        ),
        ("'answer' holds letters", "--map options="),
    ),
    Refusal(
        "numbers of options, from 0 or 1",
        "q.json",
        as_json(
            [
                {
                    "video": "a.mp4",
                    "question": r.question,
                    "options": ["red", "blue", "grey"],
                    "correct": 1,
                }
                for r in CHOICES
            ]
        ),
        ("correct", "0", "1"),
    ),
    Refusal(
        "two questions",
        "q.csv",
        in_cells(
            [
                {
                    "video": r.media,
                    "question_en": r.question,
                    "question_de": f"{r.question} Wo?",
                    "answer": r.answer,
                }
                for r in OPENS
            ]
        ),
        ("question_en", "question_de"),
    ),
    Refusal(
        "clip and picture in each row",
        "q.csv",
        in_cells(
            [
                {"video": "a.mp4", "image": "p.png", "question": r.question, "answer": r.answer}
                for r in OPENS
            ]
        ),
        ("'video'", "'image'", "--map media"),
    ),
    Refusal(
        "pictures in base64",
        "q.tsv",
        in_cells(
            [
                {
                    "index": i,
                    "image": "iVBORw0KGgo" * 100,
                    "question": r.question,
                    "answer": r.answer,
                }
                for i, r in enumerate(OPENS)
            ],
            "\t",
        ),
        ("'image'", "base64"),
    ),
    Refusal(
        "two sets",
        "q.json",
        as_json({"train": PLAIN, "test": PLAIN}),
        ("train", "test", "--rows-at"),
    ),
    Refusal("two sheets", "q.xlsx", sheets({"one": GRID, "two": GRID}), ("one", "two", "--sheet")),
    Refusal(
        "first frames",
        "q.csv",
        in_cells(
            [
                {**row, "start_frame": 3, "end_frame": 9}
                for row in named("video", "question", "options", "answer")
            ]
        ),
        ("start_frame", "seconds"),
    ),
    Refusal(
        "a quote that would swallow rows",
        "q.csv",
        lambda path: path.write_text(
            'video,question,answer\na.mp4,"What, then?",x\na.mp4,"Stop" says what?,y\n'
        ),
        ("line 3", "quote"),
    ),
    Refusal(
        "a login page",
        "q.csv",
        lambda path: path.write_text("<!DOCTYPE html>\n<html><body>Sign in</body></html>"),
        ("HTML page", "download"),
    ),
    Refusal(
        "a pointer",
        "q.parquet",
        lambda path: path.write_text(
            "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
        ),
        ("Git LFS pointer", "git lfs pull"),
    ),
    Refusal(
        "a set and a part of it",
        "q.json",
        as_json({"test": PLAIN, "test_mini": PLAIN[:2]}),
        ("test", "test_mini", "--rows-at"),
    ),
    Refusal(
        "commas without quotes",
        "q.csv",
        lambda path: path.write_text("video,question,answer\na.mp4,Red, or blue?,x\n"),
        ("line 2", "cells"),
    ),
    Refusal(
        "no header",
        "q.csv",
        lambda path: path.write_text("a.mp4,What is it?,a dot\nb.mp4,What is that?,a line\n"),
        ("no column looks like the question",),
    ),
]
