# Step 6: all records to four tables.


rule merge_runs:
    input:
        runs=STUDY.record_paths,
        costs=collect("<results>/costs/{model}.json", model=STUDY.study.models),
        study=STUDY.description,
        code=code("merge_runs"),
    output:
        collect(
            "<results>/tables/{table}.{ending}",
            table=["runs", "samples"],
            ending=["parquet", "csv"],
        ),
    log:
        "<results>/logs/merge_runs.log",
    params:
        results=study_folder,
    shell:
        "merge_runs.py --study {input.study} --runs {params.results}/runs --costs {params.results}/costs"
        " --output {params.results}/tables > {log} 2>&1"
