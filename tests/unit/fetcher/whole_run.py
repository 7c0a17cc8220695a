"""Fetch one message from a canned IMAP server and deliver it, in a fresh interpreter; print what that has loaded.

Both peers live in a process of their own, so that what they load does not count.
"""

import json
import multiprocessing
import socket
import sys
from multiprocessing.connection import Connection
from pathlib import Path

MESSAGE = b"Message-ID: <1@x>\r\n\r\nhello\r\n"
ANSWERS = {
    b"LOGIN": b"TAG OK [CAPABILITY IMAP4rev1] in\r\n",
    b"EXAMINE": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 3] x\r\n* OK [UIDNEXT 2] x\r\nTAG OK [READ-ONLY] done\r\n",
    b"LOGOUT": b"* BYE\r\nTAG OK done\r\n",
}
ITEMS = b'UID 1 FLAGS () INTERNALDATE "17-Jul-1996 02:44:25 -0700" RFC822.SIZE %d' % len(MESSAGE)


def serve(pipe: Connection) -> None:
    """Be the mail server, then the webhook, each for one connection; send what was delivered."""
    mail, hook = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
    pipe.send((mail.getsockname()[1], hook.getsockname()[1]))
    session = mail.accept()[0]
    session.sendall(b"* OK [CAPABILITY IMAP4rev1] hello\r\n")
    lines = session.makefile("rb")
    delivered: list[str] = []
    for line in lines:
        tag, command, *rest = line.split(b" ", 2)
        command = command.strip()
        if command in ANSWERS:
            session.sendall(ANSWERS[command].replace(b"TAG", tag))
            if command == b"LOGOUT":
                break
        elif b"BODY" in rest[0]:
            body = b"* 1 FETCH (%b BODY[] {%d}\r\n%b)\r\n%b OK done\r\n" % (ITEMS, len(MESSAGE), MESSAGE, tag)
            session.sendall(body)
            delivered += take_one(hook)
        else:
            session.sendall(b"* 1 FETCH (%b)\r\n%b OK done\r\n" % (ITEMS, tag))
    pipe.send(delivered)


def take_one(hook: socket.socket) -> list[str]:
    """Take one delivery and return its Message-ID."""
    connection = hook.accept()[0]
    octets = b""
    while not octets.endswith(MESSAGE):
        octets += connection.recv(65536)
    connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
    fields = [line for line in octets.split(b"\r\n") if line.startswith(b"ce-messageid: ")]
    return [line.partition(b": ")[2].decode() for line in fields]


def write_plan(folder: Path, mail: int, hook: int) -> None:
    """Write a plan without importing ours before it is counted."""
    plan = {
        "version": 2,
        "mailbox": {"uid": "u", "namespace": "n", "name": "m", "address": "a@b"},
        "source": {
            "protocol": "IMAP",
            "host": "127.0.0.1",
            "port": mail,
            "security": "None",
            "username": "a",
            "password_file": str(folder / "password"),
        },
        "fetch": {"folders": ["INBOX"], "since_seconds": None, "mark_seen": False},
        "delivery": {"webhook": {"url": f"http://127.0.0.1:{hook}/"}},
        "log_level": "info",
    }
    (folder / "password").write_text("secret")
    (folder / "plan.json").write_text(json.dumps(plan))


def main() -> None:
    """Run it."""
    folder = Path(sys.argv[1])
    ours, theirs = multiprocessing.Pipe()
    peers = multiprocessing.get_context("fork").Process(target=serve, args=(theirs,), daemon=True)
    peers.start()
    write_plan(folder, *ours.recv())
    known = set(sys.modules)
    arguments = ["--plan", str(folder / "plan.json"), "--checkpoint", f"file:{folder / 'state.json'}"]
    from mailbox_operator.__main__ import dispatch  # noqa: PLC0415 - this is what is measured

    code: object = None
    try:
        dispatch(["fetch", "--once", "--progress=none", "--allow-loopback", *arguments])
    except SystemExit as ended:
        code = ended.code
    assert code == 0
    loaded = {name.partition(".")[0] for name in set(sys.modules) - known}
    outside = sorted(name for name in loaded if name not in sys.stdlib_module_names and not name.startswith("_"))
    sys.stdout.write(json.dumps({"delivered": ours.recv(), "modules": outside}))


if __name__ == "__main__":
    main()
