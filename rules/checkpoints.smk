# Steps 2 and 4: the checkpoint is made ready and hashed, and its cost is counted, both without a GPU.


rule prepare_checkpoint:
    input:
        source=checkpoint_source,
        code=code("prepare_checkpoint"),
    output:
        "<results>/checkpoints/{model}.json",
    log:
        "<results>/logs/prepare_checkpoint/{model}.log",
    params:
        model=model_config,
    shell:
        "prepare_checkpoint.py --name {wildcards.model:q} --model {params.model:q} --output {output:q}"
        " > {log:q} 2>&1"


rule count_cost:
    input:
        checkpoint="<results>/checkpoints/{model}.json",
        code=code("count_cost"),
    output:
        "<results>/costs/{model}.json",
    log:
        "<results>/logs/count_cost/{model}.log",
    shell:
        "count_cost.py --checkpoint {input.checkpoint:q} --output {output:q} > {log:q} 2>&1"
