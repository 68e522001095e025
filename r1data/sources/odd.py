"""Parsers of sources with a form of their own."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from r1data.answer_key import read_index, read_key, read_text_key
from r1data.errors import InputError, RowDrop
from r1data.options import ambiguous, no_truth, read_options, short
from r1data.sources.asked import Reader, Row, choice, embedded, judged, row_base, settled
from r1data.sources.conversations import need, number_of, plain, split_question, turns
from r1data.sources.reading import Raw, parse_json, read_text


def nextqa(raw: Raw, reader: Reader) -> Iterator[Row]:
    """The official NExT-QA files: five option columns, the truth counted from 0, a map of clips."""
    row = raw.row
    video, qid = (need(row, name, raw.where) for name in ("video", "qid"))
    clips = companion(reader.folder / reader.arguments["map"])
    if str(video) not in clips:
        raise InputError(f"{raw.where}: the clip {video} is not in {reader.arguments['map']}")
    base = row_base(
        raw, reader, f"{video}_{qid}", row.get("question"), [f"{clips[str(video)]}.mp4"]
    )
    base |= {
        "data_source": "NeXT-QA",
        "kind": row.get("type"),
        "frame_count": row.get("frame_count"),
    }

    def make() -> Row:
        options = read_options([need(row, f"a{i}", raw.where) for i in range(5)])
        answer = need(row, "answer", raw.where)
        return {**choice(row["question"], options, read_index(answer, options)), "answer": answer}

    yield settled(base, make)


@cache
def companion(path: Path) -> Mapping[str, Any]:
    """Read a JSON object that stands beside the questions. Raises InputError."""
    if not path.is_file():
        raise InputError(f"no file {path}, which the questions beside it need")
    data = parse_json(read_text(path), str(path))
    if not isinstance(data, dict):
        raise InputError(f"{path}: expected an object")
    return data


def clevrer(raw: Raw, reader: Reader) -> Iterator[Row]:
    """A clip with many questions: counts are numbers; choices need exactly one right one."""
    scene = need(raw.row, "scene_index", raw.where)
    name = need(raw.row, "video_filename", raw.where)
    number = int(re.sub(r"\D", "", str(name)) or -1)
    if number < 0:
        raise InputError(f"{raw.where}: '{name}' is no CLEVRER clip")
    first = number // 1000 * 1000
    media = f"video_{first:05d}-{first + 1000:05d}/{name}"
    part = "train" if number < 10_000 else "validation" if number < 15_000 else "test"
    for question in need(raw.row, "questions", raw.where):
        identity = f"{scene}-{need(question, 'question_id', raw.where)}"
        base = row_base(raw, reader, identity, question.get("question"), [media])
        kind = str(question.get("question_type"))
        base |= {"split": part, "tail": f"video_{part}/{name}", "kind": kind}
        yield settled(base, lambda question=question: clevrer_truth(question, raw.where))


def clevrer_truth(question: Mapping[str, Any], where: str) -> Row:
    """Tell the truth of a CLEVRER question."""
    if "choices" not in question:
        answer = need(question, "answer", where)
        if question.get("question_subtype", "count") != "count":
            raise no_truth(f"its answer '{short(answer)}' is a word without options")
        problem, number = plain(question["question"]), number_of(answer)
        return {"problem": problem, "problem_type": "numerical", "solution": number}
    options = [str(need(each, "choice", where)) for each in question["choices"]]
    marks = [need(each, "answer", where) for each in question["choices"]]
    if not set(marks) <= {"correct", "wrong"}:
        raise no_truth("one of its choices is neither correct nor wrong")
    if marks.count("correct") != 1:
        raise ambiguous(f"{marks.count('correct')} of its {len(marks)} choices are correct")
    return choice(question["question"], read_options(options), marks.index("correct"))


def star(raw: Raw, reader: Reader) -> Iterator[Row]:
    """A part of a Charades video from start to end; the truth is the text of one choice."""
    row = raw.row
    names = ("question_id", "video_id", "start", "end")
    identity, video, start, end = (need(row, name, raw.where) for name in names)
    base = row_base(raw, reader, identity, row.get("question"), [f"{video}.mp4"])
    base |= {"start": start, "end": end}

    def make() -> Row:
        if not float(start) < float(end):
            raise no_truth(f"its part from {start} to {end} s has no length")
        given = need(row, "choices", raw.where)
        options = read_options([need(each, "choice", raw.where) for each in given])
        answer = need(row, "answer", raw.where)
        place = read_text_key(answer, options)
        return {**choice(row["question"], options, place), "answer": answer}

    yield settled(base, make)


def perception_test(raw: Raw, reader: Reader) -> Iterator[Row]:
    """The official PerceptionTest: objects by video id with their multiple-choice questions.

    Near its end a cup game shows where the ball is: the authors list the frame at which to cut.
    """
    video = need(raw.row, "_id", raw.where)
    facts = raw.row.get("metadata") or {}
    path = reader.folder / PurePosixPath(reader.arguments["cuts"]).name
    cuts = companion(path) if path.is_file() else {}
    for question in raw.row.get("mc_question") or ():
        identity = f"{video}-{need(question, 'id', raw.where)}"
        base = row_base(raw, reader, identity, question.get("question"), [f"{video}.mp4"])
        base["area"] = question.get("area")

        def make(question: Mapping[str, Any] = question) -> Row:
            row = indexed(question, "answer_id", raw.where)
            if facts.get("is_cup_game") and not path.is_file():
                raise no_truth(f"a cup game shows its answer: {path.name} says where to cut it")
            return row | cut(cuts.get(str(video)), facts)

        yield settled(base, make)


def cut(frame: Any, facts: Mapping[str, Any]) -> Row:
    """Return where a clip ends that is cut before a frame; it ends by itself where none is named.

    Half a frame is taken off, so that neither way of rounding shows that frame.
    """
    if frame is None:
        return {}
    rate = facts.get("frame_rate")
    if not isinstance(frame, int) or frame < 1 or not isinstance(rate, int | float) or rate <= 0:
        raise no_truth(f"it is to be cut at frame {short(frame)} of {short(rate)} a second")
    return {"end": (frame - 0.5) / rate}


def indexed(row: Mapping[str, Any], key: str, where: str) -> Row:
    """Return a question with a list of options and the truth's place counted from 0."""
    options = read_options(need(row, "options", where))
    answer = need(row, key, where)
    return {**choice(row.get("question"), options, read_index(answer, options)), "answer": answer}


def gvlqa(raw: Raw, reader: Reader) -> Iterator[Row]:
    """Graphs as pictures: yes or no becomes a choice, the tasks with other answers fall out."""
    image, identity = (need(raw.row, name, raw.where) for name in ("image", "id"))
    base = row_base(raw, reader, identity, "", [image])
    try:
        question, answer = turns(need(raw.row, "conversations", raw.where), raw.where)[0]
    except RowDrop as drop:
        yield {**base, "drop": (drop.reason.value, drop.detail)}
        return
    base["problem"] = question
    yield settled(base, lambda: judged(split_question(question), answer, reader.types, True))


def arxivqa(raw: Raw, reader: Reader) -> Iterator[Row]:
    """GPT-4V's questions about figures: options as "A) x", "A. x" or bare, labels as they come."""
    names = ("id", "image", "question", "options", "label")
    identity, image, question, options, label = (need(raw.row, n, raw.where) for n in names)
    base = row_base(raw, reader, identity, question, [image])

    def make() -> Row:
        texts = read_options(options)
        if re.match(r"^\s*[A-Z]\s*(,|and|&|/)\s*[A-Z]\b", str(label)):
            raise ambiguous(f"its truth '{short(label)}' names several letters")
        return {**choice(question, texts, read_key(label, texts)), "label": label}

    yield settled(base, make)


def exams_v(raw: Raw, reader: Reader) -> Iterator[Row]:
    """School exams whose question and options stand in the picture; options are bare letters."""
    names = ("image", "answer_key", "subject", "language")
    picture, key, subject, language = (need(raw.row, name, raw.where) for name in names)
    problem = "Answer the multiple-choice question in the picture with the letter of its option."
    base = row_base(raw, reader, raw.row.get("sample_id") or raw.where.split()[-1], problem, [])
    base |= {"data_source": f"EXAMS-V/{subject}", "language": language, "subject": subject}

    def make() -> Row:
        languages = reader.arguments.get("languages")
        if languages and language not in languages:
            raise no_truth(f"its language '{language}' is not taken")
        letter = str(key).strip().upper()
        if letter not in ("A", "B", "C", "D", "E"):
            raise no_truth(f"its truth '{short(key)}' is none of the letters A to E")
        options = ["A", "B", "C", "D", "E"][: 5 if letter == "E" else 4]
        row = {"media": embedded(raw, reader, picture), "options": options}
        return {**row, "problem_type": "multiple choice", "solution": letter}

    yield settled(base, make)


def multimath(raw: Raw, reader: Reader) -> Iterator[Row]:
    """LLaVA-style solutions in prose: the truth is what the last sentence concludes with."""
    image = need(raw.row, "image", raw.where)
    if not isinstance(image, str) or not image:
        return
    identity = raw.row.get("id") or Path(image).stem
    base = row_base(raw, reader, identity, "", [reader.arguments.get("inside", "") + image])
    try:
        question, answer = turns(need(raw.row, "conversations", raw.where), raw.where)[0]
    except RowDrop as drop:
        yield {**base, "drop": (drop.reason.value, drop.detail)}
        return
    base["problem"] = question

    def make() -> Row:
        asked = split_question(question)
        return {**judged(asked, conclusion(answer), reader.types), "answer": plain(answer)}

    yield settled(base, make)


def conclusion(text: str) -> str:
    """Return what a solution concludes with. Raises RowDrop where no closing line says so."""
    last = plain(text).rstrip().rsplit("\n", 1)[-1]
    boxed = re.findall(r"\\boxed\{([^{}]+)\}", last)
    said = re.findall(
        r"(?:answer(?:\s+is)?|故选|答案(?:是|为)?)\s*[:：]?\s*(\S.*?)\s*[.。]?$",
        last,
        re.IGNORECASE,
    )
    found = boxed or said
    if len(found) != 1:
        raise no_truth("its solution does not end in one plain answer")
    return re.sub(r"^\$(.*)\$$", r"\1", found[0].strip())


def visual7w(raw: Raw, reader: Reader) -> Iterator[Row]:
    """The official file: three wrong options and the right one apart, mixed in a fixed order."""
    name = need(raw.row, "filename", raw.where)
    for pair in need(raw.row, "qa_pairs", raw.where):
        identity = need(pair, "qa_id", raw.where)
        base = row_base(raw, reader, identity, pair.get("question"), [name])
        base["split"] = raw.row.get("split")

        def make(pair: Mapping[str, Any] = pair, identity: Any = identity) -> Row:
            texts = [*need(pair, "multiple_choices", raw.where), need(pair, "answer", raw.where)]
            # the order follows from the id, so that it is the same everywhere and no letter leads
            order = sorted(texts, key=lambda text: sha256(f"{identity}|{text}".encode()).digest())
            options = read_options(order)
            return choice(pair["question"], options, read_text_key(pair["answer"], options))

        yield settled(base, make)
