"""Which Mailboxes refer to an object: a change of it wakes exactly these."""

from collections import defaultdict

from mailbox_operator.controller.kinds import Key


class ReverseIndex:
    """From what is referred to, to who refers."""

    def __init__(self) -> None:
        self._targets: dict[Key, frozenset[Key]] = {}
        self._referrers: dict[Key, set[Key]] = defaultdict(set)

    def update(self, referrer: Key, targets: frozenset[Key]) -> None:
        """Say to what an object refers now."""
        before = self._targets.get(referrer, frozenset())
        if before == targets:
            return
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

    def remove(self, referrer: Key) -> None:
        """Forget an object that is no more."""
        self.update(referrer, frozenset())

    def referrers(self, target: Key) -> frozenset[Key]:
        """Return who refers to an object."""
        return frozenset(self._referrers.get(target, ()))
