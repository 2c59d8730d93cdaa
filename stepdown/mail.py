"""Patch mails: one, a series, or an archive of them, as `git format-patch`, mbox files and list archives write them.

Only read: nothing of a mail is run. What is too large is refused before it is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage

MOST_BYTES = 8 << 20  # of all mails together; a patch of one driver has some ten thousand
MOST_MAILS = 200
BEGINS = re.compile(rb"^From (?:[0-9a-f]{40}|\S+@?\S*) .*\d{4}\r?$", re.MULTILINE)  # of a mail in an mbox
DIFF = re.compile(r"^(?:diff --git |--- (?=\S.*\n\+\+\+ ))", re.MULTILINE)
QUOTED = re.compile(r"^> ?", re.MULTILINE)
HEADERS = re.compile(
    rb"^(?:From|Subject|Date|Message-ID|Content-[\w-]+|MIME-Version|To): ", re.MULTILINE | re.IGNORECASE
)


class BadMail(ValueError):
    """The input is no patch mail that can be read; the message is one line."""


@dataclass(frozen=True)
class Mail:
    """One mail: its subject, what the author says of the change, and the change as a unified diff."""

    subject: str
    message: str
    diff: str


def mails(data: bytes) -> list[Mail]:
    """Return the mails in ``data`` that carry a diff, in the order of the series. Raises BadMail."""
    if len(data) > MOST_BYTES:
        raise BadMail(f"{len(data)} bytes: no mail above {MOST_BYTES} is read")
    if b"\0" in data:
        raise BadMail(f"line {data[: data.index(0)].count(10) + 1} holds a NUL byte: not a mail")
    found = []
    for at, one in enumerate(_cut(data)):
        if at >= MOST_MAILS:
            raise BadMail(f"more than {MOST_MAILS} mails: not a series")
        mail = _read(one)
        if mail is not None:
            found.append(mail)
    if not found:
        raise BadMail("no patch in it: expected a unified diff, as `git format-patch` writes it")
    return sorted(found, key=lambda mail: _number(mail.subject))


def _cut(data: bytes) -> Iterator[bytes]:
    begins = [found.start() for found in BEGINS.finditer(data)]
    begins = [0, *(at for at in begins if at)]
    for first, last in zip(begins, [*begins[1:], len(data)], strict=True):
        yield data[first:last]


def _read(data: bytes) -> Mail | None:
    head = data.split(b"\n\n", 1)[0].split(b"\r\n\r\n", 1)[0]
    if HEADERS.search(head) and not head.startswith(b"diff "):
        parsed = message_from_bytes(re.sub(rb"^From .*\r?\n", b"", data, count=1), policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        subject = " ".join(str(parsed.get("Subject", "")).split())
        text = "\n".join(_texts(parsed))
    else:
        subject, text = "", data.decode("utf-8", "replace")
    text = text.replace("\r\n", "\n")
    return _split(subject, text) or _split(subject, QUOTED.sub("", text))


def _texts(mail: EmailMessage) -> Iterator[str]:
    """Yield the texts of a mail: its body, and patches that are attached."""
    for part in mail.walk():
        if part.get_content_maintype() == "text" or (part.get_filename() or "").endswith((".patch", ".diff")):
            content = part.get_payload(decode=True)
            charset = part.get_content_charset() or "utf-8"
            if isinstance(content, bytes):
                try:
                    yield content.decode(charset, "replace")
                except LookupError:  # a charset that nobody knows
                    yield content.decode("utf-8", "replace")


def _split(subject: str, text: str) -> Mail | None:
    found = DIFF.search(text)
    if found is None:
        return None
    message = re.split(r"^---\s*$", text[: found.start()], maxsplit=1, flags=re.MULTILINE)[0]
    return Mail(subject, message.strip("\n"), text[found.start() :])


def _number(subject: str) -> int:
    found = re.search(r"\[[^\]]*?(\d{1,3})/\d{1,3}[^\]]*\]", subject)
    return int(found[1]) if found else 0
