"""What an attached model refuses of its inputs: numbers that would train or answer nonsense without an error."""

import pytest
import torch
import torch.nn.functional as F
from published_models import CODES, FAMILIES, GRID, IMAGE, PIXELS, TEXT, WORDS, batch_of, published, question_of

from infotok.errors import checks
from infotok.published import attach

OPTIONS = {"text_dim": TEXT, "consistency": 1.0, "compression": 0.01}


def refused(kind, line, call, *arguments, **options):
    with pytest.raises(kind, match=line) as caught:
        call(*arguments, **options)
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module", params=FAMILIES)
def case(request):
    """A family, its attached model in eval mode, and a batch."""
    return request.param, attach(published(request.param), near=6), batch_of(request.param)


class TestWords:
    def test_labels_without_an_answer_have_no_mean(self, case):
        _, attached, batch = case
        none = torch.full_like(batch["labels"], -100)
        line = r"^labels: got '-100 in every place that is predicted', expected an answer in one row or more$"
        refused(ValueError, line, attached.loss, batch | {"labels": none})
        none[:, 0] = 7  # nothing stands before it
        refused(ValueError, line, attached.loss, batch | {"labels": none})
        some = batch["labels"].clone()
        some[0] = -100
        assert attached.loss(batch | {"labels": some})["understanding"].isfinite()

    @pytest.mark.parametrize("wrong", [-1, 10_000])
    def test_ids_are_words_of_the_model(self, case, wrong):
        _, attached, batch = case
        words = rf"expected finite values in \[0, {WORDS + CODES - 1}\]$"
        for key in ("input_ids", "labels", "prompts"):
            changed = batch[key].clone()
            changed[0, -1] = wrong
            refused(ValueError, rf"^{key}: got 'values from .*', {words}", attached.loss, batch | {key: changed})

    def test_a_row_without_a_token(self, case):
        _, attached, batch = case
        mask = batch["attention_mask"].clone()
        mask[1] = 0
        line = r"^attention_mask: got 'a row of zeros', expected one real token or more in each$"
        refused(ValueError, line, attached.loss, batch | {"attention_mask": mask})

    def test_training_on_an_accelerator_does_not_wait_for_these_checks(self, case):
        """`checks(False)` is what such a training step does: shapes are checked and no numbers."""
        _, attached, batch = case
        none = torch.full_like(batch["labels"], -100)
        with checks(False):
            assert attached.loss(batch | {"labels": none})["understanding"].isnan()
            refused(ValueError, r"^labels: got shape", attached.loss, batch | {"labels": none[:, 1:]})


class TestImages:
    def test_placeholders_of_another_rows_image(self, case):
        """As many as there should be, but one image would end in the next row."""
        _, attached, batch = case
        ids = batch["input_ids"].clone()
        ids[0, 2], ids[1, 0] = 7, IMAGE
        own = int((batch["input_ids"][0] == IMAGE).sum())
        line = rf"^input_ids, placeholders of visual tokens: got '{own - 1} in row 0', expected {own}, those of whole"
        refused(ValueError, line, attached.loss, batch | {"input_ids": ids})

    def test_two_images_in_one_row_and_none_in_the_next(self, case):
        name, attached, batch = case
        both = batch["input_ids"][:2].flatten()
        ids = torch.stack([both, both.masked_fill(both == IMAGE, 7)])
        given = {key: batch[key][:2] for key in ("pixel_values", "image_sizes") if key in batch}
        given |= {"input_ids": ids, "labels": ids.masked_fill(ids == IMAGE, -100)}
        found = attached.loss(given)["understanding"]
        assert torch.equal(found, attached.model(**given).loss) or name == "janus"  # which is published to read SigLIP
        assert found.isfinite()

    def test_sides_that_are_no_whole_number_of_tokens(self, case):
        _, attached, batch = case
        for size in ((7, 8), (8, 9), (1, 1)):
            pixels = F.interpolate(batch["pixel_values"], size)
            line = rf"^pixel_values: got shape \(4, 3, {size[0]}, {size[1]}\), expected sides that are multiples of 2"
            refused(ValueError, line, attached.tokens, pixels)

    def test_a_raw_image(self, case):
        _, attached, batch = case
        pixels = 127.5 * (batch["pixel_values"] + 1)
        line = r"^pixel_values: got 'numbers up to 25\d', expected those of the model's processor$"
        refused(ValueError, line, attached.tokens, pixels)
        refused(TypeError, r"^pixel_values: got torch.uint8, expected dtype float$", attached.tokens, pixels.byte())

    def test_an_empty_batch_and_one_of_a_single_image(self, case):
        _, attached, batch = case
        none, one = ({key: each[:n] for key, each in batch.items()} for n in (0, 1))
        refused(ValueError, r"^pixel_values: got shape \(0, 3, 8, 8\), expected .*, not empty$", attached.loss, none)
        expected = attach(published(case[0]), OPTIONS, near=6).train().loss(one, torch.Generator().manual_seed(0))
        assert all(term.isfinite() for term in expected.values())

    def test_sizes_are_those_of_emu3_alone(self, case):
        name, attached, batch = case
        if name != "emu3":
            sizes = torch.full((4, 2), PIXELS)
            line = r"^image_sizes: got shape \(4, 2\), expected none: the images of .* have one size$"
            refused(ValueError, line, attached.loss, batch | {"image_sizes": sizes})


class TestQuestionsAndPrompts:
    def test_a_batch_with_its_answers_is_not_answered(self, case):
        _, attached, batch = case
        line = r"^labels: got shape .*, expected none: the ids of such a batch hold the answers$"
        refused(ValueError, line, attached.answer, batch)

    def test_padding_stands_before_a_question(self, case):
        _, attached, batch = case
        asked = question_of(batch)
        right, left = ({key: F.pad(asked[key], pads) for key in ("input_ids", "attention_mask")}
                       for pads in ((0, 2), (2, 0)))  # fmt: skip
        line = r"^attention_mask: got 'padding behind a question', expected padding on the left"
        refused(ValueError, line, attached.answer, asked | right)
        expected = attached.answer(asked, max_new_tokens=3)
        assert torch.equal(attached.answer(asked | left, max_new_tokens=3), expected)

    def test_prompts_with_placeholders(self, case):
        _, attached, batch = case
        prompts = batch["prompts"].clone()
        prompts[0, 1] = IMAGE
        line = r"^prompts: got 'the placeholder of an image', expected ids that end where the image begins$"
        refused(ValueError, line, attached.loss, batch | {"prompts": prompts})
        refused(ValueError, line, attached.draw, prompts, grid=GRID)

    def test_a_grid_that_is_not_decoded(self, case):
        """Janus' decoder reads codes row by row into its own square, whatever their shape."""
        name, attached, batch = case
        if name == "janus":
            line = r"^codes, grid: got \(2, 8\), expected \(4, 4\), the only one that JanusForConditionalGeneration"
            refused(ValueError, line, attached.decode, torch.zeros(1, 2, 8, dtype=torch.long))
            refused(ValueError, line, attached.generate, batch["prompts"], grid=(2, 8))
        if name == "emu3":
            assert attached.decode(torch.zeros(1, 2, 8, dtype=torch.long)).shape == (1, 3, 4, 16)


def test_prompts_without_images_are_refused():
    """The forward pass on text alone left them out, and with them the generation loss."""
    attached, batch = attach(published("janus"), None), batch_of("janus")
    given = {name: batch[name] for name in ("input_ids", "labels", "prompts")}
    refused(ValueError, "pixel_values: got None, expected images, since there are prompts", attached, **given)
