"""One's own images and text as a source of batches.

- `world`        `ImageTextWorld`: images, captions, questions and answers, with splits
- `batch`        `ImageTextBatch`: what it draws
- `vocabulary`   `TextVocabulary`, `build_vocabulary`: words and answers
- `tokens`       `TokenVocabulary`: a text tokenizer in its place, with answers of several tokens
- `opening`      `open_records`: the reader that fits what a path is
- `records`      the schema of a record, and its checks
- `folder`, `parquet`, `shards`   the readers: JSONL with images, parquet and Arrow files, tar shards
- `recipes`      `clevr`, `coco`, `gqa`, `cc3m`: records of known data sets; `clevr_prompts`: prompts of CLEVR's scenes
- `recipes_clevr`, `annotations`  CLEVR's part of it, and the objects of JSON files
- `loading`                       good records in place of those with faults, decoded images kept
- `splits`, `attributes`          splits by a hash of the key, and captions as 0/1 attributes
- `faults`                        `BadRecord`: one line with the place and the reason
- `paths`, `pixels`               files inside a folder, and images from bytes
"""

from infotok.worlds.image_text.batch import ImageTextBatch
from infotok.worlds.image_text.faults import BadRecord
from infotok.worlds.image_text.opening import open_records
from infotok.worlds.image_text.records import ListRecords, Records
from infotok.worlds.image_text.tokens import TokenVocabulary
from infotok.worlds.image_text.vocabulary import TextVocabulary, build_vocabulary
from infotok.worlds.image_text.world import ImageTextWorld

__all__ = [
    "BadRecord",
    "ImageTextBatch",
    "ImageTextWorld",
    "ListRecords",
    "Records",
    "TextVocabulary",
    "TokenVocabulary",
    "build_vocabulary",
    "open_records",
]
