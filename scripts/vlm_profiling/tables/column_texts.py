"""Sentences of the data dictionary that the docstrings of the record's fields do not give by themselves."""

from __future__ import annotations

from vlm_profiling.metrics.stages import STAGES
from vlm_profiling.metrics.statuses import STATES, STATUSES
from vlm_profiling.study.axes import AXES

IDENTITY = {
    "model": "Name of the model in the study.",
    "dataset": "Name of the data set in the study.",
    **{name: axis.meaning for name, axis in AXES.items()},
    "key": "Hash of the run's full specification; the name of its record ends with it.",
}
RUN_STATUS = {
    "axes": "Axes of the study that the run belongs to, separated by commas.",
    "state": "State of the record: " + "; ".join(f"{name}: {text}" for name, text in STATES.items()) + ".",
    "status": "Outcome of the run: "
    + "; ".join(f"{name}: {text}" for name, text in STATUSES.items())
    + ". Without a usable record its state.",
    "reason": "Why the run has no figures; null where it has.",
    "gpus": "Number of GPUs that hold the layers of the model; 0 on the CPU.",
}
STAGE = {"stage": f"Stage of the batch: {', '.join(STAGES)}."}
AUDIT = {
    "audit": "Name of the audit.",
    "asks": "The question that the audit answers.",
    "verdict": "Answer of the audit: not applicable, pass, warn or fail.",
    "figures": "Kinds of figures of the run that a warning or a failure flags, separated by commas.",
    "evidence": "The numbers behind the verdict, in one line.",
}
COMPARED = {
    "reference": "Name of the optimization whose answers the run's answers are compared with.",
    "reference_key": "Key of the run of that optimization at the same other settings.",
}

STATISTICS = {
    "n": "Number of values of {}.",
    "mean": "Mean of {}.",
    "median": "Median of {}.",
    "std": "Sample standard deviation of {}; null for a single value.",
    "min": "Lowest value of {}.",
    "max": "Highest value of {}.",
    "first": "First value of {}.",
    "last": "Last value of {}.",
    "p90": "90th percentile of {}; null for fewer than 29 values.",
    "p95": "95th percentile of {}; null for fewer than 59 values.",
    "p99": "99th percentile of {}; null for fewer than 299 values.",
    "outliers": "Positions of the values of {} that lie outside 3 interquartile ranges (Tukey); every "
    "figure keeps them.",
}
"""Definitions of the fields of a distribution or series, by the beginning of their names."""
INTERVAL = {
    "mean": "Estimate of {}, to which the interval belongs.",
    "low": "Lower end of the 95 % interval of {}.",
    "high": "Upper end of the 95 % interval of {}.",
}
SUBJECTS = {
    "generate": "the latency of generate() per full batch",
    "generate_per_sample": "the latency of generate() per sample: the latency of each full batch over its "
    "samples",
    "end_to_end": "the end-to-end latency per full batch, from images and text on the host to the answers",
    "output_tokens_per_s": "the output tokens per second, by bootstrap over batches",
    "samples_per_s": "the samples per second, by bootstrap over batches",
    "ttft": "the time to first token (TTFT) per full batch",
    "tpot": "the time per output token after the first (TPOT) per full batch",
    "stages_end_to_end": "the end-to-end latency per full batch in the stages pass, instrumentation included",
    "stages_against_headline": "the time of generate() in the stages pass over that in the headline pass, "
    "by bootstrap over batches",
    "stages_instrumentation_overhead": "the time of generate() instrumented over uninstrumented, rounds in "
    "pairs",
    "layers_against_headline": "the time of generate() in the layers pass over that in the headline pass, "
    "by bootstrap over batches",
    "time": "the exclusive time of the stage per full batch",
    "wer": "the raw word error rate of all samples, by bootstrap over samples",
    "wer_normalised": "the normalised word error rate of all samples, by bootstrap over samples",
    "exact_match": "the share of exact matches, by bootstrap over samples",
    "standard": "the data set's own metric, by bootstrap over samples; the document frequencies of CIDEr-D "
    "are those of all samples",
    "bleu_4": "the BLEU-4 of all samples, by bootstrap over samples",
    "rouge_l": "the mean ROUGE-L, by bootstrap over samples",
    "telemetry_sm_clock": "the clock of the GPU's streaming multiprocessors",
    "telemetry_memory_clock": "the clock of the GPU's memory",
    "telemetry_temperature": "the temperature of the GPU's core",
    "telemetry_power": "the power that the GPU draws",
    "telemetry_utilisation": "the share of the time in which some kernel ran on the GPU, as NVML reports it",
    "telemetry_cpu_clock": "the clock of the core that runs the process's main thread",
    "telemetry_load_by_others": "the share of the usable cores' time that other processes or the hypervisor "
    "took",
    "telemetry_memory_available": "the memory available on the machine (MemAvailable)",
    "changed_share": "the share of answers that changed, over samples (none changed: the rule of three)",
    "wer_change": "the change of the raw word error rate, by bootstrap over samples",
    "exact_match_change": "the change of the share of exact matches, samples in pairs, by bootstrap",
    "standard_change": "the change of the data set's own metric, samples in pairs, by bootstrap",
}
"""The subject of the statistics whose columns begin with a name."""

_BATCH = {
    "rows": "Number of samples in the batch.",
    "preprocess_s": "Time from images and text to tensors, s.",
    "sample_frames_s": "Time to convert the chosen frames to images (RGB, upright), s; null for images.",
    "transfer_s": "Time to copy tensors to the device, s.",
    "generate_s": "Time of generate(), s.",
    "detokenise_s": "Time from token ids to text, s.",
}
_JOULES = {
    "device": "Names of what was read: UUIDs of GPUs, or RAPL domains.",
    "window_s": "Length of the window of the meter, s.",
    "gross_j": "Energy of the window, idle power included, J.",
    "idle_w": "Power of the idle device, W.",
    "mean_w": "Mean power over the window, W.",
    "per_sample_j": "Energy of the window divided by the samples served in it, idle power included, J.",
    "per_token_j": "Energy of the window divided by the tokens generated in it, idle power included, J.",
    "second_meter_j": "Energy of the same window as a second meter read it, J.",
    "temperature_start_c": "Temperature at the start of the window, °C.",
    "temperature_end_c": "Temperature at the end of the window, °C.",
    "boards": "Energy of each of several GPUs, in its own window; the temperatures are those of the hottest "
    "one. Empty for one device. As JSON.",
}
TEXTS = {
    "prompt_tokens_mean": "Tokens of a prompt as the language model reads it, image tokens included and "
    "padding left out, mean.",
    "image_tokens_mean": "Tokens that represent the image of a sample, mean.",
    "frames_mean": "Images given to the model per sample: 1, or the frames of its video; mean.",
    "generated_tokens_mean": "Tokens generated for a sample, mean.",
    "effective_sizes": "Number of samples by the size that the model saw, width x height in pixels. As JSON.",
    "vision_grids": "Number of samples by the grid of patches that the model saw, rows x columns. As JSON.",
    "batch_flops": "FLOPs of a full batch, mean.",
    "batch_flops_std": "Sample standard deviation of the FLOPs over full batches; null for one batch.",
    "batch_vision_flops": "FLOPs of the vision encoder for a full batch, mean; null where the architecture "
    "has none.",
    "batch_project_flops": "FLOPs of the projector for a full batch, mean.",
    "batch_prefill_flops": "FLOPs of the prefill of a full batch, mean.",
    "batch_decode_flops": "FLOPs of the decode steps of a full batch, mean.",
    "protocol_version": "Version of the meaning of the numbers, raised by hand.",
    "optimization_dtype": "Data type of the weights that the optimization asked for.",
    "optimization_attention": "Attention kernel that the optimization asked for.",
    "optimization_compile": "Whether the optimization asked for torch.compile.",
    "optimization_quantisation": "Type that the weights of linear layers were to be stored as; null: as they "
    "are.",
    "optimization_cache": "Kind of key-value cache that was asked for; null: one that grows.",
    "failure_stage": "Step in which the run failed: load, prepare, warm-up, headline, stages, repeats, "
    "memory, layers, kernels, trace or quality.",
    "started_at": "Time at which the run started, in UTC, as ISO 8601.",
    "duration_s": "Duration of the whole process, from the start of the script to the writing of the record, "
    "s.",
    "load_s": "Time to load the model and its processor, s.",
    "checkpoint_source": "Source of the checkpoint: hub id, project folder, tiny:ARCHITECTURE or "
    "architecture:NAME.",
    "checkpoint_revision": "Pinned revision of the checkpoint.",
    "checkpoint_parameters": "Number of parameters loaded.",
    "checkpoint_weight_bytes_by_gpu": "Bytes of parameters and buffers on each of several GPUs, in the order "
    "of the environment's GPUs; empty for one device. As JSON.",
    "checkpoint_unquantised_layers": "Number of the linear layers left as they are, by the reason; null "
    "where no quantisation was asked. As JSON.",
    "checkpoint_random_weights": "Whether the weights are random, so that answers mean nothing.",
    "dataset_source": "Source of the data set.",
    "dataset_revision": "Pinned revision of the data set.",
    "dataset_samples": "Number of samples asked about.",
    "dataset_split": "Split of the data set.",
    "dataset_prompt": "Wording of the questions, where there is a choice: lmms-eval or raw.",
    "dataset_licence": "Licence of the data set, as its source states it.",
    "environment_python": "Version of Python.",
    "environment_platform": "Operating system and kernel.",
    "environment_cpu": "Name of the processor.",
    "environment_cpu_cores": "Number of cores that the process may use.",
    "environment_threads": "Number of torch's intra-op threads.",
    "environment_memory_bytes": "Memory of the machine, bytes.",
    "environment_gpu_name": "Name of the GPU.",
    "environment_gpu_uuid": "UUID of the GPU.",
    "environment_gpu_driver": "Version of the GPU's driver.",
    "environment_gpu_memory_bytes": "Memory of the GPU, bytes.",
    "environment_gpu_power_limit_w": "Power limit of the GPU's board, W.",
    "environment_gpu_sm_clock_mhz": "Clock of the GPU's streaming multiprocessors at the start of the run, "
    "MHz.",
    "environment_gpu_sm_clock_max_mhz": "Highest clock of the GPU's streaming multiprocessors, MHz.",
    "environment_gpu_memory_clock_mhz": "Clock of the GPU's memory at the start of the run, MHz.",
    "environment_gpu_memory_clock_max_mhz": "Highest clock of the GPU's memory, MHz.",
    "environment_gpu_compute_capability": "CUDA compute capability of the GPU.",
    "environment_gpu_cuda": "CUDA version that torch was built with.",
    "environment_gpu_ecc": "Whether the error correction of the GPU's memory is on.",
    "environment_gpu_persistence": "Whether the persistence mode of the GPU is on.",
    "environment_gpu_mig": "Whether the GPU is partitioned (MIG).",
    "environment_further_gpus": "The other GPUs that hold layers of the model, in torch's order; empty for a "
    "run on one GPU. As JSON.",
    "environment_git_commit": "Commit of this project.",
    "warmup_batches": "Number of batches of the warm-up.",
    "warmup_seconds": "Duration of the warm-up, s.",
    "warmup_stopped": "What ended the warm-up.",
    "warmup_shapes_run": "Number of these shapes that were run once before the headline pass.",
    "samples_per_s": "All samples divided by all end-to-end time.",
    "stage_energy_meter": "Name of the meter that was read.",
    "stage_energy_window_s": "Duration of the shortest loop over a stage, s.",
    "stage_energy_sum_j": "Energy per batch of the stages that the window of the headline includes, too, J.",
    "stage_energy_headline_j": "Energy of as many samples in the window of the headline, J.",
    "telemetry_n": "Number of readings, one at either end included.",
    "telemetry_duration_s": "Duration of the telemetry, s.",
    "telemetry_interval_s": "Mean time between two readings, s.",
    "predicted_peak_bytes": "Predicted peak of the whole process: all parts together, bytes.",
    "predicted_per_gpu_bytes": "Predicted peak of one of several GPUs if all held as much; the fullest one "
    "holds up to a layer more. Null for one GPU.",
    "predicted_basis": "What the prediction takes the size of the batch from.",
    "peak_reserved_bytes": "Peak of the memory that torch reserved (torch.cuda.max_memory_reserved).",
    "peaks_by_gpu": "Peaks of each of several GPUs, in the order of the environment's GPUs; empty for one "
    "device. As JSON.",
    "substitutions": "Number of reference words that answers replace by another word.",
    "insertions": "Number of words of answers that no reference has.",
    "deletions": "Number of reference words that answers lack.",
    "standard_metric": "The data set's own metric: vqa_accuracy, choice_accuracy or cider_d.",
    "bleu_4": "BLEU-4 of captions over all samples, as a share.",
    "rouge_l": "ROUGE-L of captions, mean over samples, as a share.",
    "scored": "Number of samples that have a reference.",
    "empty_references": "Number of samples left out because their reference is empty.",
    "repeats_drift": "Part of the noise that the batches of a round share, so that more batches would not "
    "average it out.",
    "repeats_half_width": "Half-width of the 95 % interval (Student) of the rounds' mean, relative to it.",
    "repeats_rounds": "Number of rounds in which the same batches were measured.",
    "repeats_stopped": "What ended the repetitions.",
    "stages_unattributed_share": "Share of the end-to-end time that belongs to no stage.",
    "layers_generate_s": "Time of generate() of these batches, instrumentation included, s.",
    "id": "Name of the sample in its data set.",
    "request": "The question, as the data set has it.",
    "references": "Reference answers. As JSON.",
    "answer": "Answer of the model.",
    "prompt_tokens": "Tokens of the prompt as the language model reads it, image tokens included and padding "
    "left out.",
    "image_tokens": "Tokens that represent the image.",
    "generated_tokens": "Tokens generated, up to and including end-of-sequence.",
    "samples.exact_match": "Whether the normalised answer equals a normalised reference.",
    "stages.share": "Share of the stage in the end-to-end time of the same batches.",
    "module": "Class of the modules: Linear, LayerNorm, CLIPAttention...",
    "block": "Block of the model: attention, mlp, norm, convolution, embedding or other.",
    "total_s": "Exclusive time over all full batches, s.",
    "layers.share": "Share of these layers in the time of generate() of the same batches.",
    "roofline.stage": "Stage of the run, or generate for all stages and the time between them.",
    "ceiling": "Ceiling that the stage is compared with: datasheet, or measured on the machine.",
    "roofline.source": "Source of the ceiling.",
    "roofline.dtype": "Data type of most matrix products, whose rate is the peak.",
    "flops": "FLOPs of the stage per full batch.",
    "intensity_flops_per_byte": "FLOPs per byte moved.",
    "peak_flops_per_s": "Matrix rate of the ceiling, FLOP/s.",
    "peak_bytes_per_s": "Memory bandwidth of the ceiling, bytes/s.",
    "compute_floor_s": "Time that the FLOPs need at the peak matrix rate, s.",
    "memory_floor_s": "Time that the bytes need at the peak bandwidth, s.",
    "roofline.absent": "Why figures of the row are null, by field. As JSON.",
    "common": "Number of samples that both runs answered.",
    "changed": "Number of these samples whose answers differ.",
    **{f"{prefix}_{name}": text for prefix in ("batch", "partial_batch") for name, text in _BATCH.items()},
    **{f"energy_{meter}_{name}": text for meter in ("gpu", "cpu") for name, text in _JOULES.items()},
}
"""By the name of the column, or TABLE.COLUMN where another table has a column of that name."""
