"""What is asked: the study's settings, the grid of runs they expand to, and each run's key."""

from vlm_profiling.study.config import Study
from vlm_profiling.study.errors import ConfigError
from vlm_profiling.study.grid import Run, Runs, expand_runs
from vlm_profiling.study.load import load_study, study_from_mapping
from vlm_profiling.study.point import Point

__all__ = ["ConfigError", "Point", "Run", "Runs", "Study", "expand_runs", "load_study", "study_from_mapping"]
