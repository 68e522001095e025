"""No traceback and no misleading word: what a person types wrong is told in words that help.

The inputs are in `wrong_inputs.py`; each is typed here, in a folder with its files.
"""

import json
import os
import pty
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from clips import Clip, make
from hub import Fault, Hub
from wrong_inputs import ALL, FILES, HEAD, Wrong

from r1data.building import Build, build
from r1data.cli import main
from r1data.recipe import load_recipe

# Words of a program about itself: none of them helps anybody who typed something.
INSIDE = ("Traceback", "NoneType", "object at 0x", "KeyError", "<class ", "<file>")
# What is read at a glance.
MOST_LINES, MOST_LETTERS = 8, 500


@pytest.fixture(scope="session")
def world(demo: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every file that a wrong input names."""
    folder = tmp_path_factory.mktemp("world")
    for name in ("b", "half", "cut", "flipped", "odd"):
        shutil.copytree(demo.path, folder / name)
    shutil.copytree(demo.release, folder / "rel")
    for stage in (folder / "half").glob("[6-9].*"):
        shutil.rmtree(stage)
    shard = next((folder / "cut" / "9.release" / "data").glob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:500])
    answers = min((folder / "flipped" / "6.responses").glob("*.parquet"))
    answers.write_bytes(answers.read_bytes()[:500])
    (folder / "odd" / "build.json").write_text('{"name": ')
    for name in ("empty", "clips", "q2"):
        (folder / name).mkdir()
    make(Clip("a.mp4"), folder / "clips")
    shutil.copy(folder / "clips" / "a.mp4", folder / "clips" / "b.mp4")
    for name in ("q2/a.csv", "q2/b.csv"):
        (folder / name).write_text(HEAD)
    for name, content in FILES.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def here(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's own folder, with links to all that stands in the world."""
    for each in world.iterdir():
        if each.name != "clips":
            (tmp_path / each.name).symlink_to(each)
    shutil.copytree(world / "clips", tmp_path / "clips")  # clips behind a link lie outside
    for name in ("TEACHER_URL", "TEACHER_KEY", "NO_URL", "NO_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture(scope="session")
def busy() -> Iterator[str]:
    """A port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        yield str(held.getsockname()[1])


def typed(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    """Run a command line in this process; return its exit code and what it printed."""
    monkeypatch.setattr(sys, "argv", ["r1data", *shlex.split(command)])
    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    out, err = capsys.readouterr()
    assert isinstance(code, int | None)
    return code or 0, out, err


def test_the_table_is_long_and_says_each_thing_once() -> None:
    commands = [each.command for each in ALL]
    assert len(commands) == len(set(commands)) >= 200
    assert all(each.says for each in ALL)


@pytest.mark.parametrize("wrong", ALL, ids=[each.command for each in ALL])
def test_a_wrong_input_is_told_in_words_that_help(
    wrong: Wrong,
    here: Path,
    busy: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = typed(wrong.command.replace("BUSY", busy), monkeypatch, capsys)
    told = out + err
    for words in wrong.says:
        assert words.replace("BUSY", busy) in told, told
    for words in (*wrong.never, *INSIDE):
        assert words not in told, told
    assert code == wrong.code, told
    lines = [line for line in err.splitlines() if line.strip()]
    assert len(lines) <= MOST_LINES, "a wall that nobody reads"
    assert max(map(len, lines), default=0) <= MOST_LETTERS
    if err:
        assert any(line.startswith(("r1data: ", "Error: ")) for line in lines), err


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("build q.csv", 2, "`r1data init q.csv`"),
        ("publish b --repo 'me/my cot'", 2, "write it as user/name"),
        ("init strange.csv", 1, "no column looks like the question"),
    ],
)
def test_the_installed_command_says_it(here: Path, command: str, code: int, says: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "r1data", *shlex.split(command)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert (done.returncode, says in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (PermissionError(13, "Permission denied", "x.yaml"), "x.yaml is not for this user"),
        (OSError(30, "Read-only file system", "x.yaml"), "x.yaml Read-only file system"),
        (OSError(28, "No space left on device", "x.yaml"), "x.yaml No space left on device"),
    ],
)
def test_a_recipe_that_cannot_be_written_is_named(
    here: Path,
    fault: OSError,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(Path, "write_text", refuse)
    code, _, err = typed("init q.csv --clips clips --name x --url offline", monkeypatch, capsys)
    assert code == 1
    assert says in err
    assert "Traceback" not in err


def test_init_does_not_ask_for_the_table_that_was_given(here: Path) -> None:
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "r1data", "init", "nosuch.csv"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    assert running.wait(30) == 1
    said = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "there is nothing at nosuch.csv" in said
    assert "Questions" not in said


WHOLE = '{"clip": "a.mp4", "question": "Q?", "answer": "3"}'


# Rows of which only some can be used, with `...` for what is absent: the others are built.
@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        ({"question": ""}, "no_question", "its question is blank"),
        ({"question": "  "}, "no_question", "its question is blank"),
        ({"question": None}, "no_question", "its question is blank"),
        ({"question": 7}, "no_question", "its question is 7, not a text"),
        ({"question": ["Q?"]}, "no_question", "its question is a list, not a text"),
        ({"answer": ""}, "no_truth", "its truth is empty"),
        ({"answer": None}, "no_truth", "its truth is empty"),
        ({"clip": ""}, "missing_media", "the row names no media file"),
        ({"clip": None}, "missing_media", "the row names no media file"),
        ({"clip": "a\0.mp4"}, "missing_media", "no file can have the name"),
        ({"start": "soon"}, "undecodable", "its start 'soon' is not a number of seconds"),
        ({"end": "nan"}, "undecodable", "its end 'nan' is not a number of seconds"),
        ({"question": ...}, "no_question", "its question is blank"),
        ({"answer": ...}, "no_truth", "its truth is empty"),
        ({"clip": ...}, "missing_media", "the row names no media file"),
        ({"id": ...}, None, None),
        ({"options": ...}, None, None),
        ({"id": None}, None, None),
        ({"options": []}, None, None),
        ({"options": "  "}, None, None),
        ({"options": None}, None, None),
    ],
)
def test_a_row_that_cannot_be_used_falls_alone(
    here: Path, row: dict[str, object], reason: str | None, detail: str | None
) -> None:
    whole = {"clip": "a.mp4", "question": "Q?", "answer": "3", "options": None, "id": "x"}
    other = {**whole, "id": "y", "question": "R?", "start": 0.0, "end": 1.0}
    bad = {key: value for key, value in {**whole, **row}.items() if value is not ...}
    Path("some.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in (bad, other)))
    sets = ["sources.own.path=some.jsonl", "sources.own.mapping.start=start"]
    recipe = load_recipe("own.yaml", [*sets, "sources.own.mapping.end=end"])
    done = build(recipe, out="o", engine="inline", until="samples")
    found = done.table("samples").collect().to_dicts()
    assert [each["drop_reason"] for each in found] == [reason, None]
    assert detail is None or detail in found[0]["drop_detail"]


@pytest.mark.parametrize(
    ("rows", "mapping"),
    [
        (f'{WHOLE}\n{{"question": "R?", "answer": "4"}}', {}),
        (f'{{"question": "R?", "answer": "4"}}\n{WHOLE}', {}),
        (
            '{"clip": "a.mp4", "question": "Q?", "answer": "x", "options": ["x", "y"]}\n'
            '{"clip": "a.mp4", "question": "R?", "answer": "3"}',
            {"problem_type": {"value": "auto"}},
        ),
        (
            '{"clip": "clips/a.mp4", "question": "Q?", "answer": "3"}\n'
            '{"clip": "./clips/b.mp4", "question": "R?", "answer": "3"}',
            {},
        ),
    ],
    ids=["no clip", "no clip first", "some options", "paths that begin with the folder"],
)
def test_init_reads_tables_whose_rows_differ(
    here: Path,
    rows: str,
    mapping: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("t.jsonl").write_text(rows)
    code, out, err = typed("init t.jsonl --clips clips --name t", monkeypatch, capsys)
    assert code == 0, err
    assert "wrote t.yaml" in out
    monkeypatch.setenv("TEACHER_URL", "http://127.0.0.1:9/v1")
    recipe = load_recipe("t.yaml")
    assert mapping.items() <= recipe.sources["own"]["mapping"].items()
    done = build(recipe, out="o", engine="inline", until="media")
    found = done.table("media").collect()["drop_reason"].to_list()
    assert found.count(None) >= 1
    assert set(found) <= {None, "missing_media"}


@pytest.mark.parametrize(
    ("fault", "says", "never"),
    [
        (Fault("POST", "/api/repos/create", status=403), "this token may not write there", "again"),
        (Fault("GET", "/api/datasets/me/x", status=403), "this token may not write there", "again"),
        (Fault("POST", "/preupload", status=403), "this token may not write there", "same again"),
        (Fault("POST", "/api/repos/create", status=409), "the name me/x is taken", "same again"),
        (Fault("POST", "/commit/", status=409), "somebody else writes there", "same again"),
        (Fault("POST", "/commit/", status=400), "see to it before you run it again", "to go on"),
        (Fault("GET", "/api/whoami-v2", status=401), "does not know this token", "same again"),
    ],
    ids=["403 create", "403 look", "403 send", "409 create", "409 commit", "400", "401"],
)
def test_what_the_hub_refuses_is_not_to_be_run_again(
    here: Path, tmp_path: Path, fault: Fault, says: str, never: str
) -> None:
    fault.times = 99
    with Hub() as hub:
        hub.faults.append(fault)
        environment = {**os.environ, **hub.environment(), "HF_HOME": str(tmp_path / "home")}
        done = subprocess.run(
            [sys.executable, "-m", "r1data", "publish", "b", "--repo", "me/x"],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
            timeout=100,
        )
    last = done.stderr.splitlines()[-1]
    assert done.returncode in (1, 2), done.stderr
    assert says in last
    assert never not in last
    assert "Traceback" not in done.stderr
