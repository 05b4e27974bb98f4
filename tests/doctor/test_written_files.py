"""The doctor on files that this torch and safetensors write: every kind of tensor, cut files, 5 GB."""

import gzip
import io
import json
import pickle
import re
import tarfile
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.distributed.checkpoint as dcp
from examining import assert_same, examine, run
from safetensors.torch import save_file
from torch import nn
from torch._weights_only_unpickler import Unpickler, _blocklisted_modules, _get_allowed_globals

__all__ = ["examine"]
DTYPES = [value for value in vars(torch).values() if isinstance(value, torch.dtype)]
ZIP, LEGACY = {}, {"_use_new_zipfile_serialization": False}


class Subclass(torch.Tensor):
    pass


def model():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 10, bias=False), nn.BatchNorm1d(10))
    net[1].weight = net[0].weight
    return net


def sparse():
    eye = torch.eye(4)
    layouts = {"csr": eye.to_sparse_csr(), "csc": eye.to_sparse_csc(), "bsr": eye.to_sparse_bsr((2, 2))}
    return {"coo": eye.to_sparse(), **layouts}


def quantized():
    whole = torch.quantize_per_tensor(torch.ones(3, 4), 0.1, 0, torch.qint8)
    rows = torch.quantize_per_channel(torch.ones(3, 4), torch.ones(3), torch.zeros(3), 0, torch.quint8)
    return {"tensor": whole, "channel": rows}


def parameters():
    marked = nn.Parameter(torch.ones(3))
    marked.mine = 3
    return [nn.Parameter(torch.ones(3)), {"marked": marked}, (torch.ones(2), torch.ones(1, requires_grad=True))]


def views():
    base = torch.zeros(1000, 100)
    return {"part": base[:2, ::3], "turned": base.T, "scalar": torch.tensor(3.0), "empty": torch.empty(0, 4)}


def training():
    net = model()
    optimizer = torch.optim.AdamW(net.parameters())
    net(torch.tensor([1, 2])).sum().backward()
    optimizer.step()
    return {
        "model_state_dict": net.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 3).state_dict(),
        "scaler": {"scale": 65536.0, "growth_factor": 2.0, "backoff_factor": 0.5, "_growth_tracker": 0},
        "epoch": 7,
        "rng": torch.get_rng_state(),
    }


def dictionaries():
    kinds = (
        OrderedDict(a=torch.ones(1)),
        defaultdict(list, b=torch.ones(2)),
        {3: torch.ones(3), (2, 1): torch.ones(4)},
    )
    return {"kinds": list(kinds), "numbers": [1, 2.5, None, True, 2**70, -3, b"bytes", "é\n", {1}, 1 + 2j]}


def tied():
    return model().state_dict()


def meta():
    return {"meta": torch.empty(3, 4, device="meta")}


def nested():
    return {"nested": torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(4, 3)])}


def subclass():
    return {"mine": torch.ones(3).as_subclass(Subclass)}


KINDS = (sparse, quantized, parameters, views, training, dictionaries, tied, meta, nested, subclass)
MADE = {make.__name__: make for make in KINDS}


def blank(dtype):
    """Return a tensor of any dtype; its numbers do not matter."""
    return (
        torch.zeros(12, dtype=torch.uint8).view(dtype).reshape(-1, 1)
        if dtype.itemsize in (1, 2, 4)
        else torch.zeros(3, 1, dtype=dtype)
    )


@pytest.mark.parametrize(
    "dtype", [dtype for dtype in DTYPES if not str(dtype).startswith(("torch.q", "torch.bits"))], ids=str
)
def test_every_dtype(examine, tmp_path, dtype):
    try:
        tensor = blank(dtype)
        torch.save({"x": tensor}, tmp_path / "x.pt")
    except (RuntimeError, NotImplementedError, TypeError, KeyError, AttributeError):
        assert str(dtype).removeprefix("torch.") in {f"{sign}int{bits}" for sign in ("", "u") for bits in range(1, 8)}
        return  # torch has types of fewer than 8 bits in name only
    assert_same(examine(tmp_path / "x.pt"), {"x": tensor})


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("how", [ZIP, LEGACY], ids=["zip", "legacy"])
def test_every_kind_of_tensor_and_of_dictionary(examine, tmp_path, name, how):
    value = MADE[name]()
    torch.save(value, tmp_path / "x.pt", **how)
    report = examine(tmp_path / "x.pt")
    assert report["kind"] == ("torch-legacy" if how else "torch-zip") and not report["truncated"]
    assert report["problems"] == []
    assert_same(report, value)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("how", [ZIP, LEGACY], ids=["zip", "legacy"])
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_every_protocol_of_pickle(examine, tmp_path, protocol, how):
    kinds = [make for name, make in MADE.items() if name != "nested" or not how]  # which torch does not load
    value = {make.__name__: make() for make in kinds}
    torch.save(value, tmp_path / "x.pt", pickle_protocol=protocol, **how)
    torch.save(value, tmp_path / "default.pt", **how)
    report, default = examine(tmp_path / "x.pt"), examine(tmp_path / "default.pt")
    assert report["kind"] == default["kind"] and report["problems"] == [] and not report["truncated"]
    assert_same(report, torch.load(tmp_path / "x.pt", weights_only=False) if protocol else value)
    assert report["values"] == default["values"] and report["groups"] == default["groups"]
    assert [s["bytes"] for s in report["storages"]] == [s["bytes"] for s in default["storages"]]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("how", [ZIP, LEGACY], ids=["zip", "legacy"])
@pytest.mark.parametrize("value", [{"a": torch.ones(2)}, {"a": [1, True, b"b", 2**70, "é"]}], ids=["tensor", "values"])
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_what_torch_refuses_of_a_protocol(examine, tmp_path, protocol, how, value):
    torch.save(value, tmp_path / "x.pt", pickle_protocol=protocol, **how)
    report, said = examine(tmp_path / "x.pt"), ""
    try:
        torch.load(tmp_path / "x.pt")
    except pickle.UnpicklingError as error:
        said = str(error)
    found = re.search(r"Unsupported operand (\d+)", said)
    assert report["operand"] == (int(found[1]) if found else -1)
    said = ""
    try:
        torch.load(tmp_path / "x.pt", weights_only=False)
    except AssertionError as error:
        said = str(error)
    assert report["textual"] == ("saved_id must be a tuple" in said)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", [name for name in MADE if name not in ("sparse", "nested")])
def test_a_plain_pickle_of_every_protocol(examine, tmp_path, protocol, name):
    value = MADE[name]()
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(value, protocol))
    report = examine(tmp_path / "x.pkl")
    assert (report["kind"], report["problems"]) == ("pickle", [])
    assert_same(report, pickle.loads(pickle.dumps(value, protocol)))
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(value, protocol)[:-20])
    cut = examine(tmp_path / "x.pkl")
    assert cut["kind"] == "pickle" and cut["problems"] == ["The pickle goes on beyond the end of the file."]


TEXTS = {"text": "é\n€\\u0041\\x41\0😀'\"", "long": "x" * 200_000, "after": "y"}
NUMBERS = [1, 2.5, None, True, False, 2**70, -3, float("inf"), float("-inf"), 1e-300]


@pytest.mark.parametrize("protocol", range(6))
def test_texts_and_numbers_of_every_protocol(examine, tmp_path, protocol):
    value = {"numbers": NUMBERS[:5], "more": NUMBERS[5:], "nested": {"tuple": (1, (2, 3, 4), ())}, "bytes": b"a\xff"}
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(value | TEXTS, protocol))
    values = {item["path"][0]: item["text"] for item in examine(tmp_path / "x.pkl")["values"]}
    assert values["numbers"] == str(NUMBERS[:5]) and values["more"] == str(NUMBERS[5:])
    assert values["bytes"] == "2 bytes"
    assert json.loads(values["text"]) == TEXTS["text"] and values["after"] == '"y"'
    assert values["long"].startswith('"xxx') and len(values["long"]) < 300


def test_objects_and_texts_that_python_2_has_pickled(examine, tmp_path):
    data = b"(dp0\nS'a\\'\\n\\xe2\\x82\\xac\\\\x41'\np1\n(imodule\nClass\np2\n(dp3\nS\"b\"\nI01\nsbsS'o'\n(cmodule\nOther\nI7\nos."
    (tmp_path / "x.pkl").write_bytes(data)
    report = examine(tmp_path / "x.pkl")
    assert report["problems"] == []
    assert {entry["name"] for entry in report["globals"]} == {"module.Class", "module.Other"}
    assert report["values"] == [
        {"path": ["a'\n€\\x41", "b"], "text": "True"},
        {"path": ["o"], "text": "an object of module.Other"},
    ]


def test_the_list_of_allowed_opcodes_is_torchs_own(examine):
    refused = set()
    for code in range(256):
        try:
            Unpickler(io.BytesIO(bytes([code]))).load()
        except Exception as error:
            refused |= {code} if "Unsupported operand" in str(error) else set()
    assert set(examine.page.evaluate("() => [...doctor.allowedOperands]")) == set(range(256)) - refused


def test_a_whole_model_has_the_names_of_its_state_dict(examine, tmp_path):
    torch.save(model(), tmp_path / "x.pt")
    report = examine(tmp_path / "x.pt")
    assert report["module"] == "torch.nn.modules.container.Sequential"
    assert [tensor["name"] for tensor in report["tensors"]] == sorted(
        model().state_dict(), key=lambda k: list(model().state_dict()).index(k)
    )


def test_what_a_training_checkpoint_is_made_of(examine, tmp_path):
    torch.save(training(), tmp_path / "x.pt")
    report = examine(tmp_path / "x.pt")
    roles = {
        ".".join(map(str, group["path"])): (group["role"], group["detail"])
        for group in report["groups"]
        if group["role"]
    }
    assert roles["model_state_dict"][0] == "weights" and roles["scheduler"] == ("scheduler", "last_epoch 0")
    assert roles["scaler"] == ("gradient scaler", "scale 65536")
    assert (
        roles["optimizer"][0] == "optimizer" and "Adam" in roles["optimizer"][1] and "lr 0.001" in roles["optimizer"][1]
    )
    assert {"path": ["epoch"], "text": "7"} in report["values"]


def test_safetensors_its_metadata_and_its_parts(examine, tmp_path):
    weights = {"a": torch.ones(2, 3), "b": torch.ones(4, dtype=torch.bfloat16)}
    save_file(weights, tmp_path / "one.safetensors", {"format": "pt"})
    report = examine(tmp_path / "one.safetensors")
    assert report["kind"] == "safetensors" and report["metadata"] == [["format", "pt"]]
    assert_same(report, {tensor["name"]: weights[tensor["name"]] for tensor in report["tensors"]})
    for key, tensor in weights.items():
        save_file({key: tensor}, tmp_path / f"model-{key}.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(
        json.dumps({"metadata": {"total_size": 32}, "weight_map": {key: f"model-{key}.safetensors" for key in weights}})
    )
    report = examine(index, tmp_path / "model-a.safetensors", tmp_path / "model-b.safetensors")
    assert report["kind"] == "safetensors-index" and report["problems"] == []
    assert_same(report, weights)
    report = examine(index, tmp_path / "model-a.safetensors")
    assert "model-b.safetensors is missing" in report["problems"][0]


def test_a_distributed_checkpoint(examine, tmp_path):
    net = model()
    state = {"model": net.state_dict(), "optimizer": training()["optimizer"], "epoch": 3}
    dcp.save(state, checkpoint_id=tmp_path / "step")
    report = examine(*sorted((tmp_path / "step").iterdir()))
    assert report["kind"] == "dcp" and report["problems"] == []
    found = {tuple(tensor["path"]): (tensor["shape"], tensor["dtype"]) for tensor in report["tensors"]}
    for key, tensor in net.state_dict().items():
        assert found["model", key] == (list(tensor.shape), str(tensor.dtype).removeprefix("torch."))
    assert {group["path"][0]: group["role"] for group in report["groups"]} == {
        "model": "weights",
        "optimizer": "optimizer",
    }


def test_a_tar_of_2016(examine, tmp_path, monkeypatch):
    weights = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4, dtype=torch.int64)}
    storages, tensors, objects = (io.BytesIO() for _ in range(3))
    pickle.dump(len(weights), storages, 2)
    pickle.dump(len(weights), tensors, 2)

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return next((i for i, tensor in enumerate(weights.values()) if tensor is value), None)

    for i, tensor in enumerate(weights.values()):
        kind = torch.FloatStorage if tensor.is_floating_point() else torch.LongStorage
        pickle.dump((100 + i, "cpu", kind), storages, 2)
        storages.write(tensor.numel().to_bytes(8, "little") + tensor.numpy().tobytes())
        pickle.dump((i, 100 + i, torch.Tensor), tensors, 2)
        sizes = [tensor.ndim, *tensor.shape, *tensor.stride(), 0]
        tensors.write(b"".join(n.to_bytes(8, "little") for n in sizes))
    pickle.dump([], storages, 2)
    Pickler(objects, 2).dump(weights)
    with tarfile.open(tmp_path / "x.pt", "w") as archive:
        for name, file in (("storages", storages), ("tensors", tensors), ("pickle", objects)):
            (tmp_path / name).write_bytes(file.getvalue())
            archive.add(tmp_path / name, name)
    assert torch.load(tmp_path / "x.pt", weights_only=False)["b"].equal(weights["b"])
    report = examine(tmp_path / "x.pt")
    assert report["kind"] == "torch-tar"
    assert_same(report, weights)
    monkeypatch.chdir(tmp_path)
    [found] = examine(tmp_path / "x.pt", code="doctor.findings(report)")
    received = {}
    run(found, model=SimpleNamespace(load_state_dict=received.update))
    assert all(torch.equal(received[key], value) for key, value in weights.items())


def test_compressed_and_commented_archives(examine, tmp_path):
    torch.save(training(), tmp_path / "x.pt")
    with (
        zipfile.ZipFile(tmp_path / "x.pt") as old,
        zipfile.ZipFile(tmp_path / "y.pt", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        new.comment = b"c" * 60_000
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert_same(examine(tmp_path / "y.pt"), torch.load(tmp_path / "y.pt", weights_only=False))


def test_a_program_of_torch_export(examine, tmp_path):
    torch.export.save(torch.export.export(nn.Linear(2, 2), (torch.ones(1, 2),)), tmp_path / "x.pt2")
    assert examine(tmp_path / "x.pt2")["kind"] == "export"


NOT = {
    "lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n",
    "html": b"\n<!DOCTYPE html>\n<html><body>404</body></html>",
    "json": b'{"a": [1, 2]}',
    "gzip": gzip.compress(bytes(range(200, 256)) * 20),
    "empty": b"",
    "zeros": b"\x00" * 4096,
    "gguf": b"GGUF\x03\x00\x00\x00" + b"\x01" * 60,
    "hdf5": b"\x89HDF\r\n\x1a\n" + b"\x00" * 60,
    "npy": b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n",
    "text": b"epoch,loss\n1,0.5\n",
    "pickle": pickle.dumps({"a": [1, 2, 3]}),
    "unknown": bytes(range(200, 256)) * 20,
}


@pytest.mark.parametrize(
    "text", ["comparison\n==========\n.. note::\n", "Version 1\nIt is (new).\n", "cat\ndog\n", "Not.\n"]
)
def test_a_text_that_begins_like_a_pickle_is_a_text(examine, tmp_path, text):
    (tmp_path / "x.pt").write_text(text)
    assert examine(tmp_path / "x.pt")["kind"] == "text"


@pytest.mark.parametrize("kind", NOT)
def test_what_is_no_checkpoint_is_named(examine, tmp_path, kind):
    (tmp_path / "x.pt").write_bytes(NOT[kind])
    report = examine(tmp_path / "x.pt")
    assert (report["kind"], report["tensors"]) == (kind, [])


def test_5_gigabytes_are_read_by_a_few_kilobytes(examine, tmp_path):
    with torch.serialization.skip_data():
        torch.save({f"layer{i}": torch.empty(250_000_000) for i in range(5)}, tmp_path / "x.pt")
    assert (tmp_path / "x.pt").stat().st_size > 5_000_000_000
    report = examine(tmp_path / "x.pt")
    assert [tensor["shape"] for tensor in report["tensors"]] == [[250_000_000]] * 5
    assert report["read"] < 100_000 and report["ms"] < 1000 and report["problems"] == []


CUTS = [1, *range(5, 100, 5)]


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_a_cut_file_gives_its_keys_and_says_which_tensors_are_whole(examine, tmp_path, kind):
    weights = {f"layer{i}.weight": torch.randn(50, 20 + i) for i in range(40)}
    path, cut = tmp_path / "x.pt", tmp_path / "cut.pt"
    if kind == "safetensors":
        save_file(weights, path)
    else:
        torch.save(weights, path, **LEGACY if kind == "legacy" else ZIP)
    data = path.read_bytes()
    first = min(data.index(tensor.numpy().tobytes()) for tensor in weights.values())
    for percent in CUTS:
        end = len(data) * percent // 100
        cut.write_bytes(data[:end])
        report = examine(cut)
        assert report["truncated"] and report["read"] < 100_000, percent
        storages = {storage["key"]: storage for storage in report["storages"]}
        if end > first:
            assert {tensor["name"] for tensor in report["tensors"]} == set(weights), percent
        for tensor in report["tensors"]:
            content = weights[tensor["name"]].numpy().tobytes()
            place = storages[tensor["storage"]].get("at")
            assert place == (data.index(content) if data.index(content) + len(content) <= end else None), percent


def test_the_list_of_allowed_globals_is_torchs_own(examine):
    assert set(examine.page.evaluate("() => [...doctor.allowedGlobals]")) == set(_get_allowed_globals())
    verdicts = {
        name: examine.page.evaluate("name => doctor.judge(name).verdict", f"{name}.x") for name in _blocklisted_modules
    }
    assert set(verdicts.values()) == {"blocked"}


def test_nothing_is_said_of_a_path_but_the_name_of_the_file(examine, tmp_path):
    torch.save({"a": torch.ones(1)}, tmp_path / "x.pt")
    assert str(tmp_path) not in json.dumps(examine(tmp_path / "x.pt"))
    assert Path(tmp_path / "x.pt").name == examine(tmp_path / "x.pt")["name"]
