"""r1data sources probe, against the stand-in for the Hub."""

import json
from pathlib import Path

import pytest
from hub import Hub
from typer.testing import CliRunner
from upstreams import case, layout, question_file, serve

from r1data.cli_sources import sources_app
from r1data.sources.catalogue import load_source

NAMES = ("nextqa", "tabmwp", "clevrer")


@pytest.fixture
def recipe(hub: Hub) -> str:
    """A recipe of three sources that the stand-in has, and of one that it has not."""
    lines = ["pipeline: cot", "name: few", "sources:"]
    for name in NAMES:
        entry = {"url": f"{hub.url}/{name}/"} if name == "clevrer" else {}
        serve(hub, load_source(name, entry), layout(name, [], b""))
        lines.append(
            f"  {name}: {json.dumps({**entry, 'rows': {'multiple choice': 9, 'numerical': 5}})}"
        )
    Path("r.yaml").write_text("\n".join([*lines, "  gvlqa: {rows: 7}"]) + "\n")
    return "r.yaml"


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(sources_app, ["probe", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_a_probe_is_one_line_a_source_with_reasons_and_types_beside_the_quotas(recipe: str) -> None:
    code, text = run(*NAMES, "gvlqa", "--recipe", recipe, "--json")
    found = {each["source"]: each for each in json.loads(text)}
    assert code == 3
    for name in NAMES:
        wanted = [each for each in case(name)["samples"] if not each.get("drop_reason")]
        assert found[name]["kept"] == len(wanted)
        assert found[name]["kept"] + sum(found[name]["drops"].values()) == found[name]["rows"]
        assert found[name]["wanted"] == {"multiple choice": 9, "numerical": 5}
        assert found[name]["examples"].keys() == found[name]["drops"].keys()
    assert found["nextqa"]["types"] == {"multiple choice": found["nextqa"]["kept"]}
    assert "GVLQA-BASE" in found["gvlqa"]["fault"]
    page = Path("sources-probe.md").read_text()
    assert "| nextqa | hub | verified |" in page
    assert "numerical 5!" in page  # no question of NExT-QA has a number
    assert "| gvlqa | hub | likely | 0 | 0 | NOT READ: " in page


def test_a_probe_reads_as_many_rows_as_are_asked_for_and_the_first_parquet_file(hub: Hub) -> None:
    name, second = "chart2text", "chart2text(cauldron)/train-00001-of-00002.parquet"
    source = load_source(name, {})
    files = layout(name, [], b"") | {second: question_file(second, case(name)["rows"])}
    serve(hub, source, files)
    Path("r.yaml").write_text("pipeline: cot\nname: few\nsources: {chart2text: {rows: 2}}\n")
    _, text = run(name, "--recipe", "r.yaml", "--rows", "2", "--json")
    assert [each["rows"] for each in json.loads(text)] == [2]
    _, text = run(name, "--recipe", "r.yaml", "--rows", "1")
    told = "chart2text (onevision, likely): 1 of 1 rows kept: free-form 1; wanted free-form 2\n"
    assert text == f"{told}table: sources-probe.md\n"
    assert [each.path for each in hub.log if each.range and second in each.path] == []
