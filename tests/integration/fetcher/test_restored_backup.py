"""A mail server that is restored from a backup gives UIDs a second time; each message is counted by its Message-ID."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from integration.conftest import Account
from integration.fetcher.conftest import Fetcher, Receiver
from integration.fetcher.tally import Record, message_ids, messages, tally
from support.kube import until
from testbed.dovecot import Dovecot
from testbed.mailserver import MailServer, free_ports, servers_folder

pytestmark = [pytest.mark.integration, pytest.mark.timeout(90)]


def test_neither_what_waits_nor_what_is_new_is_lost(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher, record_property: Record, tmp_path: Path
) -> None:
    imap, imaps = free_ports(2)
    with servers_folder() as root:

        def start() -> Dovecot:
            return Dovecot.start(root, pki=server.pki, imap=imap, imaps=imaps)

        own = start()
        try:
            own.set_password(account.address, account.password)
            inbox = own.maildir(account.address)
            own.seed(account.address, messages(20))
            fetcher.write_plan(replace(fetcher.plan, source=replace(fetcher.plan.source, port=imaps)))
            fetcher.start()
            receiver.wait_accepted(20)
            until(lambda: own.flags(account.address) == ["S"] * 20, seconds=10, what="at rest")
            subprocess.run(["cp", "--archive", inbox, tmp_path / "backup"], check=True)
            receiver.answer = lambda _fields, _body: 503
            own.seed(account.address, messages(10, first=21))
            until(lambda: fetcher.metric("pending") == 10, seconds=10, what="they wait for the sink")
            own.kill()
            for name in ("log", "run"):
                shutil.rmtree(root / name)
            shutil.rmtree(inbox)
            subprocess.run(["cp", "--archive", tmp_path / "backup", inbox], check=True)
            own.seed(account.address, messages(5, first=31))
            own = start()
            until(lambda: account.address in own.log(), seconds=60, what="signed in again")
            receiver.answer = lambda _fields, _body: 204
            receiver.wait_accepted(35, seconds=60)
            fetcher.wait_metric("folder_resets_total", 1)
            until(lambda: fetcher.progress().reset_reason == "UIDNextWentBack", seconds=10, what="told")
        finally:
            own.stop()
    found = tally(receiver, message_ids(35))
    record_property("tally", f"a backup restored while 10 messages waited for the sink: {found}")
    assert (found.delivered, found.lost, found.repeats) == (35, 0, 0), found
    came = {event.fields["ce-messageid"]: event for event in receiver.accepted}
    waited = {came[name].id for name in message_ids(10, first=21)}
    new = [came[name] for name in message_ids(5, first=31)]
    assert len(waited & {event.id for event in new}) == 5, "the server has given these UIDs twice"
    assert all(event.fields["ce-mayrepeat"] == "true" for event in new)
