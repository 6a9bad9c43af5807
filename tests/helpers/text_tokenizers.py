"""Small text tokenizers of `transformers`, trained here by `tokenizers`."""

from own_data import rows
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

SPECIAL = {"eos_token": "<eos>", "pad_token": "<pad>"}
TEXTS = [text for row in rows() for text in (*row["captions"], *(part for pair in row["questions"] for part in pair))]


def pieces(texts=TEXTS, size=290, first=("<eos>", "<pad>"), **special):
    """Byte-pair encoding of the words of `texts`: any text has tokens. The first ids are special tokens."""
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=[*first], initial_alphabet=alphabet, show_progress=False
    )
    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    made.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, **(special or SPECIAL))


def words(known, **special):
    """Whole words alone; others are `<unk>`."""
    vocabulary = {word: i for i, word in enumerate(["<unk>", *SPECIAL.values(), *known])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", **(special or SPECIAL))
