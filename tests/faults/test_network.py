"""The network drops the teacher's replies at random: the release is that of a quiet day."""

import random
from pathlib import Path

from endpoint import Endpoint, Reply, Server, completion

import r1data
from r1data.building import release_digest
from r1data.release.check import check

GOOD = completion("<think>So it is.</think><answer>A</answer>")


def build_with(out: Path, server: Server) -> Path:
    with Endpoint(server) as endpoint:
        lane = f"run.lanes=[{{url: '{endpoint.url}', concurrency: 4}}]"
        asked = ["sources.shapes.rows=8", "teacher={model: m, n: 1}", lane]
        return r1data.build("demo", out=out, engine="inline", overrides=asked).path


def test_dropped_replies_are_asked_again_and_leave_no_trace(tmp_path: Path) -> None:
    chance = random.Random(3)

    def shaky(_server: Server, _payload: object) -> Reply:
        return chance.choice([GOOD, GOOD, Reply(0), Reply(200, GOOD.body, half=True)])

    quiet = build_with(tmp_path / "quiet", Server(lambda *_: GOOD))
    server = Server(shaky)
    dropped = build_with(tmp_path / "dropped", server)
    assert server.requests > 8
    assert release_digest(dropped / "9.release") == release_digest(quiet / "9.release")
    assert check(dropped).findings == []
