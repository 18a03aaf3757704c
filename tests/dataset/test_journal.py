"""Writers that cannot write say so and leave the dataset as it was; what an interrupted one left is completed."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from killing import run_until
from make_dataset import make_dataset
from written import annotate, data_files, digests, stored_rows

from roboscribe.dataset import journal, open_dataset
from roboscribe.dataset.journal import FOLDER, check_writable, recover, transaction
from roboscribe.errors import DatasetError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "made", episodes=3, frames=6, episodes_per_file=1, kind=None)


def steps_of(root: Path, copy: Path) -> int:
    """Number of steps of a write."""
    subprocess.run(["cp", "-r", root, copy], check=True)
    return run_until(lambda: annotate(copy)) or 0


def killed_after_the_commit(root: Path, tmp_path: Path) -> None:
    """Leave a dataset whose write is committed and not completed."""
    steps = steps_of(root, tmp_path / "counted")
    for step in range(steps, 0, -1):
        copy = tmp_path / f"at-{step}"
        subprocess.run(["cp", "-r", root, copy], check=True)
        run_until(lambda copy=copy: annotate(copy), step)
        if (copy / FOLDER / "journal.json").exists() and (copy / "meta/info.json").is_symlink():
            subprocess.run(["rm", "-r", root], check=True)
            copy.rename(root)
            return
    raise AssertionError("no such step")


@contextmanager
def mode(path: Path, bits: int) -> Iterator[None]:
    before = path.stat().st_mode
    path.chmod(bits)
    try:
        yield
    finally:
        path.chmod(before)


@pytest.mark.parametrize("folder", [".", "meta", "data/chunk-000"])
def test_read_only_folders_are_refused(root: Path, folder: str) -> None:
    before = digests(root)
    with mode(root / folder, 0o555), pytest.raises(DatasetError, match="read-only") as caught:
        annotate(root)
    assert "--output-dir" in str(caught.value)
    assert digests(root) == before
    assert not (root / FOLDER).exists()


def test_a_target_in_a_read_only_folder_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    with mode(tmp_path / "closed", 0o555), pytest.raises(DatasetError, match="closed is read-only"):
        annotate(root, tmp_path / "closed" / "new" / "annotated")
    assert not list((tmp_path / "closed").iterdir())


def test_a_file_is_no_target(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="file is not a folder"):
        check_writable(tmp_path / "file")
    with pytest.raises(DatasetError, match="file is not a folder"):
        annotate(root, tmp_path / "file" / "new")


def test_reading_needs_no_permission_to_write(root: Path) -> None:
    with mode(root, 0o555):
        assert open_dataset(root).episode_indices == (0, 1, 2)
    (root / FOLDER).mkdir()
    with mode(root, 0o555), mode(root / FOLDER, 0o555):
        assert _open_as_nobody(root) == "opened"


def test_an_unfinished_write_that_cannot_be_completed_is_an_error(root: Path, tmp_path: Path) -> None:
    killed_after_the_commit(root, tmp_path)
    with mode(root, 0o555), mode(root / FOLDER, 0o555):
        assert "must be completed" in _open_as_nobody(root)
    assert all(stored_rows(root).values())


def _open_as_nobody(root: Path) -> str:
    """Open a dataset as a user whom permissions bind; the error's text, or "opened"."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            # From inside the folder: those above it may be closed to others.
            os.chdir(root)
            if os.geteuid() == 0:
                os.setuid(65534)
            open_dataset(".")
            os.write(writer, b"opened")
        except DatasetError as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


def test_a_full_disk_changes_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, written = pq.ParquetWriter.write_table, 0

    def fill(self: Any, *arguments: Any, **options: Any) -> None:
        nonlocal written
        written += 1
        if written == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(self, *arguments, **options)

    before = digests(root)
    monkeypatch.setattr(pq.ParquetWriter, "write_table", fill)
    with pytest.raises(DatasetError, match=r"No space left.*Nothing was changed"):
        annotate(root)
    assert digests(root) == before
    assert not (root / FOLDER).exists()


def test_a_limit_on_file_sizes_changes_nothing(root: Path) -> None:
    """An error of the operating system in the midst of a file, as a full disk or a quota gives."""
    before = digests(root)

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))
        with pytest.raises(DatasetError, match="Nothing was changed"):
            annotate(root)

    assert run_until(limited) is not None
    assert digests(root) == before
    assert not (root / FOLDER).exists()


def test_an_interrupt_changes_nothing(root: Path) -> None:
    before = digests(root)

    def interrupt(shard: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        annotate(root, on_shard=interrupt)
    assert digests(root) == before
    assert not (root / FOLDER).exists()


def test_two_writers_at_once(root: Path, tmp_path: Path) -> None:
    before = digests(root)
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom roboscribe.dataset.journal import transaction\n"
        "with transaction(Path(sys.argv[1])):\n    print('in', flush=True)\n    time.sleep(60)\n"
    )
    other = subprocess.Popen([sys.executable, "-c", script, root], stdout=subprocess.PIPE)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == b"in\n"
        with pytest.raises(DatasetError, match="being written by another run"):
            annotate(root)
        assert stored_rows(root) == {0: [], 1: [], 2: []}
        assert (root / FOLDER).exists(), "the other one is still at work"
    finally:
        other.kill()
        other.wait()
    annotate(root)
    assert not (root / FOLDER).exists()
    assert digests(root) != before


def test_a_lock_left_behind_blocks_nobody(root: Path) -> None:
    (root / FOLDER).mkdir()
    (root / FOLDER / "lock").write_text("")
    annotate(root)
    assert stored_rows(root)[0]
    assert not (root / FOLDER).exists()


def test_file_systems_without_locks(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing works, and reading does not clear away what may be another's work."""
    monkeypatch.setattr(journal, "lock", lambda handle: None)
    (root / FOLDER / "new").mkdir(parents=True)
    recover(root)
    assert (root / FOLDER / "new").exists()
    annotate(root)
    assert stored_rows(root)[0]
    assert not (root / FOLDER).exists()


@pytest.mark.parametrize(
    "paths", [["../outside"], ["data/../../outside"], ["door/outside"], ["/tmp/outside"]]
)
def test_a_journal_cannot_reach_out_of_the_dataset(root: Path, tmp_path: Path, paths: list[str]) -> None:
    """A downloaded dataset may come with any journal."""
    outside = tmp_path / "outside"
    outside.write_text("precious")
    (root / "door").symlink_to(tmp_path)
    (root / FOLDER / "new" / "door").mkdir(parents=True)
    for name in ("outside", "new/outside", "new/door/outside"):
        (root / FOLDER / name).write_text("evil")
    (root / FOLDER / "journal.json").write_text(json.dumps(paths))
    with pytest.raises(DatasetError, match="leads out of"):
        open_dataset(root)
    assert outside.read_text() == "precious"
    assert not outside.is_symlink()


def test_a_dataset_may_be_named_by_a_path_that_leads_upwards(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    annotate(Path("../made"))
    assert stored_rows(root)[0]


def test_a_folder_behind_a_link_is_not_touched(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "new").mkdir(parents=True)
    (root / FOLDER).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DatasetError, match="is a link"):
        open_dataset(root)
    assert (tmp_path / "elsewhere" / "new").exists()


def test_links_to_folders_are_not_written_through(root: Path, tmp_path: Path) -> None:
    (root / "data").rename(tmp_path / "data")
    (root / "data").symlink_to(tmp_path / "data")
    before = digests(tmp_path)
    with pytest.raises(DatasetError, match=r"data lies elsewhere.*--output-dir"):
        annotate(root)
    assert digests(tmp_path) == before


def test_other_names_of_a_data_file_keep_the_old_content(root: Path, tmp_path: Path) -> None:
    path = data_files(root)[0]
    os.link(path, tmp_path / "hard")
    old = path.read_bytes()
    annotate(root)
    assert (tmp_path / "hard").read_bytes() == old
    assert path.read_bytes() != old


def test_links_to_files_are_replaced(root: Path, tmp_path: Path) -> None:
    files = [*data_files(root), root / "meta/info.json"]
    for number, path in enumerate(files):
        path.rename(tmp_path / f"blob-{number}")
        path.symlink_to(os.path.relpath(tmp_path / f"blob-{number}", path.parent))
    before = {path.name: path.read_bytes() for path in tmp_path.glob("blob-*")}
    annotate(root)
    assert not any(path.is_symlink() for path in files)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("blob-*")} == before
    assert stored_rows(root)[0]


def test_permissions_are_kept(root: Path) -> None:
    path = data_files(root)[0]
    path.chmod(0o664)
    (root / "meta/info.json").chmod(0o600)
    annotate(root)
    assert path.stat().st_mode & 0o777 == 0o664
    assert (root / "meta/info.json").stat().st_mode & 0o777 == 0o600


def test_a_committed_write_is_completed_by_opening(root: Path, tmp_path: Path) -> None:
    killed_after_the_commit(root, tmp_path)
    assert (root / FOLDER).exists()
    assert all(stored_rows(root).values())
    assert not (root / FOLDER).exists()
    assert not any(path.is_symlink() for path in root.rglob("*"))


def test_an_unfinished_dataset_can_be_moved(root: Path, tmp_path: Path) -> None:
    killed_after_the_commit(root, tmp_path)
    moved = root.rename(tmp_path / "moved")
    assert pq.read_table(data_files(moved)[0]).num_rows == 6
    assert all(stored_rows(moved).values())


def test_a_failure_after_the_commit_says_that_the_next_run_completes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, replaced = os.replace, 0

    def fail(*arguments: Any) -> None:
        nonlocal replaced
        replaced += 1
        if replaced == 4:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        replace(*arguments)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(DatasetError, match="The next run completes it"):
        annotate(root)
    monkeypatch.undo()
    assert all(stored_rows(root).values())


def test_transactions_of_other_files(root: Path) -> None:
    """As other writers use them: files of any kind, new and old, in one step."""
    with transaction(root) as changes:
        changes.write("meta/info.json", (root / "meta/info.json").read_bytes())
        changes.write("meta/new/skills.json", b"{}")
        changes.write("meta/tasks.parquet", b"other")
    assert changes.changed == {"meta/new/skills.json", "meta/tasks.parquet"}
    assert (root / "meta/new/skills.json").read_bytes() == b"{}"
    assert (root / "meta/tasks.parquet").read_bytes() == b"other"
