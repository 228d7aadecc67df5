"""The table of stages on a terminal and in a log."""

from __future__ import annotations

import re

from factories import make_stages

from vlm_profiling.measure.terminal.stage_table import stage_table


def test_it_says_what_the_record_says() -> None:
    lines = stage_table(
        make_stages({"vision": [0.010, 0.030], "decode": [0.060, 0.100]}), coloured=False
    ).splitlines()
    assert lines[0].split() == ["stage", "mean", "ms", "std", "min", "median", "max", "share"]
    assert lines[1].split()[:8] == ["vision", "20.00", "14.14", "10.00", "20.00", "30.00", "20.0", "%"]
    assert lines[1].count("█") == 6 and lines[2].count("█") == 24
    assert lines[3].split()[:2] == ["end", "to"] and "100.00" in lines[3]
    assert lines[4] == "in no stage: 0.00 %"
    assert "project" in lines[5]
    assert lines[-2] == "generate() took 1.010 [0.990, 1.030] of the headline's"
    assert lines[-1] == "instrumented and uninstrumented in turns it took 1.004 [0.998, 1.010] of its time"


def test_colours_change_nothing_but_colours() -> None:
    stages = make_stages({"vision": [0.010], "decode": [0.060]})
    coloured = stage_table(stages, coloured=True)
    assert "\x1b[35m" in coloured
    assert re.sub("\x1b\\[\\d+m", "", coloured) == stage_table(stages, coloured=False)
