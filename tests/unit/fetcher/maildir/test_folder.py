"""A Maildir's files, on the disk of this machine."""

from pathlib import Path

import pytest

from mailbox_operator.fetcher.maildir.folder import FEW, MaildirFolder


def test_what_is_written_is_seen_once_it_is_published(tmp_path: Path) -> None:
    folder = MaildirFolder(tmp_path / "deep" / "Maildir")
    middles = [f"Qm{number}" for number in range(FEW + 1)]
    for middle in middles[1:]:
        folder.write(middle, b"one\ntwo\n", seconds=1_000_000_000)
    assert folder.write_pieces(middles[0], (b"one\n", b"", b"two\n"), seconds=1_000_000_000) == len(b"one\ntwo\n")
    new = tmp_path / "deep/Maildir/new"
    assert not list(new.iterdir())
    folder.sync(middles)
    for middle in middles:
        folder.publish(middle, f"1.{middle}.h")
    folder.sync_names()
    assert sorted(file.name for file in new.iterdir()) == sorted(f"1.{middle}.h" for middle in middles)
    assert {file.read_bytes() for file in new.iterdir()} == {b"one\ntwo\n"}
    assert {file.stat().st_mtime for file in new.iterdir()} == {1_000_000_000}
    folder.close()


@pytest.mark.parametrize(("above", "folders", "files"), [(0o2775, 0o2770, 0o640), (0o755, 0o700, 0o600)])
def test_the_group_may_read_where_it_may_write_above(tmp_path: Path, above: int, folders: int, files: int) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    volume.chmod(above)
    folder = MaildirFolder(volume / "team/support")
    folder.write("Qm", b"x", seconds=None)
    folder.publish("Qm", "1.Qm.h")
    assert (volume / "team/support/new").stat().st_mode & 0o7777 == folders
    assert (volume / "team").stat().st_mode & 0o7777 == folders
    assert (volume / "team/support/new/1.Qm.h").stat().st_mode & 0o777 == files
    folder.close()


def test_a_message_that_is_there_already_is_replaced_by_its_like(tmp_path: Path) -> None:
    for _ in range(2):
        folder = MaildirFolder(tmp_path)
        folder.write("Qm", b"x", seconds=None)
        folder.publish("Qm", "1.Qm.h")
        folder.close()
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["1.Qm.h"]


def test_files_of_a_mailbox_are_found_read_or_unread(tmp_path: Path) -> None:
    folder = MaildirFolder(tmp_path)
    for place, name in (("new", "1.Qm1.h"), ("cur", "2.Qm2.h:2,S"), ("cur", "3.M4P5.other"), ("new", "odd")):
        (tmp_path / place / name).touch()
    assert folder.known(mark="Qm", limit=10) == {"Qm1", "Qm2"}
    assert folder.known(mark="Qm", limit=1) == frozenset()
    folder.close()


def test_leftovers_of_a_killed_process_go_and_those_of_others_stay(tmp_path: Path) -> None:
    before = MaildirFolder(tmp_path)
    before.write("Qm1", b"half", seconds=None)
    (tmp_path / "tmp/2.M1P2.other").touch()
    folder = MaildirFolder(tmp_path)
    folder.sweep(mark="Qm")
    assert [file.name for file in (tmp_path / "tmp").iterdir()] == ["2.M1P2.other"]
    before.close()
    folder.close()


def test_a_link_laid_out_for_us_is_not_followed(tmp_path: Path) -> None:
    folder = MaildirFolder(tmp_path)
    target = tmp_path / "precious"
    target.write_text("precious")
    folder.write("Qm", b"x", seconds=None)
    written = next((tmp_path / "tmp").iterdir())
    written.unlink()
    written.symlink_to(target)
    with pytest.raises(OSError, match="symbolic"):
        folder.write("Qm", b"x", seconds=None)
    assert target.read_text() == "precious"
    folder.close()
