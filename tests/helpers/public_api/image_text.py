"""Good calls of `infotok.worlds.ImageTextWorld`."""

import json
import tempfile
from pathlib import Path

import torch
from own_data import rows
from text_tokenizers import pieces

from infotok import worlds as own

MADE = [{name: row[name] for name in ("image", "captions", "questions")} for row in rows(8)]
WORLD = own.ImageTextWorld(MADE, held_out=0.3)
FOLDER = tempfile.TemporaryDirectory()
DATA, SAVED = Path(FOLDER.name) / "data.jsonl", Path(FOLDER.name) / "words.json"
DATA.write_text(json.dumps({"image": "a.png", "caption": "a wall"}) + "\n")
WORLD.vocabulary.save(SAVED)
TOKENIZER = pieces()
TOKENS = own.TokenVocabulary(TOKENIZER, ["red", "New York"], 6)
TOKENS.save(Path(FOLDER.name) / "tokens")


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


CALLS = {
    "ImageTextBatch.to": (WORLD.batch(2, seeded(), 1).to, lambda: {"device": "cpu"}),
    "ImageTextWorld": (
        own.ImageTextWorld,
        lambda: {
            "records": MADE,
            "size": 32,
            "vocabulary": WORLD.vocabulary,
            "text": "attributes",
            "most_attributes": 16,
            "max_caption": 12,
            "max_question": 8,
            "held_out": 0.3,
            "split": "train",
            "on_error": "raise",
            "on_missing": "raise",
            "max_pixels": 10_000,
            "workers": 0,
            "cache": 10_000,
        },
    ),
    "ImageTextWorld tokenizer": (
        own.ImageTextWorld,
        lambda: {"records": MADE, "text": "ids", "tokenizer": TOKENIZER, "max_answer": 6},
    ),
    "ImageTextWorld.asked": (WORLD.asked, lambda: {"n": 3, "generator": seeded(), "questions": 2}),
    "ImageTextWorld.batch": (WORLD.batch, lambda: {"n": 3, "generator": seeded(), "questions": 2}),
    "ImageTextWorld.with_split": (WORLD.with_split, lambda: {"split": "test"}),
    "TextVocabulary": (own.TextVocabulary, lambda: {"words": ["a", "wall"], "answers": ["wall", "new york"]}),
    "TextVocabulary.answer_id": (WORLD.vocabulary.answer_id, lambda: {"answer": "red"}),
    "TextVocabulary.encode_answers": (WORLD.vocabulary.encode_answers, lambda: {"answers": ["red", "blue"]}),
    "TextVocabulary.encode": (WORLD.vocabulary.encode, lambda: {"sentences": ["a red wall"], "length": 4}),
    "TextVocabulary.decode": (WORLD.vocabulary.decode, lambda: {"ids": torch.tensor([[2, 3, 0]])}),
    "TextVocabulary.save": (WORLD.vocabulary.save, lambda: {"path": Path(FOLDER.name) / "again.json"}),
    "TextVocabulary.load": (own.TextVocabulary.load, lambda: {"path": SAVED}),
    "TokenVocabulary": (
        own.TokenVocabulary,
        lambda: {"tokenizer": TOKENIZER, "answers": ["red", "New York"], "max_answer": 6},
    ),
    "TokenVocabulary.encode": (TOKENS.encode, lambda: {"sentences": ["a red wall"], "length": 4}),
    "TokenVocabulary.encode_answers": (TOKENS.encode_answers, lambda: {"answers": ["red", "blue"]}),
    "TokenVocabulary.decode": (TOKENS.decode, lambda: {"ids": torch.tensor([[20, 30, 0]])}),
    "TokenVocabulary.with_answers": (TOKENS.with_answers, lambda: {"answers": ["red", "blue"]}),
    "TokenVocabulary.save": (TOKENS.save, lambda: {"folder": Path(FOLDER.name) / "again"}),
    "TokenVocabulary.load": (own.TokenVocabulary.load, lambda: {"folder": Path(FOLDER.name) / "tokens"}),
    "build_vocabulary": (own.build_vocabulary, lambda: {"records": MADE, "most": 100, "answers": 5}),
    "open_records": (
        own.open_records,
        lambda: {"path": DATA, "fields": {"captions": "caption"}, "on_error": "raise"},
    ),
}
