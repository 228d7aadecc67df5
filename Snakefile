# The products of a study: tables, audits, charts and pages, by `snakemake --profile profiles/workstation`.
from snakemake.utils import min_version

min_version("9.27.1")

if not workflow.config_settings.configfiles:

    configfile: "config.yaml"


include: "rules/common.smk"


container: STUDY.cpu_container


include: "rules/datasets.smk"
include: "rules/checkpoints.smk"
include: "rules/profile.smk"
include: "rules/tables.smk"
include: "rules/ceilings.smk"
include: "rules/audits.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        missing_records,
        rules.merge_runs.output,
        rules.compute_roofline.output,
        rules.audit_runs.output,
        rules.draw_charts.output,
        rules.write_report.output,


# What needs the network (a cluster's nodes may have none) or takes seconds runs where Snakemake does.
localrules:
    all,
    prepare_dataset,
    prepare_checkpoint,
    merge_runs,
    audit_runs,
    compute_roofline,
    draw_charts,
    write_report,
