# Steps 3 and 7: what each device reaches, measured once; and how far every stage of every run is from it.
from vlm_profiling.outputs import roofline_files


wildcard_constraints:
    device="cuda|cpu",


rule calibrate_device:
    input:
        code=code("calibrate_device"),
        lock=environment_lock,
    output:
        "<results>/ceilings/{device}.json",
    log:
        "<results>/logs/calibrate_device/{device}.log",
    container:
        STUDY.container
    threads: device_threads
    resources:
        gpu=device_gpus,
        turn=1,
        gpu_model=device_gpu_model,
    shell:
        "calibrate_device.py --device {wildcards.device:q} --lock {input.lock:q} --output {output:q}"
        " > {log:q} 2>&1"


rule compute_roofline:
    input:
        tables=rules.merge_runs.output,
        costs=collect("<results>/costs/{model}.json", model=STUDY.study.models),
        ceilings=collect("<results>/ceilings/{device}.json", device=STUDY.devices),
        study=study_description,
        code=code("compute_roofline"),
    output:
        collect("<results>/tables/{file}", file=roofline_files()),
    log:
        "<results>/logs/compute_roofline.log",
    params:
        results=study_folder,
    shell:
        "compute_roofline.py --study {input.study:q} --runs {params.results:q}/runs"
        " --costs {params.results:q}/costs"
        " --ceilings {params.results:q}/ceilings --output {params.results:q}/tables > {log:q} 2>&1"
