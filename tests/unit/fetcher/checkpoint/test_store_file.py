import asyncio
from contextlib import suppress
from pathlib import Path

from mailbox_operator.fetcher.checkpoint.store_file import FileStore

LARGE = "x" * 20_000_000


async def test_a_write_that_was_given_up_neither_damages_nor_follows_the_next(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "state.json")
    given_up = asyncio.ensure_future(store.save(checkpoint=LARGE, progress="{}"))
    while not (tmp_path / "state.json.new").exists():  # noqa: ASYNC110 - the thread sets no event of the loop's
        await asyncio.sleep(0)
    given_up.cancel()
    with suppress(asyncio.CancelledError):
        await given_up
    await store.save(checkpoint="the last", progress="{}")
    assert (tmp_path / "state.json").read_text() == "the last"
