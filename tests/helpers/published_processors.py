"""The published processors of Chameleon, Emu3 and Janus, for tiny images and the words of the tests' own data."""

from published_models import GRID, PIXELS
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    ChameleonImageProcessor,
    ChameleonProcessor,
    Emu3ImageProcessor,
    Emu3Processor,
    JanusImageProcessor,
    JanusProcessor,
    PreTrainedTokenizerFast,
    ProcessorMixin,
)

SPECIAL = ("<pad>", "<s>", "</s>", "<image>", "<eol>", "<boi>", "<eoi>", "<grid>", "<eof>", "<sep>", "<unk>")
OTHERS = ("*", "2", "3", "4", "a", "the", "what", "colour", "is", "where", "it", "wall", "number", "new", "york")
OTHERS += ("red", "green", "blue", "white", ",", ".", "?")


def tokenizer_of(name: str) -> PreTrainedTokenizerFast:
    """Whole words of the tests' own data; Emu3's adds nothing at the start, as published."""
    whole = Tokenizer(models.WordLevel({word: i for i, word in enumerate((*SPECIAL, *OTHERS))}, unk_token="<unk>"))
    whole.normalizer = normalizers.Lowercase()
    words = Regex(r"\w+|[^\w\s]")
    whole.pre_tokenizer = pre_tokenizers.Split(words, "removed", invert=True)
    if name != "emu3":
        whole.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    named = {"image_token": "<image>", "boi_token": "<boi>", "eoi_token": "<eoi>", "eof_token": "<eof>"}
    return PreTrainedTokenizerFast(
        tokenizer_object=whole, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>",
        sep_token="<sep>", extra_special_tokens=named | {"image_wrapper_token": "<grid>"},
    )  # fmt: skip


def processor_of(name: str) -> ProcessorMixin:
    """The published processor of a family, for images of the tests' size."""
    tokenizer, square = tokenizer_of(name), {"height": PIXELS, "width": PIXELS}
    if name == "chameleon":
        images = ChameleonImageProcessor(size={"shortest_edge": PIXELS}, crop_size=square)
        return ChameleonProcessor(images, tokenizer, image_seq_length=GRID[0] * GRID[1])
    if name == "janus":
        images = JanusImageProcessor(size=square, min_size=2)
        return JanusProcessor(images, tokenizer, num_image_tokens=GRID[0] * GRID[1])
    processor = Emu3Processor(Emu3ImageProcessor(min_pixels=16, max_pixels=64, spatial_factor=2), tokenizer)
    processor.downsample_ratio = 2  # 8 for the published tokenizer
    return processor
