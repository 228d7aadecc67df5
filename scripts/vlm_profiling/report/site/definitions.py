"""What stands behind the heads and row names of the pages' tables: the definition that comes up over each of
them.
"""

from __future__ import annotations

import re
from functools import cache

from vlm_profiling.metrics.catalog import METRICS
from vlm_profiling.study.axes import AXES

_UNIT = re.compile(r" \([^()]*\)$")
_VERDICT = "; in brackets the 95 % interval, and where a word follows it hears the runs' own noise, too"
_RATIO = "as a share of the first value's, on the same samples" + _VERDICT
_PASS = "in a pass of its own, whose stages are marked"
_OF_STAGE = {
    "decode frames": "videos' files to images, as many as are sampled from",
    "sample frames": "choosing the frames that the model gets",
    "preprocess": "images and text to tensors: the image processor and the tokenizer",
    "transfer": "tensors to the device",
    "vision": "the vision encoder",
    "project": "between the vision encoder and the language model: projector, Q-Former, merger",
    "prefill": "the language model on the prompt, to the first token's logits",
    "decode": "every further step of the language model",
    "loop": "inside generate() and outside the model: sampling, cache, bookkeeping",
    "detokenise": "token ids to text",
}
_OF_BLOCK = {
    "attention": "attention layers with their projections",
    "mlp": "feed-forward layers",
    "norm": "normalisation layers",
    "convolution": "convolutions, the patch embedding among them",
    "embedding": "look-ups of tokens and positions",
    "other": "layers of no kind above",
    "between layers": "time in which no marked layer ran: residuals, masks, reshapes, Python",
    "sum": "all of the stage",
    "of it in layers": "share of the stage's time in which a marked layer ran",
}
_DEFINITIONS = {
    # At the baseline, by row
    "prompt tokens, mean": "what the language model reads of a sample, unpadded, image included",
    "of them image tokens, mean": "tokens that stand for a sample's image or frames",
    "image tokens": "tokens that stand for a sample's image or frames, mean",
    "generated tokens, mean": "tokens written for a sample, end of sequence included",
    "flops spent on padding": "share of the FLOPs spent on padding and on rows that had ended",
    "latency's noise from repeat to repeat": "standard deviation of the means of repeated rounds of the same batches, relative: "
    "how far latency moves with nothing changed",
    "image seen by the model": "width × height after the image processor",
    "seen by the model": "width × height after the image processor",
    "least time a sample": "generate() of a full batch divided by its rows: the two least",
    "least energy a sample": "joules of the device that did the work, idle power included, divided by the samples: the two least",
    "smallest peak memory": "GPU: most bytes that torch held allocated; CPU: high-water mark of the resident set: the two least",
    # Stages, layers, rooflines, memory
    "stage: mean": f"exclusive time of the stage for a full batch, mean over batches, {_PASS}",
    "stage: std": "standard deviation over batches",
    "stage: min": "the fastest batch",
    "stage: median": "median over batches",
    "stage: max": "the slowest batch",
    "stage: share": "time of the stage over the end-to-end time of the same pass",
    "stage: in no stage": "end-to-end time of the pass that lies between its stages",
    "stage: end to end": "from images and text on the host to text, in the pass whose stages are marked",
    "stage: generate": "all of generate(), from the headline pass",
    "stage: flops": "the model's cost functions at the batch's own tokens, padding included",
    "stage: bytes": "least that has to be moved: weights once, and keys and values",
    "stage: flop/byte": "FLOPs over bytes: above the ceiling's own ratio arithmetic bounds, below it memory does",
    "stage: floor": "longer of FLOPs over the ceiling's matrix rate and bytes over its memory rate; of generate() the sum",
    "stage: time": "measured time of the stage for a full batch, mean",
    "stage: time / floor": "how many times as fast the device would allow",
    "stage: mfu": "model FLOPs utilisation: time that the FLOPs need at the matrix rate over the measured time",
    "stage: mbu": "model bandwidth utilisation: time that weights and cache need at the memory rate over the measured time",
    "stage: bound": "compute, memory or launch where it explains at least half of the time; else unattributed",
    **{f"stage: {name}": meaning for name, meaning in _OF_STAGE.items()},
    **{f"model: {name}": f"share of the end-to-end time: {meaning}" for name, meaning in _OF_STAGE.items()},
    **{f"block: {name}": meaning for name, meaning in _OF_BLOCK.items()},
    **{f"block: {name}": f"share of generate(), by block: {meaning}" for name, meaning in _OF_STAGE.items()},
    "block: all": "share of generate() over all stages",
    "kind of layer: share": "exclusive time of this kind of layer in this stage over generate() of the same pass",
    "marked, % of unmarked": "the same batches with and without marks around the stages, in turns: what marking costs",
    "memory: predicted": "before the run, from the model's cost and its largest batch",
    "memory: measured": "the peak over the headline pass",
    "memory: weights and buffers": "bytes of all parameters and buffers as loaded",
    "memory: keys and values of the largest batch": "cache of the longest batch at its last token",
    "memory: activations at the peak": "the largest set of tensors alive at once beside weights and cache",
    "memory: allocated by torch": "most bytes that torch held allocated",
    "memory: context, libraries, allocator's rest": "what the process holds beside torch's tensors",
    "memory: the whole process": "high-water mark of the resident set, or of the GPU's memory",
    # Advice
    "times as fast": "end to end: at most by Amdahl's law if that part of the time vanished, or as measured between two settings",
    # Axes
    "latency grows as": "x^b by least squares of the logarithms over n values; b is 1 in proportion and 0 without growth",
    "off by": "the farthest that a measured mean lies from the fitted curve",
    "time per output token, first": "of a whole batch, at the first value of the axis: (end to end - time to first token) / "
    "(tokens of the longest answer - 1)",
    "time per output token, last": "the same at the last value of the axis: what an output token costs there",
    "samples cut": "samples whose text was longer than the limit",
    "samples lengthened": "samples whose text was said again to reach the length",
    "frames given": "frames of a video that the model got, mean",
    "% of original latency": f"latency {_RATIO}",
    "% of original energy": f"energy {_RATIO}",
    "% of original flops": f"FLOPs {_RATIO}",
    "answers changed": "answers whose text differs from the reference optimization's, of those to the same samples",
    "words in common": "words before the first difference: median over the answers that changed",
    "word error rate, change": "after minus before, sample by sample, in points of a hundred; less is better",
    # Comparisons of two results folders
    "before": "generate() of a full batch on the first side, mean with its 95 % interval",
    "after": "generate() of a full batch on the second side, mean with its 95 % interval",
    "latency, % of before": f"mean over mean, batch by batch{_VERDICT}",
    "energy a sample, %": "joules per sample over those before; in brackets what both meters' uncertainties allow",
    "allocated at peak, %": "most bytes that torch held allocated over those before: a count, without interval",
    "quality, change in points": "the data set's own metric, else exact match: after minus before, sample by sample",
    "answers kept": "answers whose text is the same on both sides, of those asked on both",
    # Published figures
    "published": "as the published table has it",
    "ours": "measured by this study at the same settings, with its 95 % interval",
    "ours / published": "another machine, other versions and another draw of samples: of the right size is all it can say",
}


@cache
def _definitions() -> dict[str, str]:
    metrics = {metric.title.lower(): metric.definition for metric in METRICS.values()}
    axes = {_plain(axis.title): axis.meaning.rstrip(".") for axis in AXES.values()}
    return metrics | axes | _DEFINITIONS


def _plain(words: str) -> str:
    return _UNIT.sub("", words).lower()


def definition(words: str, first: str = "", *, row: bool = False) -> str | None:
    """What a head is, or the name of a row (`row`), in a table whose first head is `first`; the unit is left
    out of the search.

    A row is searched below its table's head alone: what a study calls its models and data sets defines
    nothing.
    """
    name, table = _plain(words), first.lower()
    if row and table:
        return _definitions().get(f"{table}: {name}")
    found = _definitions().get(f"{_plain(first)}: {name}") or _definitions().get(name)
    return found or _of_pattern(name, table)


def _of_pattern(name: str, first: str) -> str | None:
    """Heads that hold a name of the study: a value of an axis, the unit that one more of costs."""
    if name.startswith("one ") and name.endswith(" more"):
        return f"slope of the straight line through the means: what one {name[4:-5]} more costs a sample; 95 % interval"
    if name.startswith("highest "):
        return definition(name.removeprefix("highest "))
    if name.endswith(", change"):
        return "after minus before, sample by sample, in points of a hundred; more is better"
    quantity = first.partition(": ")[2]
    if quantity.startswith("latency in") and name != first:
        return f"{_definitions()['latency per batch']}, at this value; mean with its 95 % interval"
    if "% of" in quantity and name != first:
        return f"{quantity.partition(',')[0]} at this value {_RATIO}"
    return None
