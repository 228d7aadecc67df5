# Step 5: one run, one process, one record. The only rule that holds the device.


rule profile_run:
    input:
        dataset="<results>/datasets/{dataset}/manifest.json",
        checkpoint="<results>/checkpoints/{model}.json",
        code=code("profile_run"),
        cost=ancient("<results>/costs/{model}.json"),  # only predicts: a cost counted anew makes no run stale
        image=container_image,
        lock=environment_lock,
    output:
        "<results>/runs/{model}/{dataset}/{point}.json",
    log:
        "<results>/logs/profile_run/{model}/{dataset}/{point}.log",
    container:
        STUDY.container
    threads: run_threads
    resources:
        gpu=run_gpus,
        turn=1,  # of what measures: one at a time where a profile says turn=1
        nodes=1,  # SLURM may otherwise take several GPUs of two nodes
        gpu_model=run_gpu_model,
        mem_mb=run_memory_mb,
        runtime=run_minutes,
    params:
        run=run_spec,
    shell:
        "profile_run.py --run {params.run:q} --checkpoint {input.checkpoint:q} --dataset {input.dataset:q}"
        " --code {input.code:q} --cost {input.cost:q} --image {input.image:q} --lock {input.lock:q}"
        " --output {output:q} > {log:q} 2>&1"
