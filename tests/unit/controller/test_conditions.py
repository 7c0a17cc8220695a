from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mailbox_operator.api.conditions import ALWAYS_PRESENT, ConditionType
from mailbox_operator.api.reasons import Reason
from mailbox_operator.controller.conditions import STEPS, carried, next_conditions, retrying
from mailbox_operator.controller.outcome import Outcome, Remedy, Status, blocked, fails, holds, unknown
from mailbox_operator.verification.model import Caution

NOW, LATER = "2026-11-24T00:00:00Z", "2026-11-24T01:00:00Z"


def all_hold() -> list[Outcome]:
    return [holds(kind, "fine") for kind in STEPS]


def with_step(outcomes: list[Outcome], changed: Outcome) -> list[Outcome]:
    return [changed if one.type is changed.type else one for one in outcomes]


def after(
    outcomes: list[Outcome], *, previous: list[dict[str, Any]] | None = None, now: str = NOW, working: bool = False
) -> dict[str, dict[str, Any]]:
    found = next_conditions(previous or [], outcomes, (), generation=3, now=now, working=working)
    return {one["type"]: one for one in found}


def test_ready_stands_last_of_those_always_present_and_sums_up() -> None:
    found = after(all_hold())
    assert list(found) == [str(kind) for kind in ALWAYS_PRESENT]
    assert found["Ready"]["status"] == "True"


def test_ready_tells_the_first_thing_wrong() -> None:
    outcomes = with_step(all_hold(), fails(ConditionType.OUTGOING_SECURED, "TLSCertificateExpired", "it has expired"))
    outcomes = with_step(outcomes, fails(ConditionType.INCOMING_AUTHENTICATED, "CredentialsInvalid", "wrong password"))
    found = after(outcomes)
    assert (found["Ready"]["status"], found["Ready"]["reason"]) == ("False", "CredentialsInvalid")
    assert found["Ready"]["message"] == "wrong password"
    assert found["Stalled"]["reason"] == "CredentialsInvalid"
    assert "Reconciling" not in found


def test_what_may_heal_is_reconciling() -> None:
    refused = fails(ConditionType.INCOMING_REACHABLE, "ConnectionRefused", "nobody listens", remedy=Remedy.TIME)
    found = after(with_step(all_hold(), refused))
    assert found["Ready"]["status"] == "False"
    assert found["Reconciling"]["reason"] == Reason.PROGRESSING_WITH_RETRY
    assert "Stalled" not in found


def test_while_a_verification_goes_on_it_is_reconciling_and_not_ready() -> None:
    found = after([unknown(kind, Reason.PENDING, "not yet") for kind in STEPS], working=True)
    assert found["Ready"]["status"] == "False"
    assert found["Reconciling"]["status"] == "True"


def test_a_suspended_mailbox_is_not_ready_and_nothing_is_being_worked_on() -> None:
    found = after([unknown(kind, Reason.SUSPENDED, "by spec.suspend") for kind in STEPS])
    assert (found["Ready"]["status"], found["Ready"]["reason"]) == ("False", "Suspended")
    assert not {"Reconciling", "Stalled"} & found.keys()


def test_a_transition_time_moves_with_the_status_only() -> None:
    first = list(after(all_hold()).values())
    same = after([holds(kind, "other words", reason="Other") for kind in STEPS], previous=first, now=LATER)
    assert {one["lastTransitionTime"] for one in same.values()} == {NOW}
    turned = after(
        with_step(all_hold(), fails(ConditionType.FOLDERS_ACCESSIBLE, "FolderNotFound", "gone")),
        previous=first,
        now=LATER,
    )
    assert turned["FoldersAccessible"]["lastTransitionTime"] == LATER
    assert turned["IncomingReachable"]["lastTransitionTime"] == NOW


def test_a_warning_is_present_while_it_lasts() -> None:
    caution = Caution(type="PlaintextTransport", reason="PlaintextTransport", message="in plain text")
    found = next_conditions([], all_hold(), [caution], generation=1, now=NOW, working=False)
    assert found[-1]["type"] == "PlaintextTransport"
    assert found[-1]["status"] == "True"


OUTCOMES = st.tuples(
    *(
        st.one_of(
            st.just(holds(kind, "fine")),
            st.just(blocked(kind)),
            st.builds(
                fails, st.just(kind), st.just("Broken"), st.text(max_size=2000), remedy=st.sampled_from(list(Remedy))
            ),
        )
        for kind in STEPS
    )
)


@given(outcomes=OUTCOMES, working=st.booleans())
def test_kstatus_can_always_tell(outcomes: tuple[Outcome, ...], *, working: bool) -> None:
    found = next_conditions([], outcomes, (), generation=7, now=NOW, working=working)
    by_type = {one["type"]: one for one in found}
    assert len(by_type) == len(found)
    assert not {"Reconciling", "Stalled"} <= by_type.keys(), "never both"
    if by_type["Ready"]["status"] == "True":
        assert not {"Reconciling", "Stalled"} & by_type.keys()
        assert all(one.status is Status.TRUE for one in outcomes)
    if {"Reconciling", "Stalled"} & by_type.keys():
        assert by_type["Ready"]["status"] == "False"
    for one in found:
        assert one["observedGeneration"] == 7
        assert len(one["message"]) <= 1024
        assert one["reason"]


def test_what_is_carried_keeps_its_remedy() -> None:
    stalled = list(
        after(with_step(all_hold(), fails(ConditionType.FOLDERS_ACCESSIBLE, "FolderNotFound", "x"))).values()
    )
    found = carried(stalled, ConditionType.FOLDERS_ACCESSIBLE, stalled=True)
    assert (found.status, found.reason, found.remedy) == (Status.FALSE, "FolderNotFound", Remedy.PERSON)
    assert carried([], ConditionType.FOLDERS_ACCESSIBLE, stalled=False).reason == Reason.PENDING


words = st.text(max_size=1500)
outcome_lists = st.tuples(
    *(
        st.builds(
            Outcome,
            type=st.just(kind),
            status=st.sampled_from(Status),
            reason=st.sampled_from(["Succeeded", "CredentialsInvalid", "Suspended", "Pending", "NotApplicable"]),
            message=words,
            remedy=st.sampled_from([None, *Remedy]),
        )
        for kind in STEPS
    )
)
cautions = st.lists(
    st.builds(
        Caution, type=st.sampled_from(["PlaintextTransport", "EWSRetirement"]), reason=st.just("R"), message=words
    ),
    max_size=2,
    unique_by=lambda one: one.type,
)


@settings(max_examples=50)
@given(outcome_lists, outcome_lists, cautions, st.booleans(), st.booleans())
def test_whatever_was_found_the_conditions_are_what_is_promised(
    first: tuple[Outcome, ...],
    second: tuple[Outcome, ...],
    warnings: list[Caution],
    working: bool,  # noqa: FBT001 - hypothesis gives it
    troubled: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    before = next_conditions([], first, (), generation=1, now=NOW, working=working)
    doubted = retrying(second[0]) if troubled else None
    found = next_conditions(before, second, warnings, generation=2, now=LATER, working=working, doubted=doubted)
    types = [one["type"] for one in found]
    assert types[: len(ALWAYS_PRESENT)] == [str(kind) for kind in ALWAYS_PRESENT]
    assert len(types) == len(set(types))
    assert not {"Reconciling", "Stalled"} <= set(types), "never both"
    known = {one["type"]: one for one in before}
    for one in found:
        assert len(one["message"]) <= 1024
        assert not set(one["message"]) & set("\r\n\x00\u2028")
        assert one["observedGeneration"] == 2
        turned = one["type"] not in known or known[one["type"]]["status"] != one["status"]
        assert (one["lastTransitionTime"] == LATER) is turned
    again = next_conditions(found, second, warnings, generation=2, now="never", working=working, doubted=doubted)
    assert again == found, "nothing new, nothing written"


def test_a_condition_that_says_the_same_is_the_one_that_is_there() -> None:
    before = list(after(all_hold()).values())
    again = next_conditions(before, all_hold(), (), generation=3, now=LATER, working=False)
    assert again == before
    renewed = next_conditions(before, all_hold(), (), generation=4, now=LATER, working=False)
    assert {one["observedGeneration"] for one in renewed} == {4}
    assert {one["observedGeneration"] for one in before} == {3}
