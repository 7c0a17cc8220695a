"""A mounted file that changes."""

from pathlib import Path

from mailbox_operator.fetcher.watched_file import WatchedFile


def mount(folder: Path, generation: str, content: str) -> None:
    """Write as the kubelet does: a new folder, then a link swapped."""
    (folder / generation).mkdir()
    (folder / generation / "password").write_text(content)
    link = folder / "..data.new"
    link.symlink_to(generation)
    link.rename(folder / "..data")


def test_a_swapped_link_is_a_change_and_only_once(tmp_path: Path) -> None:
    mount(tmp_path, "..1", "first")
    (tmp_path / "password").symlink_to("..data/password")
    file = WatchedFile(str(tmp_path / "password"))
    assert file.content == b"first"
    assert file.look() is False
    mount(tmp_path, "..2", "second")
    assert file.look() is True
    assert file.content == b"second"
    assert file.look() is False


def test_the_same_content_is_no_change(tmp_path: Path) -> None:
    mount(tmp_path, "..1", "same")
    (tmp_path / "password").symlink_to("..data/password")
    file = WatchedFile(str(tmp_path / "password"))
    mount(tmp_path, "..2", "same")
    assert file.look() is False


def test_a_file_that_is_away_for_a_moment_keeps_its_content(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("first")
    file = WatchedFile(str(path))
    path.unlink()
    assert file.look() is False
    assert file.content == b"first"
    path.write_text("second")
    assert file.look() is True


def test_a_file_that_comes_later_is_a_change(tmp_path: Path) -> None:
    file = WatchedFile(str(tmp_path / "password"))
    assert file.content is None
    (tmp_path / "password").write_text("x")
    assert file.look() is True
