"""MCAE: masks that leave visible patches exact, terms that add up, a baseline inside it, and learning."""

import pytest
import torch
import torch.nn.functional as F

from infotok.companions import MCAE, MaskedAutoencoder, Reconstruction


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def small(size=8, patch=4, hidden=16):
    torch.manual_seed(0)
    return MaskedAutoencoder(size, patch, hidden, layers=1, heads=2)


IMAGES = torch.rand(6, 3, 8, 8, generator=seeded())
LABELS, DOMAINS = torch.tensor([1, 1, 1, 0, 0, 0]), torch.tensor([0, 0, 1, 0, 1, 1])


def test_patches_are_cut_row_by_row_and_pasted_back_exactly():
    model = small()
    patches = model.cut(IMAGES)
    assert patches.shape == (6, 4, 48)
    second = IMAGES[:, :, :4, 4:].permute(0, 2, 3, 1).flatten(1)  # right of the first
    assert torch.equal(patches[:, 1], second)
    assert torch.equal(model.paste(patches), IMAGES)


@pytest.mark.parametrize(("ratio", "count"), [(0.01, 1), (0.5, 2), (0.75, 3), (0.99, 3)])
def test_visible_patches_stay_exact_and_the_error_is_that_of_the_hidden(ratio, count):
    model = small()
    made = model(IMAGES, ratio, seeded())
    assert (made.hidden.sum(1) == count).all()
    whole, truth = model.cut(model.complete(IMAGES, made)), model.cut(IMAGES)
    assert torch.equal(whole[~made.hidden], truth[~made.hidden])
    assert torch.equal(whole[made.hidden], made.predicted[made.hidden].clamp(0, 1))
    for i in range(len(IMAGES)):
        error = (made.predicted[i] - truth[i])[made.hidden[i]].square().mean()
        assert made.error[i].item() == pytest.approx(error.item(), rel=1e-5)


def test_hidden_patches_do_not_reach_the_encoder():
    model = small()
    made = model(IMAGES, 0.5, seeded())
    changed = model.paste(torch.where(made.hidden[..., None], 1 - model.cut(IMAGES), model.cut(IMAGES)))
    again = model(changed, 0.5, seeded())
    assert torch.equal(made.hidden, again.hidden)
    assert torch.equal(made.pooled, again.pooled)
    assert torch.equal(made.predicted, again.predicted)


def test_every_patch_is_hidden_equally_often():
    hidden = small()(IMAGES[:1].expand(2000, -1, -1, -1), 0.5, seeded()).hidden.double().mean(0)
    assert ((hidden - 0.5).abs() < 5 * 0.5 / 2000**0.5).all()


def test_the_loss_is_the_weighted_sum_of_its_terms():
    torch.manual_seed(0)
    model = MCAE(small(), contrast=2.0, reconstruction=3.0, classification=0.5)
    terms = model(IMAGES, LABELS, DOMAINS, seeded())
    total = 2 * terms.contrastive + 3 * terms.reconstruction + 0.5 * terms.classification
    assert torch.allclose(terms.loss, total)
    assert min(terms.contrastive, terms.reconstruction, terms.classification) > 0


def test_without_masks_and_contrast_it_is_a_classifier():
    model = MCAE(small(), contrast=0.0, reconstruction=0.0, classification=1.0, ratio=0.0)
    terms = model(IMAGES, LABELS, DOMAINS, seeded())
    assert torch.allclose(terms.loss, F.cross_entropy(model.classifier(model.features(IMAGES)), LABELS))
    terms.loss.backward()
    assert model.autoencoder.mask_token.grad is None
    assert model.projection[0].weight.grad is None


def test_images_without_labels_serve_reconstruction_only():
    model = MCAE(small())
    more = torch.rand(9, 3, 8, 8, generator=seeded(1))
    generator = seeded(2)
    model.autoencoder(IMAGES, 0.5, generator)
    alone = model.autoencoder(more, 0.5, generator).error.mean()
    terms = model(IMAGES, LABELS, DOMAINS, seeded(2), unlabelled=more)
    assert torch.allclose(terms.reconstruction, alone)
    assert torch.allclose(terms.contrastive, model(IMAGES, LABELS, DOMAINS, seeded(2)).contrastive)


def test_features_are_those_of_whole_images_and_leave_the_mode():
    model = MCAE(small()).train()
    assert torch.equal(model.features(IMAGES), model.autoencoder.states(IMAGES).mean(1).detach())
    assert model.training
    assert not model.features(IMAGES).requires_grad


def test_training_lowers_both_terms():
    torch.manual_seed(0)
    model, generator = MCAE(small()), seeded()
    ramp = torch.linspace(0, 1, 8).expand(3, 8, 8)
    images = torch.stack([ramp if label else 1 - ramp for label in LABELS])
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    before = model(images, LABELS, DOMAINS, seeded(9))
    for _ in range(60):
        optimiser.zero_grad()
        model(images, LABELS, DOMAINS, generator).loss.backward()
        optimiser.step()
    after = model(images, LABELS, DOMAINS, seeded(9))
    assert after.contrastive < before.contrastive
    assert after.reconstruction < before.reconstruction / 2


def test_same_seed_same_bits():
    first, second, other = (small()(IMAGES, 0.5, seeded(s)) for s in (3, 3, 4))
    assert torch.equal(first.predicted, second.predicted)
    assert not torch.equal(first.hidden, other.hidden)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MaskedAutoencoder(10, 4), "patch: got 4, expected a divisor of size=10, smaller than it"),
        (lambda: MaskedAutoencoder(8, 8), "patch: got 8, expected a divisor of size=8, smaller than it"),
        (lambda: MaskedAutoencoder(8, 4, 16, heads=3), "heads: got 3, expected a divisor of half of hidden=16"),
        (lambda: small()(IMAGES, 1.0, seeded()), r"ratio: got 1.0, expected a number in \(0, 1\)"),
        (lambda: small()(IMAGES[:, :2], 0.5, seeded()), r"images: got shape \(6, 2, 8, 8\), expected"),
        (lambda: small()(3 * IMAGES, 0.5, seeded()), r"images: got 'values .* expected finite values in \[0, 1\]"),
        (lambda: MCAE(small(), positives="some"), "positives: got 'some', expected one of across, live, all, within"),
        (
            lambda: MCAE(small(), contrast=0.0, reconstruction=0.0),
            "classification: got '0 for all', expected one above",
        ),
        (lambda: MCAE(small(), ratio=0.0), "ratio: got 0.0, expected a share above 0"),
        (lambda: MCAE(small(), temperature=0.0), "temperature: got 0.0, expected a number"),
        (lambda: MCAE(small())(IMAGES, LABELS[:2], DOMAINS, seeded()), r"labels: got shape \(2,\), expected"),
        (lambda: MCAE(small())(IMAGES, LABELS + 1, DOMAINS, seeded()), "labels: got 'values from 1 to 2'"),
        (
            lambda: small().complete(IMAGES, Reconstruction(*[torch.zeros(2, 2)] * 4)),
            r"made: got shape \(2, 2\), expected the reconstruction of these images",
        ),
        (lambda: small().paste(small().cut(IMAGES) / 0), "patches: got 'NaN or infinity', expected finite numbers"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
