"""SOAP autodiscover: GetUserSettings. No schema of it is published in a form that a program could check with."""

from typing import Final

from lxml import etree

from testbed.ews.making import Maker
from testbed.ews.soap import PARSER, S, to_octets
from testbed.ews.state import State

AUTODISCOVER: Final = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
ADDRESSING: Final = "http://www.w3.org/2005/08/addressing"
INSTANCE: Final = "http://www.w3.org/2001/XMLSchema-instance"
A: Final = Maker(AUTODISCOVER, nsmap={"a": AUTODISCOVER, "i": INSTANCE})
NAMES: Final = {"a": AUTODISCOVER}


def user_settings(state: State, octets: bytes) -> bytes:
    """Return the answer to a request."""
    envelope = etree.fromstring(octets, PARSER)
    request = envelope.find(".//a:GetUserSettingsRequestMessage/a:Request", NAMES)
    if request is None:
        state.violations.append("autodiscover: no GetUserSettingsRequestMessage")
        return _whole("InvalidRequest", "The request is invalid.")
    users = [str(one.text) for one in request.iterfind("a:Users/a:User/a:Mailbox", NAMES)]
    asked = [str(one.text) for one in request.iterfind("a:RequestedSettings/a:Setting", NAMES)]
    return _whole("NoError", "", *(_user(state, user, asked) for user in users))


def _user(state: State, address: str, asked: list[str]) -> etree._Element:
    if lead := state.autodiscover_leads.get(address):
        return _response("RedirectUrl" if "://" in lead else "RedirectAddress", "Redirected.", lead=lead)
    account = state.account(address)
    if account is None:
        return _response("InvalidUser", f"Invalid user: '{address}'")
    known = {
        "UserDisplayName": account.sam,
        "AutoDiscoverSMTPAddress": account.address,
        "UserDeploymentId": "00000000-0000-0000-0000-000000000001",
        "InternalEwsUrl": state.autodiscover_url,
        "ExternalEwsUrl": state.autodiscover_url,
        "ExternalEwsVersion": "15.01.2507.000",
        "EwsSupportedSchemas": "Exchange2007, Exchange2007_SP1, Exchange2010, Exchange2013, Exchange2016",
        "CasVersion": "15.01.2507.061",
    }
    settings = [
        A.UserSetting({f"{{{INSTANCE}}}type": "a:StringSetting"}, A.Name(name), A.Value(known[name]))
        for name in asked
        if name in known
    ]
    return _response("NoError", "No error.", *settings)


def _response(code: str, text: str, *settings: etree._Element, lead: str = "") -> etree._Element:
    target = A.RedirectTarget(lead) if lead else A.RedirectTarget({f"{{{INSTANCE}}}nil": "true"})
    return A.UserResponse(
        A.ErrorCode(code),
        A.ErrorMessage(text),
        target,
        A.UserSettingErrors(),
        A.UserSettings(*settings),
    )


def _whole(code: str, text: str, *users: etree._Element) -> bytes:
    action = etree.Element(f"{{{ADDRESSING}}}Action", nsmap={"w": ADDRESSING})
    action.text = f"{AUTODISCOVER}/Autodiscover/GetUserSettingsResponse"
    version = A.ServerVersionInfo(
        A.MajorVersion("15"),
        A.MinorVersion("1"),
        A.MajorBuildNumber("2507"),
        A.MinorBuildNumber("61"),
        A.Version("Exchange2016"),
    )
    response = A.Response(A.ErrorCode(code), A.ErrorMessage(text), A.UserResponses(*users))
    return to_octets(S.Envelope(S.Header(action, version), S.Body(A.GetUserSettingsResponseMessage(response))))
