"""Workers: however many visits are due, whoever else has something to do gets his turn."""

import asyncio

from mailbox_operator.controller.kinds import MAILBOX, Key
from mailbox_operator.controller.process import Readiness, _work
from mailbox_operator.controller.work_queue import Lane, WorkQueue


async def test_what_has_changed_is_heard_of_while_thousands_are_due() -> None:
    queue, readiness, visited = WorkQueue(call_later=asyncio.get_running_loop().call_later), Readiness(), list[Key]()
    readiness.listed.set()
    for number in range(1000):
        queue.add(Key(MAILBOX.name, "a", str(number)), Lane.PERIODIC)
    new = Key(MAILBOX.name, "a", "new")
    began, heard = asyncio.Event(), asyncio.Event()

    async def visit(key: Key) -> None:  # as one does that asks nobody
        visited.append(key)
        began.set()
        if key == new:
            heard.set()

    async with asyncio.timeout(40), asyncio.TaskGroup() as group:
        worker = group.create_task(_work(queue, {MAILBOX.name: visit}, readiness))
        await began.wait()
        queue.add(new)
        await heard.wait()
        worker.cancel()
    assert len(visited) < 10
