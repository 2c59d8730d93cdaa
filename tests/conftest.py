"""What the tests counted, printed before pytest's summary."""

from __future__ import annotations

from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print each "counted" property that a passed test recorded."""
    lines = [
        str(text)
        for report in terminalreporter.stats.get("passed", [])
        for name, text in report.user_properties
        if name == "counted"
    ]
    if lines:
        terminalreporter.section("counted")
        terminalreporter.write_line("\n".join(lines))
