"""InstructBLIP's processor made from settings, and a tokenizer like that of its Q-Former."""

from __future__ import annotations

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BlipImageProcessorPil,
    InstructBlipProcessor,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from vlm_profiling.models.synthetic_tokenizers import SENTENCES


def instructblip_processor(
    tokenizer: PreTrainedTokenizerBase, qformer_tokenizer: PreTrainedTokenizerBase, *, side: int, queries: int
) -> InstructBlipProcessor:
    """A processor that brings images to side x side pixels, which become `queries` tokens.

    Args:
        tokenizer: Of the language model. The token <image> is added to it.
        qformer_tokenizer: Of the Q-Former, which reads the question too.
        side: Pixels of an image's side.
        queries: Queries of the Q-Former.
    """
    image_processor = BlipImageProcessorPil(size={"height": side, "width": side})
    return InstructBlipProcessor(image_processor, tokenizer, qformer_tokenizer, num_query_tokens=queries)


def bert_tokenizer() -> PreTrainedTokenizerFast:
    """A stand-in for the Q-Former's BERT tokenizer: lower-cased whole words between [CLS] and [SEP]."""
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordLevelTrainer(
        vocab_size=400, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=512,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )
