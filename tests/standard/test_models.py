"""Our hosts and published models asked in sentences, alone and in a stand-in for lmms-eval."""

import importlib
import json
import math
import sys
import tomllib
from pathlib import Path

import lmms_eval_stand_in as stand_in
import pytest
import torch
from PIL import Image
from published_models import FAMILIES, PIXELS, published
from published_processors import processor_of

from infotok.evaluation import score_answers
from infotok.evaluation.evaluate import answer_batch
from infotok.published import attach, prepare
from infotok.standard import (
    HostModel,
    PublishedModel,
    export_tasks,
    open_host,
    open_published,
    read_questions,
    score_prompts,
    score_questions,
)
from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.unified import AutoregressiveModel, Backbone, ContinuousModel, MaskedModel
from infotok.worlds import ShapesWorld

WORLD = ShapesWorld()
SIZES = {"grid": 2, "dim": 4, "width": 4}
HOSTS = {
    AutoregressiveModel: {"quantizer": "vector", "quantizer_options": {"codebook_size": 8}},
    MaskedModel: {"quantizer": "vector", "quantizer_options": {"codebook_size": 8}},
    ContinuousModel: {"quantizer": "continuous"},
}
N, QUESTIONS, SEED = 24, 2, 3


def host(kind=AutoregressiveModel):
    """A host with random weights, one training step old, so that its codebook is in use."""
    torch.manual_seed(0)
    tokenizer = SharedTokenizer.from_config(TokenizerConfig(**SIZES, **HOSTS[kind]))
    backbone = Backbone.tiny(len(WORLD.vocabulary), hidden=16, layers=1, heads=2, positions=64)
    model = kind(tokenizer, backbone, WORLD.vocabulary)
    model.loss(WORLD.batch(8, torch.Generator().manual_seed(0)), torch.Generator().manual_seed(0))
    return model.eval()


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Saved models, and the tasks of a world."""
    root = tmp_path_factory.mktemp("models")
    host().save_pretrained(root / "host")
    for name in FAMILIES:
        published(name).save_pretrained(root / name), processor_of(name).save_pretrained(root / name)
    export_tasks(WORLD, root / "tasks", N, SEED, QUESTIONS)
    return root


class TestHosts:
    @pytest.mark.parametrize("kind", HOSTS)
    def test_any_of_the_three_is_opened_and_answers_as_it_does_itself(self, kind, tmp_path):
        model = host(kind)
        model.save_pretrained(tmp_path)
        opened = HostModel(open_host(tmp_path), at_once=5)
        batch = WORLD.batch(8, torch.Generator().manual_seed(1), 1)
        expected = [WORLD.vocabulary.words[i] for i in model.answer(batch.images, batch.questions)[:, 0].tolist()]
        asked = WORLD.vocabulary.decode(batch.questions[:, 0])
        assert opened.answer(list(batch.images), [f"{each}\nAnswer with one word." for each in asked]) == expected

    def test_probabilities_add_up_and_the_answer_has_the_largest(self):
        asked, images = HostModel(host()), WORLD.batch(3, torch.Generator().manual_seed(2)).images
        words = [asked.words[i] for i in asked.model.answer_ids.tolist()]
        questions = ["which shape is at top-left ?", "is there a red circle ?", "how many objects are there ?"]
        answers = asked.answer(images, questions)
        for image, question, answer in zip(images, questions, answers, strict=True):
            found = asked.log_probabilities([image] * len(words), [question] * len(words), words)
            assert math.fsum(math.exp(value) for value, _ in found) == pytest.approx(1.0, abs=1e-5)
            assert [word for word, (_, best) in zip(words, found, strict=True) if best] == [answer]
            assert max(zip(found, words, strict=True))[1] == answer

    def test_images_of_other_sizes_are_cropped_and_resized(self):
        asked = HostModel(host())
        image = WORLD.batch(1, torch.Generator().manual_seed(2)).images[0]
        wide = torch.nn.functional.pad(image, (7, 7, 0, 0))
        assert asked.log_probabilities([wide], ["is there a red circle ?"], ["yes"]) == asked.log_probabilities(
            [image], ["is there a red circle ?"], ["yes"]
        )
        large = torch.nn.functional.interpolate(image[None], scale_factor=3)[0]
        assert len(asked.answer([large, image], ["is there a red circle ?"] * 2)) == 2

    def test_drawings_follow_from_the_seed(self):
        prompts = ["top-left small red circle", "empty"]
        one, same, other = (
            HostModel(host(), at_once=k, seed=seed).draw(prompts) for k, seed in ((2, 0), (1, 0), (2, 1))
        )
        torch.testing.assert_close(one, same)
        assert one.shape == (2, 3, 32, 32)
        assert not torch.equal(one, other)

    def test_words_that_it_does_not_know_are_named(self):
        asked, image = HostModel(host()), torch.zeros(3, 32, 32)
        with pytest.raises(ValueError, match=r"^questions, word: got 'What', expected one of the model's \d+ words$"):
            asked.answer([image], ["What is this?"])
        with pytest.raises(ValueError, match=r"^answers: got 'dog', expected one of the \d+ words that may answer"):
            asked.log_probabilities([image], ["is there a red circle ?"], ["dog"])

    def test_a_folder_of_something_else_is_refused(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"none/config\.json"):
            open_host(tmp_path / "none")
        (tmp_path / "config.json").write_text('{"meta": {"kind": "Other"}}')
        with pytest.raises(ValueError, match=r"config\.json, kind: got 'Other', expected one of AutoregressiveModel"):
            open_host(tmp_path)

    def test_the_score_of_a_task_is_that_of_the_package(self, folders):
        """The world's own scorer, on images of 8 bits, as the task's files hold them."""
        scores = score_questions(folders / "tasks", HostModel(host()).answer)
        generator = torch.Generator().manual_seed(SEED)
        batch = WORLD.with_split("test").batch(N, generator, QUESTIONS)
        rounded = type(batch)(**{**vars(batch), "images": (batch.images * 255).round() / 255})
        expected = score_answers(answer_batch(host(), rounded), rounded, WORLD)
        assert scores == pytest.approx({kind: expected[kind] for kind in scores})


@pytest.mark.parametrize("name", FAMILIES)
class TestPublished:
    IMAGES = torch.rand(2, 3, PIXELS, PIXELS, generator=torch.Generator().manual_seed(0))
    QUESTIONS = ("what colour is the wall?", "where is it?")

    def test_it_answers_as_generate_does(self, name):
        processor, attached = processor_of(name), attach(published(name)).eval()
        asked = PublishedModel(attached, processor, tokens=3)
        ids = [
            attached.answer(prepare(processor, image[None], [question]), max_new_tokens=3)
            for image, question in zip(self.IMAGES, self.QUESTIONS, strict=True)
        ]
        expected = [processor.batch_decode(each, skip_special_tokens=True)[0].strip() for each in ids]
        assert asked.answer(self.IMAGES, self.QUESTIONS) == expected

    def test_the_log_probability_is_that_of_the_published_loss(self, name):
        processor, attached = processor_of(name), attach(published(name)).eval()
        asked = PublishedModel(attached, processor)
        for image, question, answer in zip(self.IMAGES, self.QUESTIONS, ("red", "new york"), strict=True):
            batch = prepare(processor, image[None], [question], [answer])
            batch["labels"][:, -1] = -100  # the end of the text, which is not a part of the answer
            with torch.no_grad():
                mean = attached.loss(batch)["understanding"].item()
            ((value, _),) = asked.log_probabilities([image], [question], [answer])
            assert value == pytest.approx(-mean * len(answer.split()), rel=1e-4)

    def test_the_greedy_answer_is_greedy(self, name):
        processor, attached = processor_of(name), attach(published(name)).eval()
        (token,) = attached.answer(prepare(processor, self.IMAGES[:1], self.QUESTIONS[:1]), max_new_tokens=1)[
            0
        ].tolist()
        words = [word for word in ("red", "wall", "green") if processor.tokenizer.convert_tokens_to_ids(word) != token]
        asked = PublishedModel(attached, processor)
        found = asked.log_probabilities([self.IMAGES[0]] * len(words), self.QUESTIONS[:1] * len(words), words)
        assert [greedy for _, greedy in found] == [False] * len(words)

    def test_the_template_surrounds_the_question(self, name):
        asked = PublishedModel(attach(published(name)), processor_of(name), template="the {question} red")
        batch = asked._batch(self.IMAGES[0], "wall")
        read = asked.processor.tokenizer.decode(batch["input_ids"][0], skip_special_tokens=True)
        assert read.endswith("the wall red")

    def test_it_draws_what_the_seed_says(self, name):
        decoder = (lambda codes: codes[:, None].repeat(1, 3, 1, 1) / 8.0 - 1) if name == "chameleon" else None
        attached = attach(published(name), decoder=decoder).eval()
        draw = [
            PublishedModel(attached, processor_of(name), size=PIXELS, seed=s).draw(["a red wall", "it"])
            for s in (0, 0, 1)
        ]
        assert draw[0].shape[:2] == (2, 3)
        assert torch.equal(draw[0], draw[1])
        assert not torch.equal(draw[0], draw[2])
        assert 0 <= draw[0].min() <= draw[0].max() <= 1

    def test_the_processor_is_that_of_the_model(self, name):
        other = FAMILIES[FAMILIES.index(name) - 1]
        line = rf"^processor: got '{other.title()}Processor', expected a {name.title()}Processor, as the model$"
        with pytest.raises(TypeError, match=line):
            PublishedModel(attach(published(name)), processor_of(other))
        processor = processor_of(name)
        processor.image_token = "<eol>"
        line = r"^processor, id of <eol>: got 4, expected 3, the model's own$"
        with pytest.raises(TypeError, match=line):
            PublishedModel(attach(published(name)), processor)

    def test_pixels_are_those_before_the_processor(self, name):
        processor = processor_of(name)
        asked = PublishedModel(attach(published(name)), processor)
        pixels = prepare(processor, self.IMAGES, ["it"] * 2)["pixel_values"]
        torch.testing.assert_close(asked._pixels(pixels), (self.IMAGES * 255).round() / 255, atol=0.01, rtol=0)

    def test_a_folder_gives_the_same_answers(self, name, folders, tmp_path):
        attached = attach(published(name), {"text_dim": 5, "consistency": 1.0})
        attached.save(tmp_path)
        opened, processor = open_published(folders / name, tmp_path)
        if name == "emu3":
            processor.downsample_ratio = 2  # as `processor_of` has it: that of the tiny tokenizer is no saved setting
        assert type(opened.infotok).__name__ == "InfoTok"
        assert PublishedModel(opened, processor).answer(self.IMAGES, self.QUESTIONS) == PublishedModel(
            attached, processor_of(name)
        ).answer(self.IMAGES, self.QUESTIONS)
        with pytest.raises(ValueError, match=r"^options: got 'path', expected none: the checkpoint has its own$"):
            open_published(folders / name, tmp_path, path="vq")


class TestPlugin:
    """Against the stand-in: see its docstring for what that shows."""

    @pytest.fixture(autouse=True)
    def lmms_eval(self, monkeypatch):
        stand_in.install(monkeypatch)

    @staticmethod
    def model_class(name):
        """The class that the entry point names, found as lmms-eval finds it."""
        project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
        module, function = project["entry-points"]["lmms_eval.models"]["infotok"].split(":")
        (path,) = [
            each.simple_class_path
            for each in getattr(importlib.import_module(module), function)()
            if each.model_id == name
        ]
        module, made = path.rsplit(".", 1)
        found = getattr(importlib.import_module(module), made)
        assert issubclass(found, stand_in.Lmms)
        assert found.is_simple
        return found

    def test_a_host_is_scored_on_a_task_as_without_lmms_eval(self, folders):
        additional = {"batch_size": 7, "max_batch_size": None, "device": "cpu"}
        model = self.model_class("infotok_host").create_from_arg_string(f"pretrained={folders / 'host'}", additional)
        scores = stand_in.evaluate(model, folders / "tasks" / "infotok_shapes_questions.yaml")
        assert scores == pytest.approx(score_questions(folders / "tasks", HostModel(host()).answer))

    def test_a_host_draws_a_task_as_without_lmms_eval(self, folders, tmp_path):
        arguments = f"pretrained={folders / 'host'},seed=4,output={tmp_path}"
        model = self.model_class("infotok_host").create_from_arg_string(arguments)
        scores = stand_in.evaluate(model, folders / "tasks" / "infotok_shapes_prompts.yaml")
        expected = score_prompts(folders / "tasks", HostModel(host(), seed=4).draw)
        assert scores == pytest.approx({name: value for name, value in expected.items() if name != "overall"})
        assert len(list((tmp_path / "infotok_shapes_prompts").glob("*.png"))) == N

    def test_true_drawings_are_right(self, folders, tmp_path):
        """The task's own judge on files of what prompts ask for."""
        task = stand_in.load_task(folders / "tasks" / "infotok_shapes_prompts.yaml")
        for index, row in enumerate(stand_in.documents(task)):
            image = WORLD.render(WORLD.scenes_of([row["prompt"]]))[0]
            path = tmp_path / f"{index}.png"
            Image.fromarray((image * 255).round().byte().permute(1, 2, 0).numpy()).save(path)
            said = json.dumps({"text": "", "images": [str(path)]})
            assert task["process_results"](row, [said]) == {"images": 1.0, row["tag"]: 1.0}
        with pytest.raises(ValueError, match=r"^answer: got 'no picture', expected JSON with"):
            task["process_results"](row, ["no picture"])

    def test_the_smallest_loss_is_the_answer(self, folders):
        """lmms-eval takes the smallest number of `loglikelihood` for the model's choice."""
        made = self.model_class("infotok_host")(str(folders / "host"))
        rows = stand_in.documents(stand_in.load_task(folders / "tasks" / "infotok_shapes_questions.yaml"))
        made.task_dict["task"] = {"test": rows}
        words = [made.model.words[i] for i in made.model.model.answer_ids.tolist()]
        for index in (0, 1, N):
            requests = [
                stand_in.Instance("loglikelihood", (rows[index]["question"], f" {word}", lambda d: [d["image"]], index,
                                                    "task", "test"), 0, {})
                for word in words
            ]  # fmt: skip
            found = made.loglikelihood(requests)
            (answer,) = made.model.answer([made._image(requests[0])], [rows[index]["question"]])
            assert words[min(range(len(words)), key=lambda i: found[i][0])] == answer
            assert [word for word, (_, greedy) in zip(words, found, strict=True) if greedy] == [answer]

    def test_a_published_model_is_asked(self, folders, tmp_path):
        made = self.model_class("infotok_published").create_from_arg_string(
            f"pretrained={folders / 'janus'},size={PIXELS},output={tmp_path}", {"batch_size": 1, "device": "cpu"}
        )
        row = {"image": Image.new("RGB", (PIXELS, PIXELS), (200, 10, 10)), "answer": "red"}
        made.task_dict["task"] = {"test": [row]}
        options = {"max_new_tokens": 2, "do_sample": False, "temperature": 0, "until": ["\n\n"]}

        def request(visual, options):
            arguments = ("what colour is the wall?", options, visual, 0, "task", "test")
            return stand_in.Instance("generate_until", arguments, 0, {})

        asked, drawn = made.generate_until([request(lambda d: [d["image"]], options), request(lambda d: [], {})])
        image = torch.tensor([200, 10, 10]).view(3, 1, 1).expand(3, PIXELS, PIXELS) / 255
        assert asked == made.model.answer([image], ["what colour is the wall?"], max_new_tokens=2)[0]
        (path,) = json.loads(drawn)["images"]
        with Image.open(path) as picture:
            assert picture.size == (PIXELS, PIXELS)
        target = stand_in.Instance(
            "loglikelihood",
            ("what colour is the wall?", lambda d: d["answer"], lambda d: [d["image"]], 0, "task", "test"),
            0,
            {},
        )
        ((loss, _),) = made.loglikelihood([target])
        ((log_probability, _),) = made.model.log_probabilities([image], ["what colour is the wall?"], ["red"])
        assert loss == pytest.approx(-log_probability)
        assert loss > 0

    def test_what_these_models_cannot_do_is_one_line(self, folders):
        made = self.model_class("infotok_host")(str(folders / "host"))
        made.task_dict["task"] = {"test": [{}]}
        two = lambda d: [Image.new("RGB", (4, 4))] * 2  # noqa: E731
        request = stand_in.Instance("generate_until", ("is there a red circle ?", {}, two, 0, "task", "test"), 0, {})
        with pytest.raises(
            ValueError, match=r"^images of a request: got 2, expected one: these models read one image$"
        ):
            made.generate_until([request])
        with pytest.raises(NotImplementedError, match=r"^requests: got 'several rounds', expected one question"):
            made.generate_until_multi_round([request])


def test_without_lmms_eval_the_error_is_one_line(monkeypatch):
    for name in ("lmms_eval", "lmms_eval.models.registry_v2", "lmms_eval.api.model"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "infotok.standard.lmms_eval_models", raising=False)
    line = r"^infotok's models in lmms-eval needs lmms_eval, which is not installed: pip install lmms-eval$"
    from infotok.standard.lmms_eval_plugin import model_manifests

    with pytest.raises(ModuleNotFoundError, match=line):
        model_manifests()
    with pytest.raises(ModuleNotFoundError, match=line):
        importlib.import_module("infotok.standard.lmms_eval_models")


def test_questions_of_a_task_are_read_by_a_host(tmp_path):
    """All words of the world's questions are the host's; the list of answers stands on a line of its own."""
    folder = export_tasks(WORLD, tmp_path, 40, 0)
    kinds = {row["kind"] for row in read_questions(folder)}
    assert score_questions(folder, HostModel(host()).answer).keys() == kinds | {"overall"}
