"""Pruning: gates against finite differences and a quadratic model, budgets, masks of torch, and layers cut out."""

import copy
import math

import pytest
import torch
from scipy.optimize import brentq, minimize
from torch import nn
from torch.func import functional_call
from torch.nn.utils import prune as torch_prune

from infotok.companions import (
    Gates,
    GradientFlowPruner,
    cubic_sparsity,
    gradient_norm_flow,
    importance,
    prune,
    shrink,
    soft_top_k,
)
from infotok.companions.gates import hard_top_k
from infotok.companions.importance import CRITERIA
from infotok.companions.pruning import SCHEDULES
from infotok.unified import FlowHead


def network(seed=0, inner=6):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, inner), nn.Tanh(), nn.Linear(inner, 5), nn.SiLU(), nn.Linear(5, 2)).double()


X = torch.randn(40, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
Y = torch.stack([X[:, 0] * X[:, 1], X[:, 2].sin()], 1)


def fit(model):
    return (model(X) - Y).square().mean()


class Quadratic(nn.Module):
    """L(w) = 1/2 sum_j h_j (w_j - target_j)^2 with single weights as gates: H is diagonal and everything is known."""

    def __init__(self, weights, curvature, target):
        super().__init__()
        self.line = nn.Linear(len(weights), 1, bias=False).double()
        self.line.weight = nn.Parameter(torch.tensor([weights], dtype=torch.float64))
        self.curvature, self.target = torch.tensor(curvature).double(), torch.tensor(target).double()

    def forward(self, x):
        return self.line(x)


def quadratic_loss(model):
    w = model(torch.eye(len(model.target)).double())[:, 0]
    return (model.curvature * (w - model.target).square()).sum() / 2


QUADRATIC = Quadratic([1.0, -2.0, 0.5, 3.0], [4.0, 1.0, 2.0, 0.5], [0.5, -1.0, 1.5, 3.0])


def numeric(function, gates, h=1e-6):
    """Central differences of a function of the gates, one gate after the other."""
    flat = torch.cat([gate.flatten() for gate in gates.values])
    found = torch.zeros_like(flat)
    for j in range(len(flat)):
        step = torch.zeros_like(flat).index_fill_(0, torch.tensor(j), h)
        found[j] = (function(gates.split(flat + step)) - function(gates.split(flat - step))) / (2 * h)
    return found


def squared_gradient(model, values, structured):
    """1/2 |dL/dw|^2 with weights written out by hand: no gate is in the graph."""
    weights = {name: value.detach().clone() for name, value in model.named_parameters()}
    names = ("2.weight", "4.weight") if structured else ("0.weight", "2.weight", "4.weight")
    for name, gate in zip(names, values, strict=True):
        weights[name] = weights[name] * gate
    leaves = {name: value.requires_grad_() for name, value in weights.items()}
    value = (functional_call(model, leaves, (X,)) - Y).square().mean()
    return sum(each.square().sum() for each in torch.autograd.grad(value, list(leaves.values()))) / 2


@pytest.mark.parametrize("structured", [True, False])
@pytest.mark.parametrize("at", [1.0, 0.6])
def test_the_flow_is_the_derivative_of_the_squared_gradient_norm(structured, at):
    model = network()
    gates = Gates(model, structured)
    gates.set([at * gate for gate in gates.values])
    flow = torch.cat([each.flatten() for each in gradient_norm_flow(fit, gates)])
    expected = numeric(lambda values: squared_gradient(model, values, structured), gates)
    torch.testing.assert_close(flow, expected, rtol=1e-5, atol=1e-8)


def test_scores_of_a_quadratic_are_its_closed_forms():
    w, h, target = QUADRATIC.line.weight[0].detach(), QUADRATIC.curvature, QUADRATIC.target
    g = h * (w - target)
    expected = {
        "magnitude": w.abs(), "taylor": (w * g).abs(), "fisher": (w * g).square(),
        "gradient_flow": w * h * g, "grasp": w * h * g,
    }  # fmt: skip
    gates = Gates(QUADRATIC, structured=False)
    for criterion, score in expected.items():
        (found,) = importance(quadratic_loss, gates, criterion, batches=2)
        torch.testing.assert_close(found[0], score, msg=criterion)
        (flipped,) = importance(quadratic_loss, gates, criterion, flip=True)
        torch.testing.assert_close(flipped[0], -score)


def test_the_best_mask_of_a_quadratic_is_found_at_its_optimum():
    """At w = target removing weight j costs h_j w_j^2 / 2 exactly; Fisher's expectation is of noise around it."""
    w, h = [3.0, 0.1, 1.0, 2.0, 0.5], [0.1, 9.0, 4.0, 0.2, 1.0]
    costs = [b * a * a / 2 for a, b in zip(w, h, strict=True)]
    best = sorted(range(5), key=costs.__getitem__)[-2:]
    model, generator = Quadratic(w, h, w), torch.Generator().manual_seed(0)

    def noisy(model):  # gradients of variance h: the Fisher information is the Hessian
        noise = torch.randn(5, generator=generator, dtype=torch.float64)
        line = model(torch.eye(5).double())[:, 0]
        return (model.curvature.sqrt() * noise * line).sum() + quadratic_loss(model)

    gates = prune(model, noisy, 0.6, "fisher", structured=False, batches=2000)
    assert gates.values[0][0].nonzero().flatten().tolist() == sorted(best)
    assert quadratic_loss(model).item() == pytest.approx(sum(costs) - sum(costs[j] for j in best))


@pytest.mark.parametrize("count", [1e-3, 2.5, 9.99])
@pytest.mark.parametrize("temperature", [1e-3, 0.3, 20.0])
def test_the_soft_mask_has_its_budget_and_the_multiplier_of_another_root_finder(count, temperature):
    a = torch.randn(10, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    mask, rate_weight = soft_top_k(a, count, temperature)
    assert mask.sum().item() == pytest.approx(count, rel=1e-9)
    ends = a.min().item() - 60 * temperature, a.max().item() + 60 * temperature
    root = brentq(lambda x: float(torch.sigmoid((a - x) / temperature).sum()) - count, *ends, xtol=1e-13)
    assert rate_weight == pytest.approx(root, abs=1e-6 * max(1, temperature)) or temperature == 1e-3
    torch.testing.assert_close(mask, torch.sigmoid((a - rate_weight) / temperature), atol=1e-6, rtol=1e-4)


def test_the_soft_mask_maximises_score_plus_entropy():
    a, temperature, keep = torch.tensor([0.9, 0.2, -0.4, 0.1]).double(), 0.4, 1.7

    def negative(m):
        m = torch.as_tensor(m).clamp(1e-12, 1 - 1e-12)
        entropy = -(m * m.log() + (1 - m) * (1 - m).log()).sum()
        return -float((m * a).sum() + temperature * entropy)

    budget = {"type": "eq", "fun": lambda m: m.sum() - keep}
    options = {"ftol": 1e-14, "maxiter": 500}
    found = minimize(negative, [keep / 4] * 4, bounds=[(1e-9, 1 - 1e-9)] * 4, constraints=[budget], options=options)
    mask, _ = soft_top_k(a, keep, temperature)
    torch.testing.assert_close(mask, torch.from_numpy(found.x), atol=1e-4, rtol=0)


def test_a_cold_mask_is_the_plain_choice_of_the_largest():
    a = torch.tensor([3.0, 1.0, 2.0, 0.0])
    assert soft_top_k(a, 2, 1e-3)[0].round().tolist() == [1, 0, 1, 0]
    assert [each.tolist() for each in hard_top_k([a, torch.tensor([-5.0])], 3)] == [[1, 0, 1, 0], [1]]


def test_the_schedule_is_cubic():
    assert [cubic_sparsity(p, 0.8, 0.2) for p in (0, 0.5, 1)] == pytest.approx([0.2, 0.8 - 0.6 / 8, 0.8])


@pytest.mark.parametrize("structured", [True, False])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_masks_follow_the_conventions_of_torch(schedule, structured):
    model = network()
    gates = prune(model, fit, 0.5, "fisher", schedule, structured, steps=6, rounds=2, batches=1)
    assert torch_prune.is_pruned(model)
    buffers = dict(model.named_buffers())
    assert set(buffers) == {f"{layer.name}.weight_mask" for layer in gates.layers}
    kept = gates.count * (1 - gates.sparsity)
    assert kept == pytest.approx(round(0.5 * gates.count))
    assert all(set(mask.unique().tolist()) <= {0.0, 1.0} for mask in buffers.values())
    state = copy.deepcopy(model.state_dict())
    for layer in gates.layers:
        torch_prune.remove(layer.module, "weight")
        expected = state[f"{layer.name}.weight_orig"] * state[f"{layer.name}.weight_mask"]
        torch.testing.assert_close(layer.module.weight.detach(), expected)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_a_smaller_network_has_the_same_outputs(criterion):
    model = network()
    gates = prune(model, fit, 0.6, criterion, steps=2)
    before, kept = model(X).detach(), [int(gate.sum()) for gate in gates.values]
    assert shrink(model) is model
    torch.testing.assert_close(model(X), before)
    assert [model[0].out_features, model[2].out_features] == kept == [model[2].in_features, model[4].in_features]
    assert not torch_prune.is_pruned(model)
    shrink(model)  # nothing more to cut
    torch.testing.assert_close(model(X), before)


def test_units_that_send_only_to_removed_units_are_cut_out():
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1)).double()
    with torch.no_grad():
        model[4].weight[:, 1] = 0  # the second of two units sends nothing on
        model[2].weight[0, 2] = 0  # and the third of three sends to that unit alone
    before = model(X).detach()
    shrink(model)
    torch.testing.assert_close(model(X), before)
    assert (model[0].out_features, model[2].out_features) == (2, 1)


def test_shrink_makes_every_mask_permanent():
    model = nn.Sequential(nn.Linear(3, 8), nn.LayerNorm(8), nn.Linear(8, 2)).double()
    torch_prune.random_unstructured(model[0], "bias", 0.5)
    torch_prune.random_unstructured(model[1], "weight", 0.5)
    torch_prune.random_unstructured(model[2], "weight", 0.5)
    torch_prune.random_unstructured(model[2], "weight", 0.5)  # twice: torch keeps one mask
    before = model(X).detach()
    shrink(model)
    assert not torch_prune.is_pruned(model)
    torch.testing.assert_close(model(X), before)
    assert Gates(model, structured=False).count == 3 * 8 + 8 * 2


def test_a_layer_that_stands_in_two_places_has_no_units_to_cut():
    shared = nn.Linear(3, 3)
    model = nn.Sequential(shared, nn.ReLU(), shared, nn.ReLU(), nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).double()
    with torch.no_grad():
        shared.weight[:, 2] = 0
        model[6].weight[:, 0] = 0
    before = model(X).detach()
    assert Gates(model).count == 4  # between the last two layers
    shrink(model)
    torch.testing.assert_close(model(X), before)
    assert (shared.out_features, model[4].out_features) == (3, 3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_sparsity_counts_gates_exactly(dtype):
    gates = Gates(nn.Sequential(nn.Linear(2, 3001), nn.ReLU(), nn.Linear(3001, 2)).to(dtype))
    gates.set([(torch.arange(3001) % 2 == 0).float()])
    assert gates.sparsity == pytest.approx(1500 / 3001, abs=1e-12)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("criterion", ["gradient_flow", "taylor", "fisher"])
@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_scores_that_are_not_finite_choose_no_mask(criterion, schedule, wrong):
    with pytest.raises(ValueError, match=rf"^scores \({criterion}\): got 'NaN or infinity', expected finite numbers$"):
        prune(network(), lambda model: fit(model) * wrong, 0.5, criterion, schedule, steps=4)


def test_channels_and_the_flow_head_shrink_too():
    torch.manual_seed(0)
    head = FlowHead(4, 2, width=8, depth=2, inner=6)
    nn.init.normal_(head.out_proj.weight), nn.init.normal_(head.blocks[0].modulate.weight)
    x, states, noise, t = torch.randn(9, 4), torch.randn(9, 2), torch.randn(1, 9, 4), torch.rand(1, 9)
    pictures = torch.randn(5, 1, 6, 6)
    denoiser = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.SiLU(), nn.Conv2d(6, 1, 3, padding=1))
    cases = [
        (head, lambda model: model.loss(x, states, noise, t), lambda: head(x, t[0], states)),
        (denoiser, lambda model: (model(pictures) - pictures).square().mean(), lambda: denoiser(pictures)),
    ]
    for model, loss, output in cases:
        gates = prune(model, loss, 0.5, "gradient_flow", "soft", steps=4)
        before, parameters = output().detach(), sum(each.numel() for each in model.parameters())
        shrink(model)
        torch.testing.assert_close(output(), before)
        assert sum(each.numel() for each in model.parameters()) < parameters
        assert sum(int(gate.sum()) for gate in gates.values) == round(0.5 * gates.count)
    assert head.blocks[0].mlp[0].out_features + head.blocks[1].mlp[0].out_features == 6


def test_a_flow_head_without_inner_has_the_weights_it_always_had():
    def made(**options):
        torch.manual_seed(0)
        return FlowHead(4, 2, width=8, depth=2, **options).state_dict()

    assert all(torch.equal(a, b) for a, b in zip(made().values(), made(inner=8).values(), strict=True))
    assert list(made()) == list(made(inner=3))


def test_training_follows_the_mask_and_lowers_the_loss():
    losses, sparsities = [], []

    def note(step, gates, value):
        losses.append(value), sparsities.append(gates.sparsity)

    model = network(inner=20)
    prune(model, fit, 0.5, "fisher", "iterative", steps=60, rounds=4, batches=1, learning_rate=0.03, on_step=note)
    assert losses[-1] < losses[0]
    expected = [max(5, round((1 - cubic_sparsity(i / 4, 0.5)) * 25)) for i in (1, 2, 3, 4)]
    assert sorted({round((1 - s) * 25) for s in sparsities}, reverse=True) == sorted(set(expected), reverse=True)


def test_the_soft_mask_keeps_its_budget_and_goes_along_the_flow():
    model = network()
    gates = Gates(model)
    pruner = GradientFlowPruner(gates, 0.5, 10)
    (before,) = [torch.cat(gradient_norm_flow(fit, gates))]
    for step in range(1, 11):
        assert pruner.step(fit) == pytest.approx(cubic_sparsity(step / 10, 0.5), abs=1e-6)
        if step == 1:
            torch.testing.assert_close(pruner.potentials[0].double(), 0.1 * before / before.square().mean().sqrt())
            (weight,) = pruner.rate_weights
            assert torch.equal(torch.cat(gates.values) > 0.5, pruner.potentials[0] > weight)
    pruner.harden()
    with pytest.raises(ValueError, match=r"step: got 'call 11', expected at most 10 calls"):
        pruner.step(fit)


def test_the_flow_raises_the_gradient_norm_and_its_flip_lowers_it():
    """One small step from the same mask, with a budget that hardly moves."""
    found = {}
    for flip in (False, True):
        model = network()
        gates = Gates(model)
        base = [torch.full_like(gate, 0.5) for gate in gates.values]
        gates.set(base)
        flow = [0.01 * (1 - 2 * flip) * each / each.abs().max() for each in gradient_norm_flow(fit, gates)]
        moved = [gate + each for gate, each in zip(base, flow, strict=True)]
        found[flip] = (squared_gradient(model, moved, True) - squared_gradient(model, base, True)).item()
    assert found[True] < 0 < found[False]


def test_nothing_but_the_network_is_changed_and_seeds_decide():
    def run(seed):
        model = network()
        prune(model, fit, 0.5, "random", steps=3, seed=seed)
        return shrink(model)[0].weight.detach()

    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, again = [run(1) for _ in range(2)]
    assert torch.equal(first, again)
    assert first.shape != run(2).shape or not torch.equal(first, run(2))
    model = network()
    state = torch.get_rng_state()
    importance(fit, Gates(model), "random")
    assert torch.equal(state, torch.get_rng_state())
    assert not torch_prune.is_pruned(model)


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda: Gates(nn.Linear(2, 2)), r"model: got 'Linear', expected a network with a torch.nn.Sequential of .*"),
        (lambda: Gates(nn.ReLU(), False), r"model: got 'ReLU', expected a network with a weight of .*"),
        (lambda: prune(network(), fit, 1.0), r"sparsity: got 1.0, expected a number in \(0, 1\)"),
        (lambda: prune(network(), fit, 0.5, "l0"), r"criterion: got 'l0', expected one of gradient_flow, .*"),
        (lambda: prune(network(), fit, 0.5, schedule="soft"), r"steps: got 0, expected an integer, at least 2.*"),
        (
            lambda: prune(network(), lambda m: m(X), 0.5),
            r"loss\(model\): got shape .*, expected a tensor .*",
        ),
        (lambda: soft_top_k(torch.ones(3), 3, 0.1), r"keep: got 3, expected a number above 0 and below 3"),
        (lambda: soft_top_k(torch.ones(3), 1, 0), r"temperature: got 0, expected a number in .*"),
        (lambda: cubic_sparsity(1.5, 0.5), r"progress: got 1.5, expected a number in \[0, 1\]"),
        (lambda: Gates(prune(network(), fit, 0.5).model), r"model: got 'one with masks', expected one without.*"),
        (lambda: Gates(network()).set([torch.ones(6)]), r"values: got '1 tensors', expected 2 tensors, one a layer"),
    ],
)
def test_bad_inputs_are_one_line(call, line):
    with pytest.raises((ValueError, TypeError), match=f"^{line}$"):
        call()


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_budget_for_each_layer(schedule):
    model = network(inner=8)
    gates = prune(model, fit, 0.5, "gradient_flow", schedule, steps=8, rounds=2, batches=1, per_layer=True)
    assert [int(gate.sum()) for gate in gates.values] == [4, round(0.5 * 5)]
    pruner = GradientFlowPruner(Gates(network(inner=8)), 0.5, 3, per_layer=True)
    pruner.step(fit)
    sums = [float(gate.mean()) for gate in pruner.gates.values]
    assert sums == pytest.approx([1 - cubic_sparsity(1 / 3, 0.5)] * 2, abs=1e-6)
    assert len(pruner.rate_weights) == 2


def test_a_whole_layer_never_goes():
    model = network()
    gates = prune(model, fit, 0.99, "magnitude")
    assert [int(gate.sum()) for gate in gates.values] == [1, 1]
    assert math.isfinite(fit(shrink(model)).item())
