"""A small memory that forgets the oldest."""

from __future__ import annotations

from collections import OrderedDict


class Recent[K, V]:
    """Remembers the values of the keys that were set last, up to `size` of them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value, if it is still remembered."""
        return self._values.get(key)

    def set(self, key: K, value: V) -> None:
        """Remember a value; the key counts as the newest."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._size:
            self._values.popitem(last=False)

    def forget(self, key: K) -> None:
        """Remember it no longer."""
        self._values.pop(key, None)
