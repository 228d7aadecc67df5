# Step 1: samples drawn, checked and hashed, once a data set.


rule prepare_dataset:
    input:
        source=dataset_source,
        code=code("prepare_dataset"),
    output:
        manifest="<results>/datasets/{dataset}/manifest.json",
        samples="<results>/datasets/{dataset}/samples.jsonl",
    log:
        "<results>/logs/prepare_dataset/{dataset}.log",
    params:
        dataset=dataset_config,
    shell:
        "prepare_dataset.py --name {wildcards.dataset:q} --dataset {params.dataset:q}"
        " --output {output.manifest:q} > {log:q} 2>&1"
