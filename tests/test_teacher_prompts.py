import hashlib
import json
import re
from pathlib import Path

import pytest

from r1data.errors import InputError, RecipeError
from r1data.teacher import original
from r1data.teacher.prompts import PROBLEM_TYPES, letter, load_prompt, parse_prompt

SECTIONS = {"question": "{problem}\n{options}\n\n{instruction}"}
SECTIONS |= {kind: f"say {kind}" for kind in PROBLEM_TYPES}


def text_of(sections: dict[str, str]) -> str:
    return "# a title\n\nfor the reader\n\n" + "\n\n".join(
        f"## {title}\n\n{text}" for title, text in sections.items()
    )


@pytest.mark.parametrize("name", ["video-r1", "grounded"])
@pytest.mark.parametrize("kind", PROBLEM_TYPES)
def test_the_prompts_that_come_along_ask_for_both_tags(name: str, kind: str) -> None:
    filled = load_prompt(name).fill("How many?", ["one", "two"], kind)
    assert filled.startswith("How many?\nA. one\nB. two\n")
    assert all(tag in filled for tag in ("<think>", "</think>", "<answer>", "</answer>"))
    assert not re.search(r"\{(problem|options|instruction)\}", filled)


def test_braces_in_a_question_stay_what_they_are() -> None:
    prompt = parse_prompt("p", text_of(SECTIONS), "p.md")
    problem = "What is {x} in {options} and {instruction}, {0}?"
    assert prompt.fill(problem, ["{problem}"], "OCR") == f"{problem}\nA. {{problem}}\n\nsay OCR"


def test_without_options_their_line_is_gone() -> None:
    prompt = parse_prompt("p", text_of(SECTIONS), "p.md")
    assert prompt.fill("Why?", [], "free-form") == "Why?\n\nsay free-form"


def test_any_change_of_the_file_changes_its_hash_and_line_ends_do_not() -> None:
    first = parse_prompt("p", text_of(SECTIONS), "p.md")
    changed = parse_prompt("p", text_of(SECTIONS | {"OCR": "read it"}), "p.md")
    windows = parse_prompt("p", text_of(SECTIONS).replace("\n", "\r\n"), "p.md")
    assert first.sha256 != changed.sha256 and first.sha256 == windows.sha256


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the section '## question' is missing"),
        (text_of({k: v for k, v in SECTIONS.items() if k != "OCR"}), "'## OCR' is missing"),
        (text_of(SECTIONS | {"numerical": " "}), "'## numerical' is missing or empty"),
        (text_of(SECTIONS | {"ocr": "x"}), "unknown section 'ocr'"),
        (text_of(SECTIONS) + "\n## OCR\nagain", "the section 'OCR' stands here twice"),
        (text_of(SECTIONS | {"question": "{problem} {options}"}), "{instruction}"),
        (
            text_of(SECTIONS | {"question": "{problem}{problem} {options}{instruction}"}),
            "{problem}",
        ),
    ],
)
def test_a_prompt_that_cannot_be_right_is_told_with_its_file(text: str, told: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(told)) as problem:
        parse_prompt("p", text, "p.md")
    assert str(problem.value).startswith("p.md")


def test_an_unknown_prompt_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"grounded, .*video-r1"):
        load_prompt("viedo-r1")
    own = tmp_path / "mine.md"
    own.write_text(text_of(SECTIONS))
    assert load_prompt(str(own)).name == "mine"
    own.write_bytes(b"\xff\xfe")
    with pytest.raises(RecipeError, match="not UTF-8"):
        load_prompt(str(own))


def test_letters_go_on_after_z() -> None:
    assert [letter(i) for i in (0, 25, 26, 27, 701, 702)] == ["A", "Z", "AA", "AB", "ZZ", "AAA"]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("name", original.NAMES)
def test_the_published_prompt_is_read_and_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The templates are its authors', so stand-ins with their own hashes take their place here."""
    question = "{Question}\nThink {as} you like."
    types = {kind: f" Say {kind}…" for kind in PROBLEM_TYPES}
    source = f"import missing\ndef f():\n    QUESTION_TEMPLATE = {question!r}\n"
    source += f"    TYPE_TEMPLATE = {types!r}\n    raise SystemExit\n"
    monkeypatch.setenv("R1DATA_CACHE", str(tmp_path))
    monkeypatch.setattr(original, "ROOT", "http://127.0.0.1:9/nothing")
    with pytest.raises(InputError, match="put that file at") as problem:
        load_prompt(name)
    path = original.kept_at(original.NAMES[name])
    assert str(path) in str(problem.value)
    path.parent.mkdir(parents=True)
    path.write_text(source)
    with pytest.raises(InputError, match="other hashes"):
        load_prompt(name)
    sorted_types = json.dumps(types, sort_keys=True, ensure_ascii=False)
    monkeypatch.setitem(original.SHA256, original.NAMES[name], sha256(question))
    monkeypatch.setattr(original, "TYPES_SHA256", sha256(sorted_types))
    prompt = load_prompt(name)
    assert prompt.fill("Why?", ["x", "y"], "OCR") == (
        "Why?Options:\nA. x\nB. y\n\nThink {as} you like. Say OCR…"
    )
    assert prompt.fill("Why?", [], "OCR") == "Why?\nThink {as} you like. Say OCR…"
    path.write_text("not python (")
    with pytest.raises(InputError, match="is not the published"):
        load_prompt(name)


def test_the_published_files_have_the_published_hashes(real_data: Path) -> None:
    """Wherever somebody has put the two files beside the real data."""
    folder = real_data / "video-r1"
    if not folder.is_dir():
        pytest.skip("the two published files are not there")
    for file in original.NAMES.values():
        text = (folder / Path(file).name).read_text(encoding="utf-8")
        question, types = original.read_original(text, "here", file)
        assert "{Question}" in question and set(types) == set(PROBLEM_TYPES)
