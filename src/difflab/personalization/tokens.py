"""Tokens of concepts in prompts."""

from __future__ import annotations

import re


def tokens_of(prompt: str) -> list[str]:
    """The words in angle brackets."""
    return re.findall(r"<[^<>\s]*>", prompt)
