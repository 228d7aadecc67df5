"""The statuses of runs and the states of their records: one table of what each means."""

from __future__ import annotations

STATUSES: dict[str, str] = {
    "ok": "the run finished and has figures",
    "unsupported": "the model, the data set or the machine cannot run with these settings",
    "oom": "the device ran out of memory",
    "timeout": "the run passed its time limit",
    "error": "the run failed in a way that no other status describes",
}
"""The outcomes that a record states."""

STATES: dict[str, str] = {
    "current": "the record is made of the code, data set and checkpoint of today",
    "stale": "code, data set or checkpoint changed after the record was measured",
    "missing": "there is no record",
    "malformed": "the file of the record cannot be read as one",
    "foreign": "the record at this place belongs to other settings",
}
"""The states of a record. A run whose record cannot be used has its state as status."""
