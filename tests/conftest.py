"""What the tests counted, printed before pytest's summary; and no test asserts a time."""

from __future__ import annotations

from typing import Any

from hypothesis import settings

settings.register_profile("stepdown", deadline=None)
settings.load_profile("stepdown")


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
