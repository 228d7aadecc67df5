# Step 7: all finished records to findings: what would have caught a mistake, and what optimizations did to answers. The tables
# stand for the records, which would be thousands of inputs once more.
from vlm_profiling.report.files import audit_files


rule audit_runs:
    input:
        tables=rules.merge_runs.output,
        costs=collect("<results>/costs/{model}.json", model=STUDY.study.models),
        ceilings=collect("<results>/ceilings/{device}.json", device=STUDY.devices),
        study=STUDY.description,
        code=code("audit_runs"),
    output:
        collect("<results>/tables/{file}", file=audit_files()),
    log:
        "<results>/logs/audit_runs.log",
    params:
        results=study_folder,
    shell:
        "audit_runs.py --study {input.study} --runs {params.results}/runs --costs {params.results}/costs"
        " --ceilings {params.results}/ceilings --output {params.results}/tables > {log} 2>&1"
