"""A second input of the doctor: what differs, and the loop that makes one load into the other, executed."""

import json
import pickle
import random
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from examining import compress, examine
from safetensors.torch import save_file
from torch import nn
from torch.nn.modules.container import ModuleList

__all__ = ["examine"]


class Block(nn.Module):
    def __init__(self, width=4, names=("attention", "norm", "mlp")):
        super().__init__()
        parts = (
            nn.MultiheadAttention(width, 2),
            nn.LayerNorm(width),
            nn.Sequential(nn.Linear(width, 8), nn.GELU(), nn.Linear(8, width)),
        )
        for name, part in zip(names, parts):
            self.add_module(name, part)


class Net(nn.Module):
    def __init__(
        self, seed=0, names=("attention", "norm", "mlp"), parts=("embed", "blocks", "head"), classes=3, wrap=None
    ):
        super().__init__()
        torch.manual_seed(seed)
        made = (nn.Conv2d(3, 4, 2, groups=1), ModuleList(Block(names=names) for _ in range(3)), nn.Linear(4, classes))
        inner = nn.Module() if wrap else self
        for name, part in zip(parts, made):
            inner.add_module(name, part)
        if wrap:
            self.add_module(wrap, inner)


@pytest.fixture
def compare(examine, tmp_path, monkeypatch):
    """Compare a saved state with pasted text or with another file."""
    monkeypatch.chdir(tmp_path)

    def compare(state, second):
        torch.save(state, "x.pt")
        if isinstance(second, str):
            examine.page.evaluate("text => { globalThis.pasted = text; }", second)
            return examine("x.pt", code="doctor.compare(report, doctor.expected(pasted, doctor.ownKeys(report)))")
        torch.save(second, "y.pt")
        examine("y.pt", code="(globalThis.second = report, null)")
        return examine("x.pt", code="doctor.compare(report, doctor.expectedOf(second))")

    return compare


def run(found, model):
    exec(compile(found["lines"], "doctor", "exec"), {"model": model})


def error_of(model, state):
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        return f'Traceback (most recent call last):\n  File "train.py", line 3\nRuntimeError: {error}\n'


def keys_of(model):
    return str(model.state_dict().keys())


def shapes_of(model):
    return "\n".join(f"{key}  {tensor.shape}" for key, tensor in model.state_dict().items())


WAYS = {
    "error": error_of,
    "print": lambda model, state: str(model),
    "keys": lambda model, state: keys_of(model),
    "shapes": lambda model, state: shapes_of(model),
    "file": lambda model, state: model.state_dict(),
}
#: How the model differs from that of the file, which needs what.
PREFIXED = {
    "wrapped": {"wrap": "backbone"},
    "a part renamed": {"parts": ("stem", "blocks", "head")},
    "two parts renamed and wrapped": {"parts": ("stem", "layers", "head"), "wrap": "net"},
    "the same": {},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("change", PREFIXED)
def test_other_prefixes_are_found_and_the_lines_load_the_file(compare, way, change):
    source, model = Net(1), Net(2, **PREFIXED[change])
    second = WAYS[way](model, source.state_dict())
    if second is None:
        return  # the same: there is no error
    found = compare(source.state_dict(), second)
    assert (found["unused"], found["missing"], found["shapes"]) == ([], [], [])
    assert found["confidence"]["percent"] == 100
    run(found, model)
    values = list(model.state_dict().values())
    assert all(torch.equal(a, b) for a, b in zip(source.state_dict().values(), values, strict=True))
    if found["confidence"]["word"] != "a guess":
        assert all(pair["how"] != "same shape, in order" for pair in found["pairs"])


@pytest.mark.parametrize("way", ["print", "shapes", "file"])
def test_other_names_inside_are_guessed_by_shape_and_order_and_said_to_be(compare, way):
    source, model = Net(1), Net(2, names=("attn", "ln", "ffn"))
    found = compare(source.state_dict(), WAYS[way](model, None))
    run(found, model)
    assert all(
        torch.equal(a, b) for a, b in zip(source.state_dict().values(), model.state_dict().values(), strict=True)
    )
    assert {
        pair["from"].replace("attention", "attn").replace("norm", "ln").replace("mlp", "ffn") == pair["to"]
        for pair in found["pairs"]
    } == {True}


@pytest.mark.parametrize("way", ["print", "shapes", "file"])
def test_what_the_file_lacks_stays_as_it_is(compare, way):
    source, model = Net(1), Net(2)
    model.other = nn.Linear(6, 2)
    before = model.other.weight.clone()
    found = compare(source.state_dict(), WAYS[way](model, None))
    assert found["missing"] == ["other.weight", "other.bias"] and "renamed" not in found["lines"]
    run(found, model)
    assert torch.equal(model.embed.weight, source.embed.weight) and torch.equal(model.other.weight, before)


def save_parts(state):
    save_file({key: value.clone() for key, value in state.items()}, "part.safetensors")
    Path("x.safetensors.index.json").write_text(json.dumps({"weight_map": dict.fromkeys(state, "part.safetensors")}))
    return ["x.safetensors.index.json", "part.safetensors"]


def save_compressed(state):
    torch.save(state, "x.pt")
    return [compress("x.pt")]


def save_plain(state):
    Path("x.pkl").write_bytes(pickle.dumps(state))
    return ["x.pkl"]


def save_old(state):
    torch.save({"epoch": 3, "net": state}, "x.pt", pickle_protocol=4, _use_new_zipfile_serialization=False)
    return ["x.pt"]


@pytest.mark.parametrize("save", [save_parts, save_compressed, save_plain, save_old])
def test_the_loop_opens_any_format(examine, tmp_path, monkeypatch, save):
    monkeypatch.chdir(tmp_path)
    source, model = Net(1), Net(2, wrap="backbone")
    names = save(source.state_dict())
    examine.page.evaluate("text => { globalThis.pasted = text; }", str(model))
    run(examine(*names, code="doctor.compare(report, doctor.expected(pasted, []))"), model)
    assert torch.equal(model.backbone.embed.weight, source.embed.weight)


@pytest.mark.parametrize("way", WAYS)
def test_another_shape_keeps_that_of_the_model(compare, way):
    source, model = Net(1), Net(2, classes=7)
    found = compare(source.state_dict(), WAYS[way](model, source.state_dict()))
    if way == "keys":  # tell no shapes
        assert found["shapes"] == []
        return
    assert {entry["from"] for entry in found["shapes"]} == {"head.weight", "head.bias"}
    before = model.head.weight.clone()
    run(found, model)
    assert torch.equal(model.head.weight, before) and torch.equal(model.embed.weight, source.embed.weight)


@pytest.mark.parametrize("way", WAYS)
def test_keys_more_and_fewer_are_named(compare, way):
    source, model = Net(1), Net(2)
    source.extra, model.other = nn.Linear(2, 5), nn.Linear(6, 2)
    found = compare({"epoch": 3, "model": source.state_dict()}, WAYS[way](model, source.state_dict()))
    if way in ("error", "keys"):  # without shapes, it could be one layer under another name
        assert found["confidence"]["word"] == "a guess"
        assert [pair["to"] for pair in found["pairs"] if pair["how"] == "same ending"] == ["other.weight", "other.bias"]
        return
    assert found["unused"] == ["extra.weight", "extra.bias"]
    assert found["missing"] == ["other.weight", "other.bias"]
    run(found, model)
    assert torch.equal(model.embed.weight, source.embed.weight)


def test_every_layer_that_print_shows_has_its_parameters(compare):
    model = nn.Sequential(
        OrderedDict(
            linear=nn.Linear(3, 4, bias=False),
            conv=nn.Conv2d(4, 8, (3, 5), stride=2, padding=1, groups=2, bias=False),
            deconv=nn.ConvTranspose1d(4, 6, 3, groups=2),
            conv3=nn.Conv3d(1, 2, 3),
            norm=nn.BatchNorm2d(5),
            plain=nn.BatchNorm1d(5, affine=False),
            still=nn.BatchNorm1d(5, track_running_stats=False),
            layer=nn.LayerNorm((3, 4)),
            bare=nn.LayerNorm(3, elementwise_affine=False),
            rms=nn.RMSNorm(6),
            group=nn.GroupNorm(2, 6),
            instance=nn.InstanceNorm1d(4, affine=True),
            embedding=nn.Embedding(10, 3, padding_idx=0),
            bag=nn.EmbeddingBag(10, 3),
            prelu=nn.PReLU(4),
            lstm=nn.LSTM(3, 5, num_layers=2, bidirectional=True),
            gru=nn.GRU(3, 5, bias=False),
            rnn=nn.RNN(3, 5),
            encoder=nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8), 3),
            decoder=nn.TransformerDecoderLayer(4, 2, 8),
        )
    )
    found = compare(model.state_dict(), str(model))
    assert (found["unused"], found["missing"], found["shapes"]) == ([], [], [])
    assert {pair["how"] for pair in found["pairs"]} == {"same name"}


@pytest.mark.parametrize("seed", range(12))
def test_lines_of_random_changes_load_what_they_say(compare, seed):
    chance = random.Random(seed)
    source = {
        f"{chance.choice('abc')}.{chance.choice('de')}.{i}.{chance.choice(('weight', 'bias'))}": torch.full(
            (chance.randint(1, 3),), float(i)
        )
        for i in range(30)
    }
    target = {}
    for key, value in source.items():
        draw = chance.random()
        if draw < 0.1:
            continue
        name = f"new.{key}" if key.startswith("a") else key.replace("b.", "x.y.") if key.startswith("b") else key
        target[name] = torch.zeros(value.numel() + (draw > 0.9))
    target["only.here"] = torch.zeros(2)
    model = nn.Module()
    model.load_state_dict = lambda state, strict=True: (
        received.update(state) or nn.modules.module._IncompatibleKeys([], [])
    )
    received = {}
    found = compare(source, target)
    run(found, model)
    assert set(received) == {pair["to"] for pair in found["pairs"]} and set(received) <= set(target)
    assert all(
        torch.equal(received[pair["to"]], source[pair["from"]])
        and received[pair["to"]].shape == target[pair["to"]].shape
        for pair in found["pairs"]
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "[" * 5000,
        "(a): B(" * 5000,
        '"' * 99_999,
        "x" * 500_000,
        "Missing key(s) in state_dict: " + '"a", ' * 50_000,
    ],
)
def test_any_text_is_answered_quickly(examine, compare, text):
    found = compare({"weight": torch.ones(1)}, text)
    assert found["has"] == 1
