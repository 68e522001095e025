"""r1data publish: a finished release goes to the Hub, to a folder or to an object store."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from r1data.errors import R1DataError, UsageError
from r1data.release import hub, place
from r1data.release.hub_errors import refuse_names
from r1data.release.layout import release_folder
from r1data.release.manifest import Manifest, manifest_of, reasons_against

# A reader wants to see what is wrong, not two thousand lines of it.
MOST_REASONS = 20


class Published(NamedTuple):
    """What publishing did: the place, the commit and tag where it has them, whether it wrote."""

    where: str
    commit: str | None
    tag: str | None
    wrote: bool
    plan: str


def publish(
    path: str | Path,
    *,
    repo: str | None = None,
    to: str | None = None,
    tag: str | None = None,
    private: bool = False,
    dry_run: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Published:
    """Publish the release at `path`, a build or a release, to a repository or to a place.

    `to` is a folder or an fsspec address such as s3://bucket/name. `say` is told the plan and each
    step. Raises UsageError for what can never work, R1DataError for what may work later; in both
    cases the old release stands as it was, and the same command goes on.
    """
    if (repo is None) == (to is None):
        given = "neither is" if repo is None else "both are"
        raise UsageError(
            f"where to: --repo user/name, or --to with a folder or an address? {given} given: "
            "give one"
        )
    if repo is not None:
        refuse_names(repo, tag)
    target = place.open_place(to) if to is not None else None
    folder = release_folder(path)
    manifest = manifest_of(folder)
    refuse(folder, manifest, private)
    if target is not None:
        return to_place(manifest, target, dry_run, say)
    assert repo is not None
    return to_hub(folder, manifest, repo, tag, private, dry_run, say)


def refuse(folder: Path, manifest: Manifest, private: bool) -> None:
    """Raise R1DataError with every reason not to publish."""
    found = reasons_against(folder, manifest, private)
    if found:
        lines = [f"  {each.where}: {each.what}" for each in found[:MOST_REASONS]]
        more = [f"  and {len(found) - MOST_REASONS} more"] if len(found) > MOST_REASONS else []
        raise R1DataError("\n".join(["nothing was published:", *lines, *more]))


def to_hub(
    folder: Path,
    manifest: Manifest,
    repo: str,
    tag: str | None,
    private: bool,
    dry_run: bool,
    say: Callable[[str], None],
) -> Published:
    """Plan, show the plan, and carry it out."""
    api = hub.connect()
    plan = hub.make_plan(api, repo, manifest, tag, private)
    say(plan.text())
    changes = hub.changelog(api, plan, folder)
    if changes:
        say(changes)
    if plan.done:
        say(f"nothing to do: {repo} holds this release, tagged {plan.tag}")
    if dry_run or plan.done:
        return Published(repo, plan.head, plan.tagged and plan.tag, False, plan.text())
    head = hub.carry_out(api, plan, manifest, changes, say)
    return Published(repo, head, plan.tag, True, plan.text())


def to_place(
    manifest: Manifest, target: place.Place, dry_run: bool, say: Callable[[str], None]
) -> Published:
    """Copy what differs to a folder or an object store, the card last."""
    with place.told_plainly(target):
        plan = place.make_plan(target, manifest)
        say(plan.text())
        if not dry_run and plan.differs:
            place.carry_out(target, plan, manifest)
            say(f"checked {target.name}: all files read back")
    return Published(target.name, None, None, plan.differs and not dry_run, plan.text())
