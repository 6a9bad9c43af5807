"""The parts of the unified models: masks by perturbation, heads against closed forms, draws against their laws."""

import time

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import nn

from infotok.unified.backbone import Backbone
from infotok.unified.code_head import CodeHead
from infotok.unified.flow_head import FlowHead
from infotok.unified.kv_cache import IncrementalDecoder
from infotok.unified.packing import PADDING, PREFIX, block_mask, pack
from infotok.unified.sampling import categorical, gumbel, joint_uniform, normal, own_generator, uniform
from infotok.unified.throughput import Meter, matrix_peak, operations

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def backbone():
    torch.manual_seed(0)
    return Backbone.tiny(words=20, hidden=16, layers=2, heads=2, positions=32).eval()


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# --- packing ----------------------------------------------------------------------------------------------------------


def test_questions_are_packed_without_the_padding_between():
    packed = pack(torch.tensor([[[3, 4, 0], [5, 0, 0], [6, 7, 8]], [[9, 0, 0], [3, 0, 0], [4, 0, 0]]]))
    assert packed.words.tolist() == [[3, 4, 5, 6, 7, 8], [9, 3, 4, 0, 0, 0]]
    assert packed.segment.tolist() == [[1, 1, 2, 3, 3, 3], [1, 2, 3, PADDING, PADDING, PADDING]]
    assert packed.last.tolist() == [[1, 2, 5], [0, 1, 2]]


def test_a_block_mask_drawn_by_hand():
    segment = torch.tensor([[PREFIX, PADDING, PREFIX, 1, 1, 2]])
    mask, positions = block_mask(segment)
    assert positions.tolist() == [[0, 0, 1, 2, 3, 2]]  # the padding does not count, and the second question restarts
    assert mask[0, 0].int().tolist() == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],  # padding: whatever it sees, nobody sees it
        [1, 0, 1, 0, 0, 0],
        [1, 0, 1, 1, 0, 0],
        [1, 0, 1, 1, 1, 0],
        [1, 0, 1, 0, 0, 1],
    ]
    both, same = block_mask(segment, bidirectional=torch.tensor([[True, False, True, False, False, False]]))
    assert both[0, 0, 0].tolist() == [True, False, True, False, False, False]
    assert (same == positions).all()


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), st.integers(0, 1000))
def test_packed_equals_separate(backbone, lengths, seed):
    """States of each question are those it would have behind the image alone."""
    torch.manual_seed(seed)
    image = torch.randn(1, 4, 16)
    questions = torch.zeros(1, len(lengths), 3, dtype=torch.long)
    for q, length in enumerate(lengths):
        questions[0, q, :length] = torch.randint(1, 20, (length,))

    def read(asked):
        packed = pack(asked)
        segment = torch.cat([torch.full((1, 4), PREFIX), packed.segment], 1)
        row = torch.cat([image, backbone.words(packed.words)], 1)
        return backbone(row, *block_mask(segment))[:, 4:], packed.last[0]

    with torch.no_grad():
        together, ends = read(questions)
        for q, length in enumerate(lengths):
            alone, _ = read(questions[:, q : q + 1])
            start = int(ends[q]) + 1 - length
            torch.testing.assert_close(together[:, start : start + length], alone, atol=1e-5, rtol=1e-4)


# --- the backbone and its stream --------------------------------------------------------------------------------------


def influence(backbone, segment, bidirectional=None):
    """[i, j] is True where changing token j changes the state of token i."""
    mask, positions = block_mask(segment, bidirectional)
    row = torch.randn(1, segment.shape[1], backbone.hidden)
    with torch.no_grad():
        before = backbone(row, mask, positions)
        rows = []
        for j in range(segment.shape[1]):
            other = row.clone()
            other[0, j] += torch.randn(backbone.hidden)
            rows.append((backbone(other, mask, positions) - before).abs().amax(-1)[0] > 1e-6)
    return torch.stack(rows, 1)


def test_no_token_sees_what_it_must_not(backbone):
    torch.manual_seed(1)
    segment = torch.tensor([[PREFIX, PADDING, PREFIX, PREFIX, 1, 1, 2, PADDING]])
    mask, _ = block_mask(segment)
    assert (influence(backbone, segment) == mask[0, 0]).all()
    bidirectional = torch.tensor([[False, False, True, True, False, False, False, False]])
    mask, _ = block_mask(segment, bidirectional)
    assert (influence(backbone, segment, bidirectional) == mask[0, 0]).all()


def test_attention_weights_live_where_the_mask_allows(backbone):
    segment = torch.tensor([[PREFIX, PREFIX, 1, 2]])
    mask, positions = block_mask(segment)
    row = torch.randn(1, 4, 16)
    with torch.no_grad():
        before = backbone(row, mask, positions)
        weights = backbone.attention(row, mask, positions)
        assert weights.shape == (2, 1, 2, 4, 4)
        torch.testing.assert_close(weights.sum(-1), torch.ones(2, 1, 2, 4))
        assert (weights[..., ~mask[0, 0]] == 0).all()
        torch.testing.assert_close(
            backbone(row, mask, positions), before, atol=0, rtol=0
        )  # and nothing was left changed


def test_a_stream_with_a_cache_is_one_without_and_the_whole_row(backbone):
    torch.manual_seed(2)
    segment = torch.tensor([[PREFIX, PADDING, PREFIX, PREFIX, PREFIX], [PREFIX] * 5])
    mask, positions = block_mask(segment)
    row = torch.randn(2, 5, 16)
    with torch.no_grad():
        whole = backbone(row, mask, positions)
        streams = [IncrementalDecoder(backbone, row[:, :3], mask, positions, cached) for cached in (True, False)]
        for stream in streams:
            ahead = stream.feed(row[:, 3:], keep=False)  # looking ahead changes nothing
            steps = [stream.states, stream.feed(row[:, 3:4]), stream.feed(row[:, 4:])]
            torch.testing.assert_close(torch.cat(steps, 1), whole, atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(ahead, whole[:, 3:], atol=1e-5, rtol=1e-4)


# --- draws ------------------------------------------------------------------------------------------------------------


def test_a_picture_draws_its_own_row():
    whole = uniform(6, (5, 3), seeded(), CPU)
    generator = seeded()
    parts = [uniform(rows, (5, 3), generator, CPU) for rows in (1, 2, 3)]
    assert torch.equal(torch.cat(parts), whole)
    assert torch.equal(joint_uniform(6, (5, 3), seeded(), CPU), whole)  # alone, the joint batch is one's own
    assert torch.equal(
        torch.rand(4, generator=own_generator(seeded())), torch.rand(4, generator=own_generator(seeded()))
    )
    assert own_generator(None) is None


@pytest.mark.parametrize("temperature", [1e-300, 1e-12])
def test_a_tiny_temperature_takes_the_likeliest(temperature):
    u = uniform(50, (), seeded(), CPU)
    assert (categorical(torch.tensor([1.0, 3.0, 2.0]).expand(50, -1), u, temperature) == 1).all()
    assert (categorical(torch.tensor([-1e9, 1e9, 0.0]).expand(50, -1), u, temperature) == 1).all()


def test_draws_have_their_laws():
    u = uniform(20000, (), seeded(), CPU)
    assert stats.kstest(normal(u).numpy(), "norm").pvalue > 0.01
    assert stats.kstest(gumbel(u).numpy(), "gumbel_r").pvalue > 0.01
    logits = torch.tensor([0.0, 1.0, -1.0, 2.0])
    for temperature in (1.0, 0.5):
        drawn = categorical(logits.expand(20000, -1), u, temperature)
        share = torch.bincount(drawn, minlength=4) / 20000
        assert torch.allclose(share, (logits / temperature).softmax(0), atol=0.012)
    assert (categorical(logits.expand(5, -1), u[:5], 0) == 3).all()


@pytest.mark.parametrize("u", [0.0, 1.0])
def test_an_impossible_code_is_never_drawn(u):
    logits = torch.tensor([[-torch.inf, 0.0, 1.0, -torch.inf], [-50.0, 0.0, 0.0, -50.0]])  # at 0.01 exp(-5000) is 0 too
    drawn = categorical(logits, torch.full((2,), u), 0.01)
    assert ((drawn == 1) | (drawn == 2)).all()


def test_what_follows_does_not_depend_on_the_number_of_ranks(monkeypatch):
    """All ranks go on with the same generator, and each has noise of its own."""
    found = {}
    for rank, world in ((0, 1), (0, 2), (1, 2), (3, 4)):
        monkeypatch.setattr("infotok.unified.sampling.rank_and_world", lambda place=(rank, world): place)
        generator = seeded()
        own = own_generator(generator)
        found[rank, world] = torch.rand(4, generator=generator), torch.rand(4, generator=own)
    later, noise = zip(*found.values(), strict=True)
    assert all(torch.equal(each, later[0]) for each in later)
    assert torch.equal(noise[0], noise[1])
    assert len({tuple(each.tolist()) for each in noise}) == 3


@pytest.mark.parametrize("u", [0.0, 1.0])
def test_draws_stay_finite_at_the_ends(u):
    ends = torch.tensor([u])
    assert normal(ends).isfinite().all()
    assert gumbel(ends).isfinite().all()
    assert 0 <= int(categorical(torch.zeros(1, 4), ends)) <= 3


# --- heads ------------------------------------------------------------------------------------------------------------


def test_a_depth_head_is_a_distribution_over_tuples():
    """Summed over all K^C tuples of codes, the product of its conditionals is 1; sampling follows it."""
    torch.manual_seed(0)
    head = CodeHead(hidden=8, size=3, codebooks=2)
    nn.init.normal_(head.weight)
    state = torch.randn(8)
    tuples = torch.cartesian_prod(torch.arange(3), torch.arange(3))
    with torch.no_grad():
        log_p = head(state.expand(9, -1), tuples).log_softmax(-1).gather(-1, tuples[..., None]).sum((1, 2))
        assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-5)
        codes, log_q = head.sample(state.expand(20000, -1), uniform(20000, (2,), seeded(), CPU))
    index = codes[:, 0] * 3 + codes[:, 1]
    torch.testing.assert_close(log_q, log_p[index], atol=1e-4, rtol=1e-4)
    assert torch.allclose(torch.bincount(index, minlength=9) / 20000, log_p.exp(), atol=0.012)


def test_a_code_sees_only_the_codes_before_it():
    torch.manual_seed(0)
    head = CodeHead(hidden=8, size=5, codebooks=3)
    state, codes = torch.randn(2, 8), torch.zeros(2, 3, dtype=torch.long)
    before = head(state, codes)
    for j in range(3):
        other = codes.clone()
        other[:, j] = 4
        changed = (head(state, other) - before).abs().amax((0, 2)) > 1e-6
        assert changed.tolist() == [k > j for k in range(3)]


def test_guidance_is_a_walk_between_two_predictions():
    torch.manual_seed(0)
    head = CodeHead(hidden=8, size=16)
    nn.init.normal_(head.weight)
    states, u = torch.randn(2, 50, 8), uniform(50, (1,), seeded(), CPU)
    with torch.no_grad():
        for guidance, own in ((0.0, states[1]), (1 + 1e-9, states[0])):
            assert torch.equal(head.sample(states, u, guidance=guidance)[0], head.sample(own, u)[0])
        flow = FlowHead(dim=2, hidden=8, width=16, depth=1)
        nn.init.normal_(flow.out_proj.weight)
        noise = torch.randn(50, 2)
        torch.testing.assert_close(flow.sample(states, noise, guidance=0.0), flow.sample(states[1], noise))


class GaussianVelocity(FlowHead):
    """The exact velocity of data N(m, s^2): E[x - noise | x_t], x_t ~ N(t m, (t s)^2 + (1 - t)^2)."""

    m, s = 2.0, 0.5

    def velocity(self, x, t, state):
        t = t[..., None]
        variance = (t * self.s) ** 2 + (1 - t) ** 2
        return self.m + (t * self.s**2 - (1 - t)) / variance * (x - t * self.m)


def test_following_the_exact_velocity_gives_the_data():
    flow = GaussianVelocity(dim=1, hidden=4, width=4, depth=1)
    noise = normal(uniform(5000, (1,), seeded(), CPU))
    with torch.no_grad():
        path = flow.sample(torch.zeros(5000, 4), noise, steps=64)
        assert stats.kstest(path[-1][:, 0].numpy(), "norm", (2.0, 0.5)).pvalue > 0.01
        torch.testing.assert_close(path[-1], 2.0 + 0.5 * noise, atol=5e-3, rtol=0)  # monotone in one dimension
        torch.testing.assert_close(flow.mean(torch.zeros(3, 4), 1), torch.full((3, 1), 2.0))


def test_a_flow_learns_a_conditional_distribution():
    torch.manual_seed(0)
    flow = FlowHead(dim=1, hidden=2, width=32, depth=2)
    optimiser = torch.optim.Adam(flow.parameters(), lr=3e-3)
    generator = seeded(1)
    for _ in range(200):
        which = torch.randint(2, (128,), generator=generator)
        x = (2.0 * which - 1)[:, None] + 0.1 * torch.randn(128, 1, generator=generator)
        noise, t = torch.randn(2, 128, 1, generator=generator), torch.rand(2, 128, generator=generator)
        optimiser.zero_grad()
        flow.loss(x, nn.functional.one_hot(which, 2).float(), noise, t).backward()
        optimiser.step()
    with torch.no_grad():
        drawn = flow.sample(torch.eye(2).repeat_interleave(500, 0), torch.randn(1000, 1, generator=generator))[-1]
    means, spreads = drawn.view(2, 500).mean(1), drawn.view(2, 500).std(1)
    assert torch.allclose(means, torch.tensor([-1.0, 1.0]), atol=0.1)
    assert (spreads < 0.25).all()


# --- speed ------------------------------------------------------------------------------------------------------------


def test_operations_are_counted_and_shares_add_up():
    a = torch.ones(8, 16)
    count = operations(lambda: a @ a.T)
    assert count == 2 * 8 * 16 * 8
    meter = Meter(CPU, torch.float32, count)
    for what in ("data", "step", "step"):
        with meter.timing(what):
            time.sleep(0.002)
    read = meter.read(batch=4)
    assert 0 < read["data_share"] < 1  # a third where nothing else runs
    assert 0 < read["images_per_second"] < 2 * 4 / 0.006
    assert read["utilisation"] == pytest.approx(count * 2 / (meter.peak * 0.004), rel=0.9)
    assert 1e8 < matrix_peak("cpu", torch.float32, torch.get_num_threads()) < 1e14
