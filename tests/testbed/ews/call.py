"""One operation's surroundings: who asks, which mailboxes that one may open, how ids in the request are looked up."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from lxml import etree

from testbed.ews.soap import NAMES, Element, FaultError, M, RefusalError, Request, answer, refusal, success
from testbed.ews.state import State
from testbed.ews.world import Account, Folder, Item

WITH_ITEMS: Final = frozenset({"CreateItem", "GetItem", "MoveItem", "UpdateItem"})
"""Their messages have an Items element even where there is nothing in it."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request and its surroundings."""

    state: State
    principal: Account
    request: Request

    @property
    def account(self) -> Account:
        """Whose mailbox is meant where the request names none. Raises FaultError."""
        address = self.request.impersonated
        if address is None:
            return self.principal
        found = self.state.account(address)
        if found is None:
            raise FaultError("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.")
        if not self.principal.may_impersonate:
            raise FaultError(
                "ErrorImpersonateUserDenied",
                "The account does not have permission to impersonate the requested user.",
            )
        return found

    def mailbox(self, address: str) -> Account:
        """Return another's mailbox. Raises RefusalError."""
        found = self.state.account(address)
        if found is None:
            raise RefusalError("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.")
        if not self._may_open(found):
            raise RefusalError("ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        return found

    def folder(self, reference: Element) -> tuple[Account, Folder]:
        """Return the folder that a FolderId or DistinguishedFolderId names. Raises RefusalError."""
        name = reference.get("Id", "")
        if etree.QName(reference).localname == "DistinguishedFolderId":
            address = reference.findtext("t:Mailbox/t:EmailAddress", namespaces=NAMES)
            account = self.mailbox(address) if address else self.account
            found = account.named(name)
            if found is None:
                raise RefusalError("ErrorFolderNotFound", "The specified folder could not be found in the store.")
            return account, found
        for account in self.opened():
            if name in account.folders:
                return account, account.folders[name]
        raise RefusalError("ErrorFolderNotFound", "The specified folder could not be found in the store.")

    def item(self, reference: Element, *, fresh: bool = False) -> tuple[Account, Item]:
        """Return the item that an ItemId names; `fresh`: its change key must be the newest. Raises RefusalError."""
        for account in self.opened():
            found = account.item(reference.get("Id", ""))
            if found is not None:
                if fresh and reference.get("ChangeKey") not in (None, found.change_key):
                    raise RefusalError(
                        "ErrorIrresolvableConflict",
                        "The send or update operation could not be performed because the change key passed in the "
                        "request does not match the current change key for the item.",
                    )
                return account, found
        raise RefusalError("ErrorItemNotFound", "The specified object was not found in the store.")

    def each(self, references: Iterable[Element], act: Callable[[Element], list[Element]]) -> Element:
        """Return the answer made of one response message for each reference."""
        messages = []
        for reference in references:
            try:
                messages.append(success(self.request.name, *act(reference)))
            except RefusalError as error:
                empty = [M.Items()] if self.request.name in WITH_ITEMS else []
                messages.append(refusal(self.request.name, error, *empty))
        return answer(self.request.name, messages)

    def _may_open(self, account: Account) -> bool:
        return account is self.account or self.principal.address in account.delegates

    def opened(self) -> list[Account]:
        """Return the mailboxes that the asking one may open."""
        return [one for one in self.state.accounts.values() if self._may_open(one)]
