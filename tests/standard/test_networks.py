"""Detectors, colours and CLIPScore with tiny random networks, compared with what the networks' outputs say by hand."""

import hub_models
import pytest
import torch
import torch.nn.functional as F

from infotok.standard import (
    Detector,
    clip_colours,
    nearest_colours,
    open_clip,
    open_detector,
    score_captions,
    score_geneval,
)

IMAGES = torch.rand(3, 3, 40, 48, generator=torch.Generator().manual_seed(0))
NAMES = ["red cat", "dog"]


def names_of(kind: str) -> list[str] | None:
    return NAMES if kind == "owl" else None


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Each network in a folder of the hub's layout."""
    root = tmp_path_factory.mktemp("hub")
    for name, make in {**hub_models.DETECTORS, "clip": hub_models.clip}.items():
        model, processor = make()
        model.save_pretrained(root / name), processor.save_pretrained(root / name)
    return root


class TestDetectors:
    def test_boxes_labels_and_scores_are_those_of_the_networks_output(self):
        model, processor = hub_models.detr()
        found = Detector(model, processor, threshold=0.0)(IMAGES)
        pixels = [(image * 255).round().to(torch.uint8) for image in IMAGES]
        with torch.no_grad():
            output = model(**processor(images=pixels, return_tensors="pt"))
        scores, labels = output.logits.softmax(-1)[..., :-1].max(-1)
        x, y, w, h = output.pred_boxes.unbind(-1)
        boxes = torch.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], -1) * torch.tensor([48, 40, 48, 40])
        for seen, box, label, score in zip(found, boxes, labels, scores, strict=True):
            torch.testing.assert_close(seen.boxes, box)
            torch.testing.assert_close(seen.scores, score)
            assert seen.labels == [hub_models.CLASSES[i] for i in label.tolist()]

    def test_names_that_are_asked_for_are_found(self):
        model, processor = hub_models.owl()
        found = Detector(model, processor, NAMES, threshold=0.0)(IMAGES)
        assert {name for seen in found for name in seen.labels} == {*NAMES}

    @pytest.mark.parametrize("kind", hub_models.DETECTORS)
    def test_a_folder_gives_the_same_detector(self, folders, kind):
        opened = open_detector(folders / kind, names_of(kind), threshold=0.0)
        made = Detector(*hub_models.DETECTORS[kind](), names_of(kind), threshold=0.0)
        for one, other in zip(opened(IMAGES), made(IMAGES), strict=True):
            assert len(one) > 0
            torch.testing.assert_close(one.boxes, other.boxes)
            torch.testing.assert_close(one.scores, other.scores)
            assert list(one.labels) == list(other.labels)

    @pytest.mark.parametrize("kind", hub_models.DETECTORS)
    def test_parts_of_a_batch_change_nothing(self, kind):
        model, processor = hub_models.DETECTORS[kind]()
        whole, each = (Detector(model, processor, names_of(kind), 0.0, at_once)(IMAGES) for at_once in (8, 1))
        for one, other in zip(whole, each, strict=True):
            torch.testing.assert_close(one.boxes, other.boxes, atol=1e-4, rtol=1e-4)

    def test_classes_are_renamed_to_those_of_prompts(self):
        model, processor = hub_models.detr()
        own, renamed = (Detector(model, processor, names, 0.0)(IMAGES) for names in (None, {"cup": "tea cup"}))
        assert "cup" in own[0].labels
        swapped = [[label.replace("cup", "tea cup") for label in seen.labels] for seen in own]
        assert [list(seen.labels) for seen in renamed] == swapped
        detect = Detector(model, processor, {"cup": "tea cup"})
        asked = [{"tag": "single_object", "prompt": "", "include": [{"class": "cup", "count": 1}]}]
        with pytest.raises(ValueError, match=r"^prompts, class: got 'cup', expected a class of the detector"):
            score_geneval(IMAGES[:1], asked, detect)

    def test_the_threshold_leaves_out_the_rest(self):
        model, processor = hub_models.detr()
        every = Detector(model, processor, threshold=0.0)(IMAGES)[0]
        middle = every.scores.median().item()
        assert len(Detector(model, processor, threshold=middle)(IMAGES)[0]) == int((every.scores > middle).sum())

    def test_what_cannot_be_opened_is_one_line(self, folders, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"nothing/config\.json"):
            open_detector(tmp_path / "nothing")
        with pytest.raises(ValueError, match=r"^model .*clip: got \"no model"):
            open_detector(folders / "clip")
        with pytest.raises(TypeError, match=r"^names: got None, expected names of classes"):
            open_detector(folders / "owl")
        with pytest.raises(TypeError, match=r"^names: got 'list', expected None or \{its name: the name in prompts\}"):
            open_detector(folders / "detr", NAMES)
        with pytest.raises(ValueError, match=r"^names: got 'mouse', expected names of the detector's own classes$"):
            open_detector(folders / "detr", {"mouse": "computer mouse"})
        (tmp_path / "config.json").write_text((folders / "detr" / "config.json").read_text())
        torch.save({}, tmp_path / "pytorch_model.bin")
        with pytest.raises(ValueError, match=r"^model .*: got .no model") as error:
            open_detector(tmp_path)
        assert "\n" not in str(error.value)


class TestColours:
    PALETTE = {"red": (1.0, 0.0, 0.0), "green": (0.0, 1.0, 0.0), "black": (0.0, 0.0, 0.0)}  # noqa: RUF012

    def test_the_nearest_colour_of_the_central_half(self):
        image = torch.zeros(3, 16, 32)
        image[0, 4:12, 4:12], image[1, 5:11, 20:28] = 0.9, 0.8
        boxes = torch.tensor([[0, 0, 16, 16], [16, 0, 32, 16], [0, 0, 2, 2], [40, 40, 50, 50]]).float()
        assert nearest_colours(self.PALETTE)(image, boxes, "car") == ["red", "green", "black", "black"]

    def test_clip_takes_the_colour_whose_mean_text_is_nearest(self):
        model, processor = hub_models.clip()
        colours = ["red", "blue", "green"]
        boxes = torch.tensor([[0, 0, 20, 30], [10, 10, 40, 40], [5, 5, 6, 6]]).float()
        found = clip_colours(model, processor, colours)(IMAGES[0], boxes, "car")
        for (left, top, right, bottom), name in zip(boxes.int().tolist(), found, strict=True):
            patch = (IMAGES[0, :, top:bottom, left:right] * 255).round().to(torch.uint8)
            pixels = processor(images=[patch], return_tensors="pt", input_data_format="channels_first")["pixel_values"]
            cosines = []
            for colour in colours:
                said = [
                    f"a photo of a {colour} car",
                    f"a photo of a {colour}-colored car",
                    f"a photo of a {colour} object",
                ]
                words = processor.tokenizer(said, padding=True, truncation=True, max_length=40, return_tensors="pt")
                with torch.no_grad():
                    text = F.normalize(model.get_text_features(**words).pooler_output, dim=-1).mean(0)
                    seen = model.get_image_features(pixel_values=pixels).pooler_output[0]
                cosines.append(F.cosine_similarity(seen, text, dim=0))
            assert name == colours[int(torch.stack(cosines).argmax())]
        assert clip_colours(model, processor)(IMAGES[0], boxes[:0], "car") == []


class TestCLIPScore:
    CAPTIONS = ("a red cat", "a dog", "it is blue")

    def test_it_is_that_of_torchmetrics(self):
        """torchmetrics 1.9 takes features for tensors; in transformers 5 they are in an output object."""
        from torchmetrics.functional.multimodal.clip_score import _clip_score_update

        model, processor = hub_models.clip()
        ours = score_captions(IMAGES, self.CAPTIONS, model, processor)

        class Tensors(torch.nn.Module):
            config = model.config

            def get_image_features(self, pixels):
                return model.get_image_features(pixels).pooler_output

            def get_text_features(self, ids, mask):
                return model.get_text_features(ids, mask).pooler_output

        pixels = list((IMAGES * 255).round().to(torch.uint8))
        with torch.no_grad():
            each, _ = _clip_score_update(pixels, list(self.CAPTIONS), Tensors(), processor)
            moved, _ = _clip_score_update(pixels, [self.CAPTIONS[-1], *self.CAPTIONS[:-1]], Tensors(), processor)
        assert ours == pytest.approx({
            "clip_score": each.clamp(min=0).mean().item(), "shuffled": moved.clamp(min=0).mean().item()
        }, abs=1e-4)  # fmt: skip
        assert ours["clip_score"] > 0

    def test_parts_and_folders_change_nothing(self, folders):
        whole = score_captions(IMAGES, self.CAPTIONS, *hub_models.clip())
        assert score_captions(IMAGES, self.CAPTIONS, *open_clip(folders / "clip"), at_once=1) == pytest.approx(
            whole, abs=1e-3
        )

    def test_missing_weights_are_one_line(self, folders, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"none/config\.json"):
            open_clip(tmp_path / "none")
        (tmp_path / "config.json").write_text((folders / "clip" / "config.json").read_text())
        with pytest.raises(ValueError, match=r"^model .*: got .no model") as error:
            open_clip(tmp_path)
        assert "\n" not in str(error.value)

    def test_a_caption_longer_than_the_models_text_is_cut_off(self):
        scores = score_captions(IMAGES[:1], ["a cat " * 40], *hub_models.clip())
        assert 0 <= scores["clip_score"] <= 100
        assert scores["shuffled"] is None, "a single image has no neighbour"
