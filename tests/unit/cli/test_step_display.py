"""What a person sees of a verification."""

import io

from rich.console import Console

from mailbox_operator.cli.step_display import show_end, shown_steps
from mailbox_operator.diagnosis.finding import Retry
from mailbox_operator.verification.model import Caution, Report, Step, StepResult, Verdict

GOOD = StepResult(
    step=Step.INCOMING_REACHABLE,
    verdict=Verdict.TRUE,
    reason="Succeeded",
    message="[bold]mail.test answers",
    milliseconds=12,
)
BAD = StepResult(
    step=Step.INCOMING_AUTHENTICATED,
    verdict=Verdict.FALSE,
    reason="CredentialsInvalid",
    message="Wrong: NO [AUTHENTICATIONFAILED]: mend it",
    retry=Retry.NO,
    milliseconds=8,
)
CAUTION = Caution(type="PlaintextTransport", reason="PlaintextTransport", message="set security: TLS")


def printed(*, terminal: bool) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=160, color_system=None, highlight=False)
    with shown_steps(console) as listener:
        listener(GOOD)
        listener(BAD)
    show_end(console, Report(results=(GOOD, BAD), cautions=(CAUTION,)))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_without_a_terminal_each_step_is_a_line() -> None:
    lines = printed(terminal=False).splitlines()
    assert len(lines) == 4
    assert lines[0].split(maxsplit=4) == ["✓", "IncomingReachable", "12", "ms", "[bold]mail.test answers"]
    assert lines[1].startswith("✗ IncomingAuthenticated")
    assert lines[1].endswith("CredentialsInvalid  Wrong: NO [AUTHENTICATIONFAILED]: mend it")
    assert lines[2].startswith("! PlaintextTransport")
    assert lines[3] == "Not proven: IncomingAuthenticated (CredentialsInvalid)"


def test_on_a_terminal_the_list_of_all_steps_is_there_from_the_start() -> None:
    shown = printed(terminal=True)
    assert all(step in shown for step in Step)
    assert "[bold]mail.test answers" in shown, "a server's words are no markup"


def test_a_proven_mailbox_is_called_so() -> None:
    console = Console(file=io.StringIO(), width=160, color_system=None)
    show_end(console, Report(results=(GOOD,)))
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == "Proven\n"
