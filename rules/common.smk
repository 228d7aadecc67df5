# The validated study, its runs, and small helpers that every other rule file uses.
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir, "scripts")))

from snakemake.exceptions import WorkflowError
from vlm_profiling.study import ConfigError
from vlm_profiling.workflow import open_workflow

# Jobs run the Python that runs Snakemake; inside a container the image's own PATH holds.
os.environ["PATH"] = os.pathsep.join(
    [str(Path(sys.executable).parent), os.environ["PATH"]]
)

try:
    STUDY = open_workflow(
        config, [Path(name) for name in workflow.configfiles], Path(workflow.basedir)
    )
except ConfigError as error:
    raise WorkflowError(str(error)) from None


pathvars:
    results=STUDY.study.results,


wildcard_constraints:
    model="[^/]+",
    dataset="[^/]+",
    point="[^/]+",


def code(script):
    """The digest of a script and of all library code it imports: changes when a number could, not when a comment does."""
    return str(STUDY.code_digest(script))


def source_files(folder):
    """All files of a source folder of the user's, by content; none where it does not exist, and the script says so."""
    return (
        sorted(str(path) for path in Path(folder).rglob("*") if path.is_file())
        if folder
        else []
    )
