"""Models of objects as the watches show them, kept while they are of use: to make one takes longer than to judge it."""

from dataclasses import dataclass, field
from typing import Any

from mailbox_operator.api.mailbox import Mailbox
from mailbox_operator.api.mailprovider import MailProvider
from mailbox_operator.controller.kinds import Key

Object = dict[str, Any]


@dataclass(slots=True)
class Models:
    """Makes a model of an object once, for the store never changes an object: it puts another in its place."""

    _mailboxes: dict[Key, tuple[Object, Mailbox]] = field(default_factory=dict)
    _providers: dict[Key, tuple[Object, MailProvider]] = field(default_factory=dict)

    def mailbox(self, key: Key, obj: Object) -> Mailbox:
        """Return the model of a Mailbox, which stays until `drop`: it is larger than the object."""
        kept = self._mailboxes.get(key)
        if kept is None or kept[0] is not obj:
            kept = self._mailboxes[key] = (obj, Mailbox.model_validate(obj))
        return kept[1]

    def drop(self, key: Key) -> None:
        """Keep the model of a Mailbox no longer."""
        self._mailboxes.pop(key, None)

    def provider(self, key: Key, obj: Object | None) -> MailProvider | None:
        """Return the model of a MailProvider, of which there are few. None: there is none."""
        if obj is None:
            self._providers.pop(key, None)
            return None
        kept = self._providers.get(key)
        if kept is None or kept[0] is not obj:
            kept = self._providers[key] = (obj, MailProvider.model_validate(obj))
        return kept[1]
