# Step 5: one run, one process, one record. The only rule that holds the device.


def run_spec(wildcards):
    return STUDY.run(wildcards.model, wildcards.dataset, wildcards.point).spec


def run_gpus(wildcards):
    return (
        1
        if STUDY.run(wildcards.model, wildcards.dataset, wildcards.point).point.device
        == "cuda"
        else 0
    )


def run_threads(wildcards):
    """A CPU run holds every core, so that nothing else runs beside it; a GPU run leaves some to the CPU rules."""
    return workflow.cores or 8 if run_gpus(wildcards) == 0 else 4


rule profile_run:
    input:
        dataset="<results>/datasets/{dataset}/manifest.json",
        samples="<results>/datasets/{dataset}/samples.jsonl",
        checkpoint="<results>/checkpoints/{model}.json",
        code=code("profile_run"),
        lock=STUDY.lock,
    output:
        "<results>/runs/{model}/{dataset}/{point}.json",
    log:
        "<results>/logs/profile_run/{model}/{dataset}/{point}.log",
    threads: run_threads
    resources:
        gpu=run_gpus,
    params:
        run=run_spec,
    shell:
        "profile_run.py --run {params.run:q} --checkpoint {input.checkpoint} --dataset {input.dataset}"
        " --code {input.code} --lock {input.lock} --output {output} > {log} 2>&1"
