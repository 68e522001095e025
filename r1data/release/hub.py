"""Publishing to a repository of the Hub: one commit or none, a tag only on what was checked.

Until the commit nothing but orphan objects exists, so a kill before it changes nothing that anybody
sees. After it, a second run finds the tree equal to the manifest and goes on with checking it.
"""

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from r1data.errors import R1DataError, UsageError
from r1data.release.diff import diff
from r1data.release.hub_errors import cap_waits, client_errors, failed
from r1data.release.layout import FOLDERS, shards_of
from r1data.release.manifest import Entry, Manifest, hashed

if TYPE_CHECKING:
    from huggingface_hub import HfApi

KIND = "dataset"
# Files that are hashed and sent before the next ones are: what a kill costs to look at again.
BATCH = 32
# Shards fetched back after the commit, beside the card.
FETCHED_BACK = 2
# The Hub writes these itself.
THEIRS = {".gitattributes"}
STALE = 412
TAKEN = 409
DENIED = {401, 403}


class Plan(NamedTuple):
    """What publishing would do."""

    repo: str
    head: str | None
    private: bool
    private_now: bool
    tag: str
    tagged: str | None
    added: list[str]
    changed: list[str]
    unchanged: list[str]
    deleted: list[str]
    bytes: int

    @property
    def uploads(self) -> list[str]:
        """The files that are sent."""
        return [*self.added, *self.changed]

    @property
    def differs(self) -> bool:
        """Whether a commit is needed."""
        return bool(self.added or self.changed or self.deleted)

    @property
    def done(self) -> bool:
        """Whether everything stands already as it should."""
        settled = self.tagged is not None and self.private == self.private_now
        return settled and not self.differs

    def text(self) -> str:
        """Return the plan for a person."""
        where = f"{self.repo} at {self.head[:12]}" if self.head else f"{self.repo}, which is new"
        counts = ((self.added, "add"), (self.changed, "change"), (self.deleted, "delete"))
        lines = [f"publish to {where}, tag {self.tag}"]
        for names, verb in counts:
            lines += [f"  {verb:<9} {name}" for name in names]
        lines.append(f"  {'keep':<9} {len(self.unchanged)} files")
        lines.append(f"  {'send':<9} {self.bytes:,} bytes at most")
        lines.append(f"  {'visible':<9} {'to you only' if self.private else 'to everybody'}")
        return "\n".join(lines)


def connect() -> "HfApi":
    """Return the client; refuse a token that cannot write before anything is looked at."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    cap_waits()
    api = HfApi(library_name="r1data")
    try:
        who = api.whoami()
    except LocalTokenNotFoundError as problem:
        raise UsageError("no Hub token: run `hf auth login`, or set HF_TOKEN") from problem
    except HfHubHTTPError as problem:
        if problem.response.status_code in DENIED:
            raise UsageError("the Hub does not know this token: run `hf auth login`") from problem
        raise failed("asking who we are", problem) from problem
    except client_errors() as problem:
        raise failed("reaching the Hub", problem) from problem
    role = who.get("auth", {}).get("accessToken", {}).get("role")
    if role == "read":
        raise UsageError("the Hub token may only read: publishing needs one that may write")
    return api


def make_plan(api: "HfApi", repo: str, manifest: Manifest, tag: str | None, private: bool) -> Plan:
    """Look at the repository and compare; writes nothing."""
    from huggingface_hub.errors import RepositoryNotFoundError

    head, private_now = None, True
    try:
        info = api.repo_info(repo, repo_type=KIND)
        head, private_now = info.sha, bool(info.private)
    except RepositoryNotFoundError:
        pass
    except client_errors() as problem:
        raise failed(f"looking at {repo}", problem) from problem
    tags = tags_of(api, repo) if head else {}
    there = tree_of(api, repo, head) if head else {}
    name = tag or next_tag(tags, head, same(there, manifest))
    tagged = tags.get(name)
    if tagged is not None and not same(tree_of(api, repo, tagged), manifest):
        raise UsageError(f"{repo} has a tag {name} on other content; tags are never moved: --tag")
    change = compare(manifest, there)
    size = sum(manifest[path].size for path in (*change.added, *change.changed))
    return Plan(repo, head, private, private_now, name, tagged, *change, size)


def tags_of(api: "HfApi", repo: str) -> dict[str, str]:
    """Return the tags of a repository with their commits."""
    return {ref.name: ref.target_commit for ref in api.list_repo_refs(repo, repo_type=KIND).tags}


def next_tag(tags: dict[str, str], head: str | None, unchanged: bool) -> str:
    """Return the tag that `head` has already where nothing changed, else v1, v2, v3 ..."""
    ours = {name: oid for name, oid in tags.items() if name[:1] == "v" and name[1:].isdigit()}
    if unchanged:
        for name, oid in ours.items():
            if oid == head:
                return name
    return f"v{max((int(name[1:]) for name in ours), default=0) + 1}"


def tree_of(api: "HfApi", repo: str, revision: str) -> dict[str, str]:
    """Return path -> hash of a commit: sha256 of a large file, git's own of a small one."""
    from huggingface_hub.hf_api import RepoFile

    files = api.list_repo_tree(repo, revision=revision, recursive=True, repo_type=KIND)
    return {
        each.path: each.lfs.sha256 if each.lfs else each.blob_id
        for each in files
        if isinstance(each, RepoFile) and each.path not in THEIRS
    }


class Change(NamedTuple):
    """How a tree is to be changed."""

    added: list[str]
    changed: list[str]
    unchanged: list[str]
    deleted: list[str]


def compare(manifest: Manifest, there: dict[str, str]) -> Change:
    """Return which files are added, changed, unchanged and deleted."""
    added = [path for path in manifest if path not in there]
    here = [path for path in manifest if path in there]
    changed = [path for path in here if not equal(manifest[path], there[path])]
    unchanged = [path for path in here if equal(manifest[path], there[path])]
    return Change(added, changed, unchanged, [path for path in there if path not in manifest])


def equal(entry: Entry, there: str) -> bool:
    """Tell whether a file is the one that a tree names."""
    return there in (entry.sha256, entry.git_sha)


def same(there: dict[str, str], manifest: Manifest) -> bool:
    """Tell whether a tree is the manifest, nothing missing and nothing more."""
    return there.keys() == manifest.keys() and all(
        equal(manifest[path], each) for path, each in there.items()
    )


def changelog(api: "HfApi", plan: Plan, folder: Path) -> str:
    """Say which rows the new version adds, changes and removes; empty where there is no old one.

    The config with the fewest bytes that both versions have is fetched and compared.
    """
    import pyarrow as pa

    there = {*plan.unchanged, *plan.changed, *plan.deleted}
    for config in ("text", "index-only", "frames", "video"):
        name = FOLDERS[config]
        if shards_of(folder, config) and any(path.startswith(f"{name}/") for path in there):
            break
    else:
        return ""
    if not plan.differs:
        return ""
    with tempfile.TemporaryDirectory() as old:
        wanted = ["README.md", f"{name}/*.parquet"]
        try:
            api.snapshot_download(
                plan.repo, repo_type=KIND, revision=plan.head, allow_patterns=wanted, local_dir=old
            )
            return diff(old, folder).text()
        except client_errors() as problem:
            raise failed(f"fetching the rows of {plan.repo}", problem) from problem
        except (pa.ArrowException, KeyError, UsageError) as problem:
            return f"rows: the earlier version holds no release to compare with ({problem})"


def carry_out(
    api: "HfApi", plan: Plan, manifest: Manifest, changes: str, say: Callable[[str], None]
) -> str:
    """Do what the plan says; return the commit that is now main. Safe to be killed anywhere."""
    try:
        head = plan.head or create(api, plan.repo)
        if plan.differs or plan.head is None:
            upload(api, plan, manifest, say)
            head = commit(api, plan, manifest, head, changes)
        verify(api, plan.repo, head, manifest)
        say(f"checked {plan.repo} at {head[:12]}: all hashes, card and shards fetched back")
        set_tag(api, plan, head)
        if plan.private != plan.private_now:
            api.update_repo_settings(plan.repo, repo_type=KIND, private=plan.private)
    except client_errors() as problem:
        raise failed(f"publishing to {plan.repo}", problem) from problem
    return head


def create(api: "HfApi", repo: str) -> str:
    """Create a repository that only its owner sees; return its first commit."""
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    try:
        api.create_repo(repo, repo_type=KIND, private=True)
    except HfHubHTTPError as problem:
        if problem.response.status_code != TAKEN:
            raise
    try:
        head = api.repo_info(repo, repo_type=KIND).sha
    except RepositoryNotFoundError as problem:
        raise R1DataError(
            f"the Hub says that the name {repo} is taken, but shows this token no such dataset: "
            "take another --repo, or a token that may see it"
        ) from problem
    if head is None:
        raise R1DataError(f"the Hub made {repo} but names no commit in it: run the same again")
    return head


def operations(plan: Plan, manifest: Manifest) -> tuple[list[Any], list[Any]]:
    """Return the additions and deletions of the one commit."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    added = [CommitOperationAdd(path, manifest[path].path) for path in plan.uploads]
    return added, [CommitOperationDelete(path) for path in plan.deleted]


def upload(api: "HfApi", plan: Plan, manifest: Manifest, say: Callable[[str], None]) -> None:
    """Send the large files in batches; nothing of them is seen before the commit."""
    added, _ = operations(plan, manifest)
    done = 0
    for batch in chunks(added, BATCH):
        api.preupload_lfs_files(plan.repo, batch, repo_type=KIND, free_memory=False)
        done += len(batch)
        say(f"sent {done} of {len(added)} files")


def chunks(values: Sequence[Any], size: int) -> Iterator[list[Any]]:
    """Cut a sequence into lists of at most `size`."""
    for start in range(0, len(values), size):
        yield list(values[start : start + size])


def commit(api: "HfApi", plan: Plan, manifest: Manifest, parent: str, changes: str) -> str:
    """Commit everything at once on the planned parent; return the head that stands then.

    A reply that is lost leaves open whether the commit happened: the head tells.
    """
    from huggingface_hub.errors import HfHubHTTPError

    added, deleted = operations(plan, manifest)
    try:
        made = api.create_commit(
            plan.repo,
            [*added, *deleted],
            commit_message=f"{plan.tag}: {len(plan.uploads)} files, {len(deleted)} deleted",
            commit_description=changes,
            repo_type=KIND,
            parent_commit=parent,
        )
        return made.oid
    except client_errors() as problem:
        if isinstance(problem, HfHubHTTPError) and problem.response.status_code == STALE:
            message = f"somebody else committed to {plan.repo} since the plan was made"
            raise R1DataError(f"{message}: run the same again to plan anew") from problem
        head = api.repo_info(plan.repo, repo_type=KIND).sha
        if head is None or head == parent:
            raise failed(f"the commit to {plan.repo}", problem) from problem
        return head


def verify(api: "HfApi", repo: str, head: str, manifest: Manifest) -> None:
    """Compare the tree of the commit with the manifest, then fetch card and shards back."""
    there = tree_of(api, repo, head)
    if not same(there, manifest):
        wrong = sorted(there.keys() ^ manifest.keys()) or [
            path for path in manifest if not equal(manifest[path], there[path])
        ]
        raise R1DataError(f"{repo} at {head[:12]} is not what was sent: {', '.join(wrong[:3])}")
    shards = [path for path in manifest if path.endswith(".parquet")]
    chosen = random.SystemRandom().sample(shards, min(FETCHED_BACK, len(shards)))
    with tempfile.TemporaryDirectory() as empty:
        for path in ["README.md", *chosen]:
            got = api.hf_hub_download(
                repo, path, repo_type=KIND, revision=head, cache_dir=empty, force_download=True
            )
            if hashed(Path(got).resolve()).sha256 != manifest[path].sha256:
                raise R1DataError(f"{repo} at {head[:12]}: {path} came back with other bytes")


def set_tag(api: "HfApi", plan: Plan, head: str) -> None:
    """Tag what was checked; a tag that stands is never moved."""
    if plan.tagged is None:
        api.create_tag(plan.repo, tag=plan.tag, revision=head, repo_type=KIND)
