"""A run as vLLM's benchmarks write one: keys of `vllm bench serve --save-result` and `vllm bench throughput
--output-json` (vllm-project/vllm, vllm/benchmarks). Keys of what this project does not measure are left out,
never filled in.

The nearest figure is not the same measurement: vLLM times requests that share a server; here a batch is given
to the model as one, so its times are of a batch. Input tokens hold the image's.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from vlm_profiling.record.schema import RunRecord
from vlm_profiling.record.sections import Distribution

BACKEND = "vlm-profiling"


def serve_result(record: RunRecord) -> dict[str, Any]:
    """A finished run in the shape of a serving benchmark. Times in ms, rates per second of the batches'
    end-to-end time.
    """
    headline, checkpoint = record.headline, record.checkpoint
    assert headline is not None and checkpoint is not None, "a finished run has both"
    duration_s, read, written = _work(record)
    return {
        "date": datetime.fromisoformat(record.started_at).strftime("%Y%m%d-%H%M%S"),
        "backend": BACKEND,
        "model_id": checkpoint.source,
        "tokenizer_id": checkpoint.source,
        "num_prompts": len(record.samples),
        "max_concurrency": record.point.batch_size,
        "duration": duration_s,
        "completed": len(record.samples),
        "failed": 0,
        "total_input_tokens": read,
        "total_output_tokens": written,
        "request_throughput": headline.samples_per_s,
        "output_throughput": headline.output_tokens_per_s,
        "total_token_throughput": (read + written) / duration_s,
        "input_lens": [sample.prompt_tokens for sample in record.samples],
        "output_lens": [sample.generated_tokens for sample in record.samples],
        "generated_texts": [sample.answer for sample in record.samples],
        **_milliseconds("ttft", record.serving.ttft if record.serving else None),
        **_milliseconds("tpot", record.serving.tpot if record.serving else None),
        **_milliseconds("e2el", headline.end_to_end),
    }


def throughput_result(record: RunRecord) -> dict[str, Any]:
    """A finished run in the shape of an offline benchmark."""
    duration_s, read, written = _work(record)
    return {
        "elapsed_time": duration_s,
        "num_requests": len(record.samples),
        "total_num_tokens": read + written,
        "requests_per_second": len(record.samples) / duration_s,
        "tokens_per_second": (read + written) / duration_s,
    }


def _work(record: RunRecord) -> tuple[float, int, int]:
    """Seconds of all batches of the headline's first pass, tokens read and written in them."""
    duration_s = sum(batch.end_to_end_s for batch in record.batches)
    samples = record.samples
    return (
        duration_s,
        sum(sample.prompt_tokens for sample in samples),
        sum(sample.generated_tokens for sample in samples),
    )


def _milliseconds(name: str, times: Distribution | None) -> dict[str, float]:
    """mean_ttft_ms and so on, as far as the distribution has them."""
    if times is None:
        return {}
    figures = {"mean": times.mean_s, "median": times.median_s, "std": times.std_s, "p99": times.p99_s}
    return {
        f"{statistic}_{name}_ms": 1000 * seconds
        for statistic, seconds in figures.items()
        if seconds is not None
    }
