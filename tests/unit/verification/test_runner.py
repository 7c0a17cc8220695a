"""How long a run may take."""

from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.api.durations import seconds
from mailbox_operator.controller.target import render_timeouts
from mailbox_operator.verification.model import Timeouts
from mailbox_operator.verification.runner import ARRIVAL_SECONDS, SEND_SECONDS, longest_run
from unit.controller.builders import mailbox

SECONDS = st.floats(min_value=1, max_value=300)


@given(connect=SECONDS, authenticate=SECONDS, step=SECONDS)
def test_a_run_may_take_all_that_its_steps_may(connect: float, authenticate: float, step: float) -> None:
    """Else a Mailbox whose server is slow, and is given time for it, would never hear which step it fails at."""
    incoming = connect + connect + authenticate + step
    outgoing = connect + connect + authenticate + step  # signing in with further identities may take a step's time more
    whole = max(incoming, outgoing) + ARRIVAL_SECONDS + SEND_SECONDS
    assert longest_run(Timeouts(connect=connect, authenticate=authenticate, step=step)) >= whole


def test_the_longest_that_a_mailbox_may_ask_for_fits() -> None:
    slow = mailbox(verification={"timeouts": {"connect": "5m", "authenticate": "5m", "step": "5m"}})
    assert longest_run(render_timeouts(slow)) > 4 * seconds("5m")
