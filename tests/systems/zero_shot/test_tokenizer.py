"""The vocabulary of whole words, against CLIP's own tokenizer and its errors."""

import pytest

from difflab.data.captions import words_of
from difflab.errors import UserError
from difflab.systems.zero_shot.clip import build_tokenizer, tokenize
from tests.systems.zero_shot.tiny_clip import make_spelling_clip

CAPTIONS = ["Large red circle and small blue circle on white background", "a photo of a red seven on white."]


@pytest.fixture
def tokenizer():
    return build_tokenizer(sorted({word for caption in CAPTIONS for word in words_of(caption)}), 14)


def test_a_word_is_a_token_however_it_is_written(tokenizer):
    plain, written = tokenize(tokenizer, ["a photo of a red circle .", "  A Photo of  a RED circle."])
    assert plain.tolist() == written.tolist()
    begin, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    assert plain[0] == begin and plain[8:].tolist() == [end] * 6
    words = tokenizer.convert_ids_to_tokens(plain[1:8].tolist())
    assert words == ["a", "photo", "of", "a", "red", "circle", "."]


def test_prompts_are_cut_where_clip_cuts_them(tokenizer):
    """The same pieces as CLIPTokenizer's: words, digits one by one, punctuation."""
    text = "red-circle, 42 Blue..."
    clips = make_spelling_clip().tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text)
    ours = tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text)
    assert [place for _, place in ours] == [place for _, place in clips]


def test_an_unknown_word_is_one_line(tokenizer):
    with pytest.raises(UserError) as error:
        tokenize(tokenizer, ["a red circle", "a Crimson circle on teal"])
    assert str(error.value).startswith("prompt 'a Crimson circle on teal': found 'Crimson', allowed: . a and ")
    assert "\n" not in str(error.value)


def test_too_long_a_prompt_is_one_line(tokenizer):
    fits = "red circle on white and blue circle on white and red circle"
    assert tokenize(tokenizer, [fits]).shape == (1, 14)
    line = r"found 15 tokens with begin and end, allowed: at most 14"
    with pytest.raises(UserError, match=rf"^prompt '{fits} \.': {line}$"):
        tokenize(tokenizer, ["red", f"{fits} ."])


def test_new_tokens_are_known_once_added(tokenizer):
    with pytest.raises(UserError, match="found '<'"):
        tokenize(tokenizer, ["a <new1> circle"])
    assert tokenizer.add_tokens(["<new1>"]) == 1
    tokens = tokenize(tokenizer, ["a <new1> circle"])[0]
    assert tokens[2] == tokenizer.convert_tokens_to_ids("<new1>") == len(tokenizer) - 1


def test_a_tokenizer_of_pieces_knows_every_word():
    tokens = tokenize(make_spelling_clip().tokenizer, ["A photo of a European-fire-salamander."])
    assert tokens.shape == (1, 77)
