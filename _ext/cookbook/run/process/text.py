"""What recipes print and raise, made fit for a page.

Any bytes can come out of a recipe: :func:`clean` makes of ``\x1b[31mred\x1b[0m`` the text
``red``, and :func:`bounded` keeps an exception with a message of 20 MB from taking the
page, or the build, with it. The standard library is all that is needed.
"""

import re

#: The longest text of an exception that is shown, in characters.
LONGEST_MESSAGE = 4000
#: CSI and OSC escape sequences: colors, cursor movement, window titles, links.
ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def clean(text):
    """Return *text* without what a page cannot show, in time linear in its length.

    Escape sequences go; a carriage return or backspace becomes what a terminal would
    show of it; other control characters and lone surrogates become U+FFFD.
    """
    text = ESCAPE.sub("", text)
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))
    if "\b" in text:
        kept = []
        for character in text:
            if character != "\b":
                kept.append(character)
            elif kept and kept[-1] != "\n":
                kept.pop()
        text = "".join(kept)
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def bounded(exc_info):
    """Return *exc_info* with a message, and notes, that can be formatted in no time."""
    kind, error, trace = exc_info
    try:
        message = "\n".join([str(error), *getattr(error, "__notes__", ())])
    except Exception:  # a broken __str__, of which Python says so itself
        return exc_info
    if len(message) <= LONGEST_MESSAGE and message == clean(message):
        return exc_info
    message = clean(message[: 2 * LONGEST_MESSAGE])
    if len(message) > LONGEST_MESSAGE:
        message = message[:LONGEST_MESSAGE] + " ... (the rest of the message is cut)"
    kind = type(kind.__name__, (Exception,), {"__module__": kind.__module__})
    return kind, kind(message), trace
