"""The messages that recipes print, and which of them a diagnosis is about.

A pattern is looked for only in the messages that have the rarest of its words: to look for all
patterns in all messages takes minutes for a thousand recipes, and hours for ten thousand.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from cookbook.site.diagnosis import Diagnosis, parts, regex


class Printed:
    """Some messages, and which of them have a word."""

    def __init__(self, messages: Iterable[str]) -> None:
        self.said = {text: " ".join(re.sub(r"\\(?=['\"])", "", text).split()) for text in messages}
        self.having: dict[str, set[str]] = defaultdict(set)
        for message, said in self.said.items():
            for word in re.findall(r"\w+", said):
                self.having[word].add(message)

    def about(self, one: Diagnosis) -> set[str]:
        """Return the messages that a diagnosis is about, none of its exceptions; its keys are not looked at."""
        found: set[str] = set()
        for pattern in one.messages:
            fixed = [text for text, varies in parts(pattern) if not varies]
            words = [word for text in fixed for word in re.findall(r"(?<=\W)\w+(?=\W)", text)]  # those that are whole
            among = min((self.having.get(word, set()) for word in words), key=len, default=self.said.keys())
            expression = regex(pattern)
            found.update(message for message in among if expression.search(self.said[message]))
        exceptions = [regex(text) for text in one.exceptions]
        return {message for message in found if not any(text.search(self.said[message]) for text in exceptions)}
