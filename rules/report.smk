# Steps 8 and 9: charts and pages, from the tables alone.
from vlm_profiling.outputs import (
    chart_files,
    chart_processes,
    page_files,
    site_files,
)


rule draw_charts:
    input:
        tables=rules.merge_runs.output,
        audits=rules.audit_runs.output,
        roofline=rules.compute_roofline.output,
        study=study_description,
        code=code("draw_charts"),
    output:
        [chart_output(file) for file in chart_files(STUDY.study)],
    log:
        "<results>/logs/draw_charts.log",
    threads: chart_processes(STUDY.study)
    params:
        results=study_folder,
    shell:
        "draw_charts.py --study {input.study:q} --tables {params.results:q}/tables"
        " --output {params.results:q}/plots"
        " --processes {threads:q} > {log:q} 2>&1"


rule write_report:
    input:
        tables=rules.merge_runs.output,
        audits=rules.audit_runs.output,
        roofline=rules.compute_roofline.output,
        plots=rules.draw_charts.output,
        study=study_description,
        code=code("write_report"),
    output:
        collect(
            "<results>/reports/{file}",
            file=[*page_files(STUDY.study), *site_files(STUDY.study)],
        ),
        directory("<results>/reports/images"),
    log:
        "<results>/logs/write_report.log",
    params:
        results=study_folder,
    shell:
        "write_report.py --study {input.study:q} --tables {params.results:q}/tables"
        " --plots {params.results:q}/plots"
        " --runs {params.results:q}/runs --datasets {params.results:q}/datasets"
        " --output {params.results:q}/reports > {log:q} 2>&1"
