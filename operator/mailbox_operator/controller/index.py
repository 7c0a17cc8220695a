"""Which Mailboxes refer to an object: a change of it wakes exactly these."""

from collections import defaultdict

from mailbox_operator.controller.kinds import Key


class ReverseIndex:
    """From what is referred to, to who refers."""

    def __init__(self) -> None:
        self._targets: dict[Key, frozenset[Key]] = {}
        self._referrers: dict[Key, set[Key]] = defaultdict(set)

    def update(self, referrer: Key, targets: frozenset[Key]) -> frozenset[Key]:
        """Say to what an object refers now; nothing: it is no more. Returns the targets for which that is a change."""
        before = self._targets.get(referrer, frozenset())
        for target in before - targets:
            self._referrers[target].discard(referrer)
            if not self._referrers[target]:
                del self._referrers[target]
        for target in targets - before:
            self._referrers[target].add(referrer)
        if targets:
            self._targets[referrer] = targets
        else:
            self._targets.pop(referrer, None)
        return before ^ targets

    def referrers(self, target: Key) -> frozenset[Key]:
        """Return who refers to an object."""
        return frozenset(self._referrers.get(target, ()))
