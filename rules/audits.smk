# Step 7: all finished records to findings: audits, and the effect of optimizations on answers. The tables
# are inputs in place of the records, which would be thousands.
from vlm_profiling.outputs import audit_files


rule audit_runs:
    input:
        tables=rules.merge_runs.output,
        costs=collect("<results>/costs/{model}.json", model=STUDY.study.models),
        ceilings=collect("<results>/ceilings/{device}.json", device=STUDY.devices),
        study=study_description,
        code=code("audit_runs"),
    output:
        collect("<results>/tables/{file}", file=audit_files()),
    log:
        "<results>/logs/audit_runs.log",
    params:
        results=study_folder,
    shell:
        "audit_runs.py --study {input.study:q} --runs {params.results:q}/runs"
        " --costs {params.results:q}/costs"
        " --ceilings {params.results:q}/ceilings --output {params.results:q}/tables > {log:q} 2>&1"
