"""Parsers of the benchmarks' own files, and of their rows in Video-R1's form."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from r1data.answer_key import read_index, read_key, read_text_key
from r1data.options import Options, no_truth, read_options, short
from r1data.sources.asked import Reader, Row, choice, row_base, settled
from r1data.sources.conversations import need, number_of, plain, split_question
from r1data.sources.mapping import KINDS, kind_of, required_text, truth
from r1data.sources.reading import Raw
from r1data.sources.transforms import untag


def video_r1(raw: Raw, reader: Reader) -> Iterator[Row]:
    """Video-R1's row form as others write it: null options, "A: x", open-ended, more columns."""
    row = raw.row
    names = ("problem", "problem_type", "solution", "path", "data_type")
    problem, _, _, path, data_type = (need(row, name, raw.where) for name in names)
    media = str(path).removeprefix("./") if path else None
    base = row_base(raw, reader, row.get("problem_id", raw.where.split()[-1]), problem, media)
    base |= rest(row, ("problem", "options", "solution", "path", "process", "problem_type"))
    base |= {"problem_id": row.get("problem_id"), "data_type": data_type, "tail": media}
    if reader.arguments.get("last_frame") and PICTURE.search(str(problem)):
        row = {**row, "problem": at_the_end(problem)}
    named = row.get("data_source") or reader.arguments.get("data_source") or ""
    base["data_source"] = named
    twins = bool(reader.arguments.get("twins"))
    yield settled(base, lambda: video_r1_truth(row, reader.first, twins))


def video_r1_truth(row: Mapping[str, Any], first: int | None, twins: bool) -> Row:
    """Tell type, options and truth of a row in Video-R1's form, as own questions are read."""
    kind = kind_of(row["problem_type"])
    required_text(row["problem"])
    text = plain(row["problem"])
    options = read_options(row.get("options"))
    solution = truth(untag(row["solution"]), kind, options, first=first, twins=twins)
    given = {"problem": text, "problem_type": kind, "options": list(options.texts)}
    return {**given, "solution": solution}


def lettered(problem: Any, options: Any, answer: Any) -> Row:
    """Return a question whose truth is a letter, or one option's text.

    A benchmark is scored by its letter also where two of its options read the same (6 of 2,700 rows
    of Video-MME), so its rows stay.
    """
    given = read_options(options)
    place = read_key(answer, given, twins=True, lettered=True)
    return {**choice(problem, given, place), "answer": answer}


def rest(row: Mapping[str, Any], used: tuple[str, ...]) -> Row:
    """Return the plain fields of a row that become no column of ours."""
    return {k: v for k, v in row.items() if k not in used and isinstance(v, str | int | float)}


def vsi_bench(raw: Raw, reader: Reader) -> Iterator[Row]:
    """VSI-Bench: choices by letter, sizes and counts as numbers scored by relative accuracy."""
    names = ("id", "dataset", "scene_name", "question_type", "question", "ground_truth")
    identity, dataset, scene, kind, question, truth = (need(raw.row, n, raw.where) for n in names)
    base = row_base(raw, reader, identity, question, [f"{dataset}/{scene}.mp4"])
    base |= {"question_type": kind, "dataset": dataset}
    options = raw.row.get("options")

    def make() -> Row:
        if options:
            return lettered(question, options, truth)
        return {"problem_type": "regression", "solution": number_of(truth), "answer": truth}

    yield settled(base, make)


def video_mmmu(raw: Raw, reader: Reader) -> Iterator[Row]:
    """VideoMMMU: lectures by subject; open questions keep their text as truth."""
    names = ("id", "question", "options", "answer", "question_type")
    identity, question, options, answer, kind = (need(raw.row, name, raw.where) for name in names)
    track = video_mmmu_track(reader.file)
    mine = f"{track}/{identity}" if track else identity  # all three tracks ask about one clip
    base = row_base(raw, reader, mine, question, [video_mmmu_path(str(identity))])
    base |= {"track": track, "question_type": kind}
    question = at_the_end(question) if raw.row.get("image") else question

    def make() -> Row:
        if options:
            return lettered(question, options, answer)
        truth = plain(str(answer))
        if not truth:
            raise no_truth("its truth is empty")
        return {"problem": plain(question), "problem_type": "free-form", "solution": truth}

    yield settled(base, make)


TRACKS = ("Perception", "Comprehension", "Adaptation")
# VideoMMMU's clips lie in a folder a field; the field follows from the subject in a clip's id.
FIELDS = {
    "Art": "Art Art_Theory Design Music",
    "Business": "Accounting Economics Finance Manage Marketing",
    "Engineering": "Agriculture Architecture_and_Engineering Computer_Science Electronics "
    "Energy_and_Power Materials Mechanical_Engineering",
    "Humanities": "History Literature Psychology Sociology",
    "Medicine": "Basic_Medical_Science Clinical_Medicine Diagnostics_and_Laboratory_Medicine "
    "Pharmacy Public_Health",
    "Science": "Biology Chemistry Geography Math Physics",
}
FIELD_OF = {subject: field for field, subjects in FIELDS.items() for subject in subjects.split()}
IMAGE_AT_END = "The picture that the question speaks of is the end of the video."
PICTURE = re.compile(r"<image[ _]?\d*>", re.IGNORECASE)


def video_mmmu_path(identity: str) -> str:
    """Return the clip of a question, below its field's folder."""
    subject = identity.partition("_")[2].rpartition("_")[0]
    field = FIELD_OF.get(subject)
    return f"{field}/{identity}.mp4" if field else f"{identity}.mp4"


def video_mmmu_track(file: str) -> str:
    """Return the track that a question file's folder or name says."""
    return next((name for name in TRACKS if name.casefold() in file.casefold()), "")


def at_the_end(question: Any) -> Any:
    """Say where the picture is that a question of VideoMMMU speaks of: the clip's last frame."""
    return f"{question}\n{IMAGE_AT_END}" if isinstance(question, str) else question


def mmvu(raw: Raw, reader: Reader) -> Iterator[Row]:
    """MMVU: the clip is a full address or a path; choices stand by letter."""
    names = ("id", "question", "question_type", "answer")
    identity, question, kind, answer = (need(raw.row, name, raw.where) for name in names)
    video = raw.row.get("video_path") or need(raw.row, "video", raw.where)
    path = re.sub(r"^https?://.*?/resolve/[^/]+/", "", str(video)).removeprefix("./")
    base = row_base(raw, reader, identity, question, [path])
    base["question_type"] = kind

    def make() -> Row:
        if KINDS.get(kind) == "multiple choice":
            return lettered(question, need(raw.row, "choices", raw.where), answer)
        if KINDS.get(kind) != "free-form":
            raise no_truth(f"'{short(kind)}' is no question type of MMVU")
        if not plain(str(answer)):
            raise no_truth("its truth is empty")
        return {"problem": plain(question), "problem_type": "free-form", "solution": str(answer)}

    yield settled(base, make)


def mvbench(raw: Raw, reader: Reader) -> Iterator[Row]:
    """MVBench: one file a subtask; the truth is the text of a candidate; some clips are cut."""
    names = ("video", "question", "candidates", "answer")
    video, question, candidates, answer = (need(raw.row, name, raw.where) for name in names)
    task = reader.file.rpartition("/")[2].removesuffix(".json")
    folder = reader.arguments.get("folders", {}).get(task, task)
    identity = f"{task}-{raw.where.split()[-1]}"
    base = row_base(raw, reader, identity, question, [f"{folder}/{video}"])
    base["task"] = task
    if not reader.arguments.get("cut_already"):
        base |= {"start": raw.row.get("start"), "end": raw.row.get("end")}

    def make() -> Row:
        options = read_options(candidates)
        return {**choice(question, options, read_text_key(answer, options)), "answer": answer}

    yield settled(base, make)


def temp_compass(raw: Raw, reader: Reader) -> Iterator[Row]:
    """TempCompass: options in the question's text, as "A. x" or "Option 1: x", or yes and no.

    Its authors' own files hold, by clip and by dimension, lists of questions.
    """
    if "_id" not in raw.row:
        yield temp_compass_row(raw, raw.where.split()[-1], raw.row, reader)
        return
    video = raw.row["_id"]
    for dim, asked in raw.row.items():
        for number, each in enumerate(asked if isinstance(asked, list) else ()):
            row = {**each, "video_id": video, "dim": dim}
            yield temp_compass_row(raw, f"{video}-{dim}-{number + 1}", row, reader)


def temp_compass_row(raw: Raw, identity: str, row: Mapping[str, Any], reader: Reader) -> Row:
    """Return one question of TempCompass."""
    video, answer = (need(row, name, raw.where) for name in ("video_id", "answer"))
    question = need(row, "question", raw.where)
    task = reader.config or reader.file.rpartition("/")[2].partition(".")[0]
    base = row_base(raw, reader, f"{task}-{identity}", question, [f"videos/{video}.mp4"])
    base |= {"task": task, "dim": row.get("dim")}

    def make() -> Row:
        text = NUMBERED.sub(numbered, plain(question))
        key = NUMBERED.sub(numbered, str(answer))
        asked = split_question(text)
        options = asked.options
        if not options and str(answer).strip().rstrip(".").casefold() in ("yes", "no"):
            options = ["yes", "no"]
        if not options:
            raise no_truth("it has no options, and its answer is neither yes nor no")
        given = Options(tuple(options))
        return {
            **choice(asked.problem, given, read_key(key, given, lettered=True)),
            "answer": answer,
        }

    return settled(base, make)


# The four ways in which TempCompass's caption matching names its options.
NUMBERED = re.compile(
    r"^\s*(?:Option|Caption|Sentence|Description)\s+([1-9A-I])\s*(?::\s*|$)", re.MULTILINE
)


def numbered(match: re.Match[str]) -> str:
    """Turn "Option 2: " and "Sentence B: " into "B. "."""
    name = match[1]
    return f"{'ABCDEFGHI'[int(name) - 1] if name.isdigit() else name}. "


def video_mme(raw: Raw, reader: Reader) -> Iterator[Row]:
    """Video-MME: options as "A. x", the truth a letter."""
    names = ("question_id", "videoID", "question", "options", "answer")
    identity, video, question, options, answer = (need(raw.row, n, raw.where) for n in names)
    base = row_base(raw, reader, identity, question, [f"data/{video}.mp4"])
    base |= {key: raw.row.get(key) for key in ("duration", "domain", "task_type")}
    yield settled(base, lambda: lettered(question, options, answer))


def video_holmes(raw: Raw, reader: Reader) -> Iterator[Row]:
    """Video-Holmes: options by letter, the truth a letter, an explanation that stays in extra."""
    names = ("Question ID", "video ID", "Question", "Options", "Answer")
    identity, video, question, options, answer = (need(raw.row, n, raw.where) for n in names)
    # Question IDs count from 1 in each clip.
    base = row_base(raw, reader, f"{video}_{identity}", question, [f"videos_cropped/{video}.mp4"])
    base |= {"kind": raw.row.get("Question Type"), "explanation": raw.row.get("Explanation")}
    yield settled(base, lambda: lettered(question, options, answer))


def long_video_bench(raw: Raw, reader: Reader) -> Iterator[Row]:
    """LongVideoBench: option0 to option4 padded with "N/A", or candidates; the truth's place."""
    identity, question = (need(raw.row, name, raw.where) for name in ("id", "question"))
    truth = need(raw.row, "correct_choice", raw.where)
    video = need(raw.row, "video_path", raw.where)
    base = row_base(raw, reader, identity, question, [f"videos/{video}"])
    base["duration_group"] = raw.row.get("duration_group")

    def make() -> Row:
        given = raw.row.get("candidates") or [raw.row.get(f"option{i}") for i in range(5)]
        while given and given[-1] in (None, "", "N/A"):  # how the file pads its five columns
            given = given[:-1]
        options = read_options(given)
        if str(truth).strip() in ("", "-1", "None"):
            raise no_truth("its truth is hidden, as in the test split")
        is_letter = re.fullmatch(r"[A-E]", str(truth).strip())
        place = (read_key if is_letter else read_index)(truth, options)
        return {**choice(question, options, place), "answer": truth}

    yield settled(base, make)


def lv_bench(raw: Raw, reader: Reader) -> Iterator[Row]:
    """LVBench: options as "(A) x" lines of the question, the truth a letter.

    Its authors' own file has a line a clip, with its questions under `qa`.
    """
    nested = raw.row.get("qa")
    if not isinstance(nested, list):
        yield lv_bench_row(raw, raw.row, reader)
        return
    video = f"{need(raw.row, 'key', raw.where)}.mp4"
    for each in nested:
        yield lv_bench_row(raw, {"video_path": video, **each}, reader)


def lv_bench_row(raw: Raw, row: Mapping[str, Any], reader: Reader) -> Row:
    """Return one question of LVBench."""
    video, question = (need(row, name, raw.where) for name in ("video_path", "question"))
    answer = need(row, "answer", raw.where)
    identity = row.get("uid") or row.get("id") or raw.where.split()[-1]
    base = row_base(raw, reader, identity, question, [video])

    def make() -> Row:
        given = row.get("options")
        if given:
            return lettered(question, given, answer)
        asked = split_question(question)
        if not asked.options:
            raise no_truth("it has no options")
        options = Options(tuple(asked.options))
        return {
            **choice(asked.problem, options, read_key(answer, options, lettered=True)),
            "answer": answer,
        }

    return settled(base, make)
