"""Files as a folder and as an archive: one description of both."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest
from tranship.errors import DataRefused
from tranship.migration.data.files import described, holds, in_folder, in_tar
from tranship.migration.data.files_local import LocalFiles, unpack
from tranship.migration.data.manifest import differences
from tranship.migration.data.stores import Store


def store(folder: Path) -> Store:
    return Store("web:uploads", "files", "web", "uploads", "/srv", folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "uploads"
    (root / "sub" / "empty").mkdir(parents=True)
    (root / "a").write_text("hello")
    (root / "a").chmod(0o640)
    os.link(root / "a", root / "sub" / "same")
    (root / "link").symlink_to("a")
    (root / "untidy").symlink_to("./sub//empty/")
    os.mkfifo(root / "pipe")
    (root / os.fsdecode(b"b\xff")).write_bytes(b"\0" * 200_000 + b"end")
    return root


def test_a_folder_and_its_archive_are_described_alike(folder: Path, tmp_path: Path) -> None:
    files = LocalFiles(store(folder))
    files.dump(tmp_path / "archive.tar")

    with (tmp_path / "archive.tar").open("rb") as stream:
        packed = described("web:uploads", in_tar(stream), owners=True)

    here = described("web:uploads", in_folder(folder), owners=True)
    assert () == differences(here, packed)
    assert "file b\\xff" in here.entries
    assert "6 files" == holds(here)


def test_unpacked_it_is_the_same_and_has_its_holes(folder: Path, tmp_path: Path) -> None:
    LocalFiles(store(folder)).dump(tmp_path / "archive.tar")
    other = LocalFiles(store(tmp_path / "other"))

    other.stage(tmp_path / "archive.tar")
    assert not (tmp_path / "other").exists()
    other.commit()
    other.abandon()

    before, after = LocalFiles(store(folder)).manifest(), other.manifest()
    assert () == differences(before, after)
    assert (tmp_path / "other" / "a").samefile(tmp_path / "other" / "sub" / "same")
    assert "./sub//empty/" == os.readlink(tmp_path / "other" / "untidy")  # noqa: PTH115
    hollow = (tmp_path / "other" / os.fsdecode(b"b\xff")).stat()
    assert hollow.st_blocks * 512 < hollow.st_size
    assert {"uploads", "archive.tar", "other"} == {path.name for path in tmp_path.iterdir()}


def test_each_kind_of_change_is_seen(folder: Path) -> None:
    before = LocalFiles(store(folder)).manifest()
    (folder / "a").chmod(0o600)
    (folder / "link").unlink()
    (folder / "link").symlink_to("sub")
    (folder / "new").write_text("")

    found = differences(before, LocalFiles(store(folder)).manifest())

    what = "its bytes, its mode or its further names differ before and after."
    assert (
        f"web:uploads: file a: {what}",
        "web:uploads: file new is there after and not before.",
        f"web:uploads: file sub/same: {what}",
        "web:uploads: link link: differs before and after.",
    ) == tuple(sorted(found))


def test_an_exchange_that_was_cut_in_the_middle_is_undone(folder: Path) -> None:
    files = LocalFiles(store(folder))
    folder.rename(folder.with_name("uploads.tranship-old"))

    files.abandon()

    assert (folder / "a").read_text() == "hello"


def test_an_archive_that_leads_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    blob = io.BytesIO()
    with tarfile.open(fileobj=blob, mode="w") as archive:
        link = tarfile.TarInfo("out")
        link.type, link.linkname = tarfile.SYMTYPE, "/"
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("out/tmp/file"))
    blob.seek(0)
    (tmp_path / "target").mkdir()

    with tarfile.open(fileobj=blob) as archive, pytest.raises(tarfile.TarError, match="leads out"):
        unpack(archive, tmp_path / "target")


def test_a_folder_that_cannot_be_written_is_named(folder: Path, tmp_path: Path) -> None:
    LocalFiles(store(folder)).dump(tmp_path / "archive.tar")
    (tmp_path / "file").write_text("")

    with pytest.raises(DataRefused, match=r"web:uploads on local: unpacking failed: .*file"):
        LocalFiles(store(tmp_path / "file" / "uploads")).stage(tmp_path / "archive.tar")


def test_an_absent_folder_holds_nothing(tmp_path: Path) -> None:
    assert {} == LocalFiles(store(tmp_path / "absent")).manifest().entries
