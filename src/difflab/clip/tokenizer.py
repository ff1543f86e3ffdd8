"""Words to tokens: a vocabulary of whole words in CLIP's manner, and the check that a tokenizer knows a prompt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from tokenizers import Tokenizer, models, processors
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from difflab.data.captions import NORMALIZER, SPLITTER
from difflab.errors import UserError

BEGIN, END, UNKNOWN = "<|startoftext|>", "<|endoftext|>", "<|unknown|>"


def build_tokenizer(words: Iterable[str], text_length: int) -> PreTrainedTokenizerFast:
    """A tokenizer of different `words` in their order, to at most `text_length` tokens with begin and end.

    It splits, begins, ends and pads as CLIPTokenizer does, the padding being the end token, but a word is one token or
    unknown, so that a prompt of another word is refused instead of spelt.
    """
    vocabulary = {word: index for index, word in enumerate([*words, UNKNOWN, BEGIN, END])}
    model = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    model.normalizer, model.pre_tokenizer = NORMALIZER, SPLITTER
    model.post_processor = processors.RobertaProcessing(
        (END, vocabulary[END]), (BEGIN, vocabulary[BEGIN]), trim_offsets=False, add_prefix_space=False
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=model,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=END,
        unk_token=UNKNOWN,
        model_max_length=text_length,
    )


def tokenize(tokenizer: PreTrainedTokenizerFast, prompts: Sequence[str]) -> Tensor:
    """Token numbers (N, text_length) int64, each padded to the tokenizer's `model_max_length`.

    Raises UserError when a prompt has a word that is not in the vocabulary, or is too long.
    """
    encoded = tokenizer(list(prompts), padding="max_length")["input_ids"]
    longest, allowed = max(range(len(prompts)), key=lambda row: len(encoded[row])), tokenizer.model_max_length
    if (length := len(encoded[longest])) > allowed:
        found = f"{length} tokens with begin and end"
        raise UserError(f"prompt {prompts[longest]!r}: found {found}, allowed: at most {allowed}")
    if tokenizer.unk_token_id != tokenizer.eos_token_id:  # a vocabulary of pieces, where they are one, spells any word
        for prompt, row in zip(prompts, encoded, strict=True):
            if tokenizer.unk_token_id in row:
                raise UserError(f"prompt {prompt!r}: found {_unknown(tokenizer, prompt)}, allowed: {_words(tokenizer)}")
    return torch.tensor(encoded)


def _unknown(tokenizer: PreTrainedTokenizerFast, prompt: str) -> str:
    encoding = tokenizer(prompt, return_offsets_mapping=True)
    start, end = encoding["offset_mapping"][encoding["input_ids"].index(tokenizer.unk_token_id)]
    return repr(prompt[start:end])


def _words(tokenizer: PreTrainedTokenizerFast) -> str:
    return " ".join(sorted(set(tokenizer.get_vocab()) - set(tokenizer.all_special_tokens)))
