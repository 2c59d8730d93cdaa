"""The begin of a trace's line: which task it is about."""

from __future__ import annotations

import re

# ftrace and trace-cmd: "name-pid", perhaps "(tgid)"; perf script: "name pid" or "name pid/tid"
HEAD = re.compile(r"(?P<name>.*?)(?:-|\s+)(?:\d{1,10}/)?(?P<pid>\d{1,10})\s*(?:\(\s*[\d-]*\))?$", re.ASCII | re.DOTALL)
MOST_HEADS = 4096
LONGEST_HEAD = 120


class Heads:
    """Tells a task by the text before "[cpu]", and remembers it: the same few come again and again."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def task(self, head: str) -> str:
        """Return "name-pid", the pid alone where ftrace had forgotten the name."""
        task = self.known.get(head)
        if task is None:
            if len(self.known) >= MOST_HEADS:
                self.known.clear()
            found = HEAD.match(head.strip()[-LONGEST_HEAD:])
            task = f"{found['name'].strip()}-{found['pid']}" if found else head.strip()[-LONGEST_HEAD:]
            self.known[head] = task
        return task
