"""The benchmarks: what groups their rows, and how scores of rows become one number.

| benchmark | a row's score | the one number |
|---|---|---|
| VSI-Bench | right, or mean relative accuracy | mean of eight tasks, the directions' levels first |
| MVBench | right | mean of its tasks (20) |
| TempCompass | right by its task's rule | mean of its four tasks |
| the others | right | mean of rows |
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from r1data.errors import InputError, UsageError
from r1data.sources.benchmarks import FIELDS, TRACKS

Row = Mapping[str, Any]
Groups = dict[str, list[str]]

VSI_CHOICES = (
    "object_rel_direction_easy",
    "object_rel_direction_medium",
    "object_rel_direction_hard",
    "object_rel_distance",
    "route_planning",
    "obj_appearance_order",
)
VSI_NUMBERS = (
    "object_abs_distance",
    "object_counting",
    "object_size_estimation",
    "room_size_estimation",
)
# The fields of MMVU and the disciplines that its paper sums up by.
MMVU_FIELDS = {
    "Science": "Biology Chemistry Modern_Physics Astronomy Geography Materials_Science Neurobiology"
    " Electromagnetism Thermodynamics Mechanics",
    "Engineering": "Civil_Engineering Electrical_Engineering Mechanical_Engineering"
    " Biomedical_Engineering Electronics_and_Communication Computer_Science",
    "Healthcare": "Clinical_Medicine Basic_Medicine Preventive_Medicine Pharmacy Dentistry",
    "Humanities and social science": "Art Literature History Law Economics Management",
}
NUMBERED = re.compile(r"(?:dev|validation|test|new_dev)_(.+?)_\d+(?:_\w+)?$")


@dataclass(frozen=True)
class Benchmark:
    """One benchmark. `mean_of` names the group whose values are averaged; "" averages rows.

    `levels` says which values of that group are averaged into one first.
    """

    name: str
    title: str
    card: str
    groups: Callable[[Row, Row, str], Groups]
    mean_of: str = ""
    levels: Mapping[str, str] = field(default_factory=dict)
    expected: int = 0
    only: str = ""


def take(raw: Row, names: Sequence[str]) -> list[str]:
    """Return the values of the first column that has any; a list is several."""
    for name in names:
        value = raw.get(name)
        if isinstance(value, str) and value.startswith("[") and value.endswith("]"):
            value = [each.strip(" '\"") for each in value[1:-1].split(",")]
        values = value if isinstance(value, list) else [value]
        told = [str(each).strip() for each in values if each not in (None, "")]
        if told:
            return told
    return []


def named(raw: Row, columns: Mapping[str, Sequence[str]]) -> Groups:
    """Return the groups that a row's columns name; `columns` says where each may stand."""
    found = {name: take(raw, places) for name, places in columns.items()}
    return {name: values for name, values in found.items() if values}


def demand(raw: Row, groups: Groups, name: str, places: Sequence[str], where: str) -> str:
    """Return a group that the metric cannot do without. Raises InputError naming the row."""
    if name not in groups:
        has = ", ".join(map(str, raw))
        told = f"{where}: no column says its {name} (looked for {', '.join(places)}"
        raise InputError(f"{told}; the row has: {has})")
    return groups[name][0]


def vsi_groups(raw: Row, sample: Row, where: str) -> Groups:
    """VSI-Bench: the task, by which its kind of answer is known too."""
    places = ("question_type", "original_question_type", "task")
    groups = named(raw, {"task": places, "dataset": ("dataset",)})
    task = demand(raw, groups, "task", places, where)
    if task not in VSI_CHOICES + VSI_NUMBERS:
        known = ", ".join(VSI_CHOICES + VSI_NUMBERS)
        raise InputError(f"{where}: '{task}' is no task of VSI-Bench: {known}")
    return groups


def video_mme_groups(raw: Row, sample: Row, where: str) -> Groups:
    """Video-MME: short, medium or long, its domain and its kind of task."""
    tasks = ("task_type", "original_question_type")
    groups = named(raw, {"duration": ("duration",), "domain": ("domain",), "task": tasks})
    demand(raw, groups, "duration", ("duration",), where)
    return groups


def mmvu_groups(raw: Row, sample: Row, where: str) -> Groups:
    """MMVU: the discipline of the field that the clip's folder names."""
    folders = [PurePosixPath(each["uri"]).parent.name for each in sample["media"]]
    field = {"subject": [folder for folder in folders if folder]}
    return by_field(named({**field, **raw}, {"subject": ("subject",)}), MMVU_FIELDS)


def video_mmmu_groups(raw: Row, sample: Row, where: str) -> Groups:
    """VideoMMMU: the track, which is a folder or column, and the field that the id names."""
    groups = named(raw, {"track": ("track",)})
    parts = PurePosixPath((sample.get("origin") or {}).get("file") or "").parts
    folders = [track for track in TRACKS for part in parts if track.lower() in part.lower()]
    if not groups and folders:
        groups["track"] = folders[:1]
    names = [str(raw.get("id") or "")]
    names += [PurePosixPath(each["uri"]).stem for each in sample["media"]]
    fields = [match[1] for match in map(NUMBERED.match, names) if match]
    return groups | by_field({"subject": fields[:1]} if fields else {}, FIELDS)


def by_field(groups: Groups, fields: Mapping[str, str]) -> Groups:
    """Add the discipline of a subject."""
    subject = groups.get("subject", [""])[0].replace(" ", "_")
    held = [name for name, subjects in fields.items() if subject in subjects.split()]
    return {"discipline": held, **groups} if held else groups


def mvbench_groups(raw: Row, sample: Row, where: str) -> Groups:
    """MVBench: the task is the name of its file, or a column of a file that holds all."""
    groups = named(raw, {"task": ("task", "task_type", "question_type", "original_question_type")})
    stem = PurePosixPath((sample.get("origin") or {}).get("file") or "").stem
    if not groups and str(sample.get("id", "")).split("/")[-1].startswith(f"{stem}-"):
        groups["task"] = [stem]
    return groups


def temp_compass_groups(raw: Row, sample: Row, where: str) -> Groups:
    """TempCompass: one of four tasks, and the aspect of time that it asks about."""
    return named(raw, {"task": ("task",), "aspect": ("dim", "dimension", "aspect")})


def video_holmes_groups(raw: Row, sample: Row, where: str) -> Groups:
    """Video-Holmes: one of seven kinds of question."""
    places = ("Question Type", "question_type", "original_question_type", "kind")
    return named(raw, {"kind": places})


def long_video_bench_groups(raw: Row, sample: Row, where: str) -> Groups:
    """LongVideoBench: the group of lengths, in seconds, and the category of question."""
    return named(
        raw, {"duration": ("duration_group",), "category": ("question_category", "category")}
    )


def lv_bench_groups(raw: Row, sample: Row, where: str) -> Groups:
    """LVBench: a question may test several abilities, and counts in each."""
    return named(raw, {"ability": ("question_type", "original_question_type"), "type": ("type",)})


def own_groups(raw: Row, sample: Row, where: str) -> Groups:
    """A release or somebody's questions: the kind of problem and where it comes from."""
    kinds = {"problem_type": [sample["problem_type"]]}
    return kinds | named(raw, {"data_source": ("data_source",), "task": ("task",)})


BENCHMARKS = {
    each.name: each
    for each in (
        Benchmark(
            "vsi-bench",
            "VSI-Bench",
            "vsi-bench",
            vsi_groups,
            mean_of="task",
            levels=dict.fromkeys(VSI_CHOICES[:3], "object_rel_direction"),
            expected=8,
        ),
        Benchmark("videommmu", "VideoMMMU", "videommmu", video_mmmu_groups),
        Benchmark("mmvu", "MMVU (mc)", "mmvu", mmvu_groups, only="multiple choice"),
        Benchmark("mvbench", "MVBench", "mvbench", mvbench_groups, mean_of="task", expected=20),
        Benchmark(
            "tempcompass",
            "TempCompass",
            "tempcompass",
            temp_compass_groups,
            mean_of="task",
            expected=4,
        ),
        Benchmark("videomme", "Video-MME", "videomme", video_mme_groups),
        Benchmark("video-holmes", "Video-Holmes", "video-holmes", video_holmes_groups),
        Benchmark("longvideobench", "LongVideoBench", "longvideobench", long_video_bench_groups),
        Benchmark("lvbench", "LVBench", "lvbench", lv_bench_groups),
        Benchmark("own", "own questions", "own", own_groups),
    )
}


def plain_name(text: str) -> str:
    """Return a name without case, spaces and marks: "VSI-Bench" is "vsibench"."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def known_benchmark(text: str) -> Benchmark | None:
    """Return the benchmark of a name in any writing, or None."""
    names = {plain_name(name): each for name, each in BENCHMARKS.items()}
    return names.get(plain_name(text).removesuffix("mc"), names.get(plain_name(text)))


def load_benchmark(text: str) -> Benchmark:
    """Return the benchmark of a name. Raises UsageError with the known ones."""
    found = known_benchmark(text)
    if found is None:
        raise UsageError(f"no benchmark '{text}': there are {', '.join(BENCHMARKS)}")
    return found
