"""A folder of files, as the kubelet mounts a Secret."""

from pathlib import Path

from mailbox_operator.fetcher.watched_folder import WatchedFolder


def mount(folder: Path, version: str, files: dict[str, str]) -> None:
    """Put files in place as the kubelet does: a new folder, a link swapped by rename."""
    data = folder / f"..{version}"
    data.mkdir()
    for name, content in files.items():
        (data / name).write_text(content)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    (folder / "..data.new").symlink_to(data.name)
    (folder / "..data.new").rename(folder / "..data")
    for name in [one.name for one in folder.iterdir() if one.is_symlink() and not one.name.startswith("..")]:
        if name not in files:
            (folder / name).unlink()


def test_a_secret_that_changes_is_seen_as_a_whole(tmp_path: Path) -> None:
    mount(tmp_path, "1", {"A": "1", "B": "2"})
    folder = WatchedFolder(str(tmp_path))
    assert folder.files == {"A": b"1", "B": b"2"}
    assert not folder.look()
    mount(tmp_path, "2", {"A": "3"})
    assert folder.look()
    assert folder.files == {"A": b"3"}


def test_one_that_goes_away_keeps_what_it_held_and_one_that_comes_is_read(tmp_path: Path) -> None:
    folder = WatchedFolder(str(tmp_path / "late"))
    assert folder.files is None
    (tmp_path / "late").mkdir()
    (tmp_path / "late/A").write_text("1")
    assert folder.look()
    (tmp_path / "late/A").unlink()
    (tmp_path / "late").rmdir()
    assert not folder.look()
    assert folder.files == {"A": b"1"}
