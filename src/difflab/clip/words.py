"""Texts in pieces, as CLIPTokenizer cuts them."""

from __future__ import annotations

from tokenizers import Regex, normalizers, pre_tokenizers

# As CLIPTokenizer: words, single digits, punctuation, all of them lower-cased.
NORMALIZER = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
SPLITTER = pre_tokenizers.Split(Regex(r"[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), behavior="removed", invert=True)


def words_of(text: str) -> list[str]:
    """Lower-cased words, digits and punctuation, in their order."""
    return [word for word, _ in SPLITTER.pre_tokenize_str(NORMALIZER.normalize_str(text))]
