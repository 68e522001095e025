"""YAML from strangers: no tags are run, and a text of a few lines cannot grow without bounds."""

import io
from typing import Any

import yaml

from r1data.errors import InputError

# The largest card has some 2,000 nodes; ten lines of nested aliases come to a thousand million.
MOST_NODES, MOST_LETTERS = 200_000, 4_000_000


def read_yaml(text: str, name: str) -> tuple[yaml.Node | None, Any]:
    """Return a YAML text as a tree that knows its lines, and as data. Raises InputError."""
    if len(text) > MOST_LETTERS:
        raise InputError(f"{name}: {len(text):,} letters, more than any recipe or card has")
    try:
        node = yaml.compose(io.StringIO(text), Loader=yaml.SafeLoader)
        if node is not None:
            count_nodes(node, name, {}, set())
        return node, yaml.safe_load(text)
    except yaml.MarkedYAMLError as problem:
        raise InputError(f"{where(problem, name)}: not valid YAML: {cause(problem)}") from problem
    except (yaml.YAMLError, ValueError, TypeError, OverflowError) as problem:
        why = " ".join(str(problem).split())[:500]
        raise InputError(f"{name}: not valid YAML: {why}") from problem
    except RecursionError as problem:
        raise InputError(f"{name}: nested too deeply") from problem


def where(problem: yaml.MarkedYAMLError, name: str) -> str:
    """Name the place at which YAML breaks, from line 1 and column 1."""
    mark = problem.problem_mark or problem.context_mark
    return f"{name}, line {mark.line + 1}, column {mark.column + 1}" if mark else name


def cause(problem: yaml.MarkedYAMLError) -> str:
    """Say why YAML breaks; a tab is the commonest reason, and an unseen one."""
    why = " ".join(str(problem.problem or problem.context).split())[:300]
    return f"{why}: indent with spaces, not tabs" if "'\\t'" in why else why


def count_nodes(node: yaml.Node, name: str, known: dict[int, int], above: set[int]) -> int:
    """Return how many nodes a tree has once its aliases are written out. Raises InputError."""
    if id(node) in known:
        return known[id(node)]
    if id(node) in above:
        raise InputError(f"{name}, line {node.start_mark.line + 1}: an alias that holds itself")
    above.add(id(node))
    total = 1
    if isinstance(node, yaml.SequenceNode):
        total += sum(count_nodes(each, name, known, above) for each in node.value)
    elif isinstance(node, yaml.MappingNode):
        total += sum(count_nodes(each, name, known, above) for pair in node.value for each in pair)
    above.discard(id(node))
    if total > MOST_NODES:
        raise InputError(f"{name}: its aliases stand for more than {MOST_NODES:,} values")
    known[id(node)] = total
    return total
