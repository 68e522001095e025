"""Prompt files: Markdown with one section for the question and one sentence a problem type."""

import hashlib
import re
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from r1data.errors import RecipeError
from r1data.places import place
from r1data.teacher import original

PROBLEM_TYPES = ("multiple choice", "numerical", "OCR", "free-form", "regression")
PLACEHOLDERS = ("problem", "options", "instruction")
# What the prompt of a revision holds beside them: the chain that is to be revised.
DRAFT = "draft"
HEADING = re.compile(r"^## +(.+?) *$")
SLOT = re.compile(r"\{(problem|options|instruction|draft)\}")


class Prompt(NamedTuple):
    """A prompt file, read: what is put to the teacher around a question."""

    name: str
    question: str
    instructions: Mapping[str, str]
    sha256: str
    options: str = "{options}"  # what stands around the lettered options where there are any

    def fill(self, problem: str, options: Sequence[str], problem_type: str, draft: str = "") -> str:
        """Return the text for one question; option texts get their letters here.

        `draft` is the chain that a revision is about. Everything is replaced in one pass, so braces
        inside a question stay what they are.
        """
        lettered = "\n".join(f"{letter(i)}. {text}" for i, text in enumerate(options))
        slots = {
            "problem": problem,
            "options": self.options.replace("{options}", lettered),
            "instruction": self.instructions[problem_type],
            DRAFT: draft,
        }
        template = self.question if options else without_options(self.question)
        return SLOT.sub(lambda slot: slots[slot[1]], template)


def load_prompt(name: str, revises: bool = False) -> Prompt:
    """Read recipes/prompts/NAME.md, or the file itself where `name` ends in ".md".

    `revises` asks for a prompt that holds {draft}, which no other may hold.
    "video-r1-original" and "video-r1-trainer" are fetched on first use. Raises RecipeError or
    InputError.
    """
    if name in original.NAMES and not revises:
        return original_prompt(name)
    path = Path(name) if name.endswith(".md") else place("recipes") / "prompts" / f"{name}.md"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in (place("recipes") / "prompts").glob("*.md")))
        raise RecipeError(f"no prompt '{name}': {path} does not exist; there are: {known}")
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as problem:
        raise RecipeError(f"{path}: not UTF-8 text: {problem}") from problem
    return parse_prompt(path.stem, text, str(path), revises)


def original_prompt(name: str) -> Prompt:
    """Put the published templates together as their authors' scripts do."""
    file = original.NAMES[name]
    question, types = original.original_parts(file)
    template = question.replace("{Question}", "{problem}{options}") + "{instruction}"
    digest = hashlib.sha256((original.SHA256[file] + original.TYPES_SHA256).encode()).hexdigest()
    return Prompt(name, template, types, digest, "Options:\n{options}\n")


def parse_prompt(name: str, text: str, where: str, revises: bool = False) -> Prompt:
    """Parse the text of a prompt file; what stands above the first section is for the reader."""
    text = text.replace("\r\n", "\n")
    sections = split_sections(text, where)
    missing = [title for title in ("question", *PROBLEM_TYPES) if not sections.get(title)]
    if missing:
        raise RecipeError(f"{where}: the section '## {missing[0]}' is missing or empty")
    question = sections.pop("question")
    for slot in (*PLACEHOLDERS, DRAFT) if revises else PLACEHOLDERS:
        if question.count(f"{{{slot}}}") != 1:
            raise RecipeError(f"{where}: '## question' must hold {{{slot}}} exactly once")
    if not revises and f"{{{DRAFT}}}" in question:
        raise RecipeError(
            f"{where}: {{{DRAFT}}} is filled by a revision only: name this prompt in revise.prompt"
        )
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Prompt(name, question, sections, digest)


def split_sections(text: str, where: str) -> dict[str, str]:
    """Return title -> text of the "## title" sections; an unknown or doubled title is an error."""
    sections: dict[str, list[str]] = {}
    current: list[str] | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        match = HEADING.match(line)
        if match is None:
            if current is not None:
                current.append(line)
            continue
        title = match[1]
        if title not in ("question", *PROBLEM_TYPES):
            allowed = ", ".join(("question", *PROBLEM_TYPES))
            raise RecipeError(f"{where}:{number}: unknown section '{title}'; allowed: {allowed}")
        if title in sections:
            raise RecipeError(f"{where}:{number}: the section '{title}' stands here twice")
        current = sections[title] = []
    return {title: "\n".join(lines).strip() for title, lines in sections.items()}


def without_options(template: str) -> str:
    """Drop the line that is only for options, or the bare placeholder within a line."""
    lines = [line for line in template.split("\n") if line.strip() != "{options}"]
    return "\n".join(lines).replace("{options}", "")


def letter(position: int) -> str:
    """Return A for 0, B for 1, ... Z, AA, AB."""
    letters = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        letters = string.ascii_uppercase[rest] + letters
    return letters
