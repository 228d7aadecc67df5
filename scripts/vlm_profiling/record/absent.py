"""Why there is no value: the one shape in which functions return it. A record's JSON keeps it as text, in the
`absent` mapping of the section that lacks the field.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Absent:
    """The reason for a missing value: one line, untrusted text."""

    reason: str
    status: str = ""
    """The run's status where the whole run has no values (oom, unsupported, missing...)."""
