"""InfoTok on tiny Chameleon, Emu3 and Janus models: against the published forward pass, then gradients and training."""

import copy

import pytest
import torch
import torch.nn.functional as F
from published_models import CODES, END, FAMILIES, GRID, IMAGE, PIXELS, TEXT, WORDS, batch_of, encode, published
from torch import nn

from infotok.bottleneck import InfoTok
from infotok.published import attach

OPTIONS = {"text_dim": TEXT, "consistency": 1.0, "compression": 0.01}
SEEN = ("pixel_values", "input_ids", "attention_mask", "image_sizes")
ENCODER_TENSORS = {"chameleon": 52, "emu3": 72, "janus": 62}  # of the tiny configurations, without the codebook


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def as_published(name: str, model: nn.Module, batch: dict) -> torch.Tensor:
    """The loss of the published forward pass; of Janus' codes, on the embeddings that its own drawing reads."""
    inputs = {key: batch[key] for key in (*SEEN, "labels") if key in batch}
    if name != "janus":
        return model(**inputs).loss
    z = F.normalize(encode(name, model.model.vqmodel, inputs.pop("pixel_values")), dim=-1)
    codebook = F.normalize(model.model.vqmodel.quantize.embedding.weight, dim=-1)
    seen = model.prepare_embeddings_for_image_generation((z @ codebook.T).argmax(-1).flatten())
    ids = inputs.pop("input_ids")
    words = model.get_input_embeddings()(ids)
    return model(inputs_embeds=words.masked_scatter((ids == IMAGE)[..., None], seen), **inputs).loss


def encoder_tensors(attached: nn.Module) -> list[nn.Parameter]:
    """Everything between pixels and z."""
    return [p for part in (attached.family.vq.encoder, attached.family.vq.quant_conv) for p in part.parameters()]


def reached(loss: torch.Tensor, tensors: list[nn.Parameter]) -> int:
    """How many of the tensors have a gradient that is not 0."""
    if not loss.requires_grad:
        return 0
    gradients = torch.autograd.grad(loss, tensors, allow_unused=True, retain_graph=True)
    return sum(gradient is not None and bool(gradient.any()) for gradient in gradients)


@pytest.mark.parametrize("through", ["soft", "linear", "none"])
@pytest.mark.parametrize("name", FAMILIES)
class TestEveryFamily:
    def test_the_loss_without_infotok_is_the_published_one(self, name, through):
        model, batch = published(name), batch_of(name)
        with torch.no_grad():
            expected = as_published(name, model, batch)
        terms = attach(model, through=through, near=6).loss(batch)
        assert torch.equal(terms["understanding"].detach(), expected)
        assert list(terms) == ["quantizer", "understanding", "generation"]

    def test_gradients_reach_the_whole_encoder_or_nothing_of_it(self, name, through):
        attached = attach(published(name), OPTIONS, through=through, near=6).train()
        terms = attached.loss(batch_of(name), seeded())
        tensors = encoder_tensors(attached)
        assert len(tensors) == ENCODER_TENSORS[name]
        expected = 0 if through == "none" else len(tensors)
        assert reached(terms["understanding"], tensors) == expected
        assert reached(terms["generation"], tensors) == expected
        assert reached(terms["infotok"], tensors) == len(tensors)
        assert reached(terms["quantizer"], tensors) == len(tensors)
        assert reached(terms["quantizer"], list(attached.family.vq.quantize.parameters())) == 1


@pytest.mark.parametrize("name", FAMILIES)
class TestTokens:
    def test_tokens_are_the_published_codes(self, name):
        model, batch = published(name), batch_of(name)
        codes = attach(model, OPTIONS).tokens(batch["pixel_values"], batch.get("image_sizes"))
        assert codes.shape == (4, *GRID)
        assert len(codes.unique()) > CODES // 2, "a test of few codes would say little"
        if name == "janus":
            z = encode(name, model.model.vqmodel, batch["pixel_values"])
            codebook = model.model.vqmodel.quantize.embedding.weight
            similar = F.cosine_similarity(z[..., None, :], codebook, dim=-1)
            assert torch.equal(codes, similar.argmax(-1))
        else:
            inputs = (batch["pixel_values"], batch["image_sizes"]) if name == "emu3" else (batch["pixel_values"],)
            found = model.model.vqmodel.encode(*inputs).image_tokens
            expected = torch.stack(found) if name == "emu3" else found.view(4, *GRID)
            assert torch.equal(codes, expected)

    def test_infotok_in_eval_mode_leaves_every_code(self, name):
        """z + scale (tokens - z / scale) is z to the bit where tokens are features."""
        batch = batch_of(name)
        plain = attach(published(name)).eval().loss(batch)
        regulated = attach(published(name), OPTIONS).eval().loss(batch)
        for term in plain:
            assert torch.equal(plain[term], regulated[term])

    def test_infotok_sees_z_in_units_of_the_codebook(self, name):
        class Watching(nn.Module):
            placement, needs, dim = "before", frozenset({"image", "text"}), 4 if name == "emu3" else 6

            def forward(self, features, **inputs):
                self.seen = features, inputs
                return features, type("Terms", (), {"loss": features.square().mean()})

        watching, batch = Watching(), batch_of(name)
        attached = attach(published(name), watching)
        attached.loss(batch)
        features, inputs = watching.seen
        z, codebook = attached.family.encode(batch["pixel_values"]), attached.family.codebook
        torch.testing.assert_close(features, z.flatten(1, 2) / codebook.square().mean().sqrt())
        assert inputs.keys() == {"image", "text", "mask", "generator"}
        assert torch.equal(inputs["text"], batch["text"])

    def test_decode_is_the_published_one(self, name):
        model = published(name)
        codes = torch.randint(CODES, (2, *GRID), generator=seeded())
        if name == "chameleon":
            decoder = nn.Embedding(CODES, 3)
            found = attach(model, decoder=lambda codes: decoder(codes).permute(0, 3, 1, 2)).decode(codes)
            assert torch.equal(found, decoder.weight[codes].permute(0, 3, 1, 2))
            with pytest.raises(ValueError, match=r"^decoder: got None, expected a function of codes \(N, h, w\): Cham"):
                attach(model).decode(codes)
            return
        found = attach(model).decode(codes)
        with torch.no_grad():
            if name == "janus":
                expected = model.decode_image_tokens(codes.flatten(1)).permute(0, 3, 1, 2)
            else:
                rows = torch.cat([WORDS + 7 * codes % CODES, torch.full((2, GRID[0], 1), END)], 2).flatten(1)
                tokens = torch.cat([rows, torch.full((2, 3), END)], 1)
                expected = model.decode_image_tokens(image_tokens=tokens, height=GRID[0], width=GRID[1])
        assert torch.equal(found, expected)
        assert found.shape == (2, 3, PIXELS, PIXELS)

    def test_batch_norm_and_dropout_stay_as_published(self, name):
        attached, batch = attach(published(name)), batch_of(name)
        before = copy.deepcopy(dict(attached.family.vq.named_buffers()))
        expected = attached.eval().loss(batch)
        found = attached.train().loss(batch)
        assert torch.equal(found["quantizer"], expected["quantizer"])
        for key, buffer in attached.family.vq.named_buffers():
            assert torch.equal(buffer, before[key])


@pytest.mark.parametrize("name", FAMILIES)
class TestTraining:
    def test_thirty_steps_lower_both_losses(self, name):
        attached, batch = attach(published(name), OPTIONS, near=6).train(), batch_of(name)
        optimiser = torch.optim.AdamW([p for p in attached.parameters() if p.requires_grad], lr=3e-3)
        generator, history = seeded(), []
        for _ in range(30):
            terms = attached.loss(batch, generator)
            optimiser.zero_grad()
            sum(terms.values()).backward()
            optimiser.step()
            history.append({key: float(term.detach()) for key, term in terms.items()})
        for term in ("understanding", "generation", "infotok"):
            assert history[-1][term] < history[0][term] - 0.2, term
        assert attached.terms.keys() == {"infotok", "quantizer", "understanding", "generation"}
        assert attached.regulated.asdict().keys() == {"loss", "compression_nats", "consistency_nats"}

    def test_half_precision(self, name):
        """A bf16 language model beside a float32 tokenizer: the codes are those of float32."""
        model, batch = published(name), batch_of(name)
        codes = attach(copy.deepcopy(model)).tokens(batch["pixel_values"], batch.get("image_sizes"))
        model.bfloat16()
        attached = attach(model, OPTIONS, near=6)
        batch["pixel_values"] = batch["pixel_values"].bfloat16().float()
        assert {p.dtype for p in attached.family.vq.parameters()} == {torch.float32}
        assert {p.dtype for p in attached.family.language.layers.parameters()} == {torch.bfloat16}
        attached.family.vq.load_state_dict(published(name).model.vqmodel.state_dict())
        found = attached.tokens(batch_of(name)["pixel_values"], batch.get("image_sizes"))
        assert torch.equal(found, codes)
        with torch.no_grad():
            expected = as_published(name, model, batch)
        terms = attached.eval().loss(batch)
        assert torch.equal(terms["understanding"].detach(), expected)
        attached.train()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            terms = attached.loss(batch, seeded())
        tensors = encoder_tensors(attached)
        assert reached(terms["understanding"], tensors) == reached(terms["infotok"], tensors) == len(tensors)

    @pytest.mark.parametrize("reentrant", [False, True])
    def test_gradient_checkpointing_changes_no_gradient(self, name, reentrant):
        found = []
        for checkpointed in (False, True):
            attached = attach(published(name), OPTIONS, near=6).train()
            if checkpointed:
                attached.model.activation_checkpointing_enable({"use_reentrant": reentrant})
            terms = attached.loss(batch_of(name), seeded())
            sum(terms.values()).backward()
            found.append({key: p.grad for key, p in attached.named_parameters() if p.grad is not None})
            assert checkpointed is False or int(attached.infotok.passes) == 1
        assert found[0].keys() == found[1].keys()
        for key, gradient in found[0].items():
            torch.testing.assert_close(gradient, found[1][key], rtol=1e-4, atol=1e-6, msg=key)

    def test_the_generation_loss_can_be_kept_from_the_tokens(self, name):
        attached = attach(published(name), near=6, generation_gradient=False, generation=0.5)
        whole = attach(published(name), near=6)
        terms, batch = attached.loss(batch_of(name)), batch_of(name)
        assert reached(terms["generation"], encoder_tensors(attached)) == 0
        assert reached(terms["understanding"], encoder_tensors(attached)) == ENCODER_TENSORS[name]
        torch.testing.assert_close(terms["generation"], 0.5 * whole.loss(batch)["generation"])

    def test_frozen_tokenizer_with_an_adapter(self, name):
        options = OPTIONS | {"placement": "adapter"}
        attached, batch = attach(published(name), options, frozen=True, near=6).train(), batch_of(name)
        vq = copy.deepcopy(attached.family.vq.state_dict())
        optimiser = torch.optim.AdamW([p for p in attached.parameters() if p.requires_grad], lr=1e-2)
        for _ in range(3):
            optimiser.zero_grad()
            sum(attached.loss(batch, seeded()).values()).backward()
            optimiser.step()
        assert all(torch.equal(vq[key], value) for key, value in attached.family.vq.state_dict().items())
        assert reached(attached.loss(batch, seeded())["understanding"], list(attached.infotok.adapter.parameters())) > 0
        moved = attached.tokens(batch["pixel_values"], batch.get("image_sizes"))
        assert not torch.equal(moved, attach(published(name)).tokens(batch["pixel_values"], batch.get("image_sizes")))

    def test_codes_behind_the_quantizer(self, name):
        """placement="after" with codes: the rate of codes, whose gradient takes the straight-through path."""
        infotok = InfoTok(4 if name == "emu3" else 6, placement="after", codes=CODES, compression=0.1)
        attached = attach(published(name), infotok).train()
        terms = attached.loss(batch_of(name), seeded())
        assert reached(terms["infotok"], encoder_tensors(attached)) == ENCODER_TENSORS[name]
        assert attached.regulated.asdict()["compression_nats"] > 0


class TestJanus:
    def test_the_siglip_path_is_as_published(self):
        model, batch = published("janus"), batch_of("janus")
        inputs = {key: batch[key] for key in (*SEEN, "labels") if key in batch}
        with torch.no_grad():
            expected = model(**inputs).loss
        attached = attach(model, OPTIONS, path="siglip").train()
        terms = attached.loss(batch, seeded())
        assert torch.equal(terms["understanding"].detach(), expected)
        assert reached(terms["understanding"], encoder_tensors(attached)) == 0
        assert reached(terms["generation"], encoder_tensors(attached)) == ENCODER_TENSORS["janus"]

    def test_codes_without_normalisation_are_others(self):
        """The published `encode` compares z and codes as they are, though `decode` normalises the codes."""
        model, pixels = published("janus"), batch_of("janus", 16)["pixel_values"]
        published_codes = model.model.vqmodel.encode(pixels).image_tokens.view(16, *GRID)
        agree = (attach(model).tokens(pixels) == published_codes).float().mean()
        assert 0.2 < agree < 0.95


class TestEmu3:
    def test_images_of_several_sizes(self):
        """A smaller image is padded to the batch; its tokens, terms and losses are those of its own grid."""
        model, batch = published("emu3"), batch_of("emu3", 2)
        batch["image_sizes"] = torch.tensor([[PIXELS, PIXELS], [6, 4]])
        attached = attach(model).eval()
        assert [attached.family.grid_of(size) for size in batch["image_sizes"]] == [(4, 4), (3, 2)]
        lengths = [4 * (4 + 1), 3 * (2 + 1)]
        ids = torch.full((2, 6 + 20), 0)
        for row, length in enumerate(lengths):
            words = batch["input_ids"][row]
            ids[row, : 6 + length] = torch.cat([words[:2], torch.full((length,), IMAGE), words[-4:]])
        batch["input_ids"], batch["attention_mask"] = ids, (ids > 0).long()
        batch["labels"] = ids.masked_fill((ids == IMAGE) | (ids == 0), -100)
        inputs = {key: batch[key] for key in (*SEEN, "labels")}
        with torch.no_grad():
            expected = model(**inputs).loss
            found = attached.loss(batch)
            assert torch.equal(found["understanding"], expected)
            alone = []
            for row, (h, w) in enumerate([(4, 4), (3, 2)]):
                seen = attached.read(batch["pixel_values"][row : row + 1], batch["image_sizes"][row : row + 1])
                codes = seen.codes[0, :h, :w]
                rows = torch.cat([WORDS + 7 * codes % CODES, torch.full((h, 1), END)], 1).flatten()
                sequence = torch.cat([batch["prompts"][row], rows])
                logits = model(input_ids=sequence[None]).logits[0, 2:-1]
                is_code = rows != END
                targets = F.one_hot(codes.flatten(), CODES)
                image = logits[:, WORDS + 7 * torch.arange(CODES) % CODES][is_code].log_softmax(-1)
                alone.append(-(image * targets).sum(-1))
        torch.testing.assert_close(found["generation"], torch.cat(alone).mean())
