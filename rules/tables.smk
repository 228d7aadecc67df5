# Step 6: all records to tables.
from vlm_profiling.outputs import table_files


rule merge_runs:
    input:
        runs=records,
        costs=collect("<results>/costs/{model}.json", model=STUDY.study.models),
        study=study_description,
        code=code("merge_runs"),
        measuring=code("profile_run"),
    output:
        collect("<results>/tables/{file}", file=table_files()),
    log:
        "<results>/logs/merge_runs.log",
    params:
        results=study_folder,
    shell:
        "merge_runs.py --study {input.study:q} --runs {params.results:q}/runs"
        " --costs {params.results:q}/costs"
        " --output {params.results:q}/tables > {log:q} 2>&1"
