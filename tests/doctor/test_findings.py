"""What the doctor says of a file, and that the lines it writes load, read or mend that very file."""

import argparse
import gzip
import json
import os
import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed.checkpoint as dcp
from conftest import RECIPES
from examining import FOLDER, PACKED, examine, run, tell
from reading import parse
from safetensors.torch import save_file
from torch import nn
from torch.optim.swa_utils import AveragedModel

__all__ = ["examine", "tell"]


class Net(nn.Module):
    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.encoder = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
        self.head = nn.Linear(4, 2)


class Wrapper(nn.Module):
    def __init__(self, name, inner):
        super().__init__()
        self.add_module(name, inner)


def same(left, right):
    left, right = left.state_dict(), right.state_dict()
    return list(left) == list(right) and all(torch.equal(left[key], right[key]) for key in left)


def save_zip(state):
    torch.save(state, "x.pt")
    return ["x.pt"]


def save_legacy(state):
    torch.save(state, "x.pt", _use_new_zipfile_serialization=False)
    return ["x.pt"]


def save_safetensors(state):
    save_file({key: value.clone() for key, value in state.items()}, "x.safetensors")
    return ["x.safetensors"]


def save_parts(state):
    for key, value in state.items():
        save_file({key: value.clone()}, f"{key}.safetensors")
    index = {"weight_map": {key: f"{key}.safetensors" for key in state}}
    Path("model.safetensors.index.json").write_text(json.dumps(index))
    return ["model.safetensors.index.json", *(f"{key}.safetensors" for key in state)]


def save_torch_parts(state):
    for key, value in state.items():
        torch.save({key: value}, f"{key}.bin")
    Path("pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": {key: f"{key}.bin" for key in state}}))
    return ["pytorch_model.bin.index.json", *(f"{key}.bin" for key in state)]


def save_dcp(state):
    dcp.save(state, checkpoint_id=".")
    return sorted(path for path in os.listdir() if path.endswith((".metadata", ".distcp")))


@pytest.mark.parametrize("save", [save_zip, save_legacy, save_safetensors, save_parts, save_torch_parts, save_dcp])
def test_a_state_dict_is_loaded_from_every_format(tell, save):
    source, model = Net(1), Net(2)
    found = tell(*save(source.state_dict()))
    assert not same(source, model)
    run(found["How to load it"], model=model)
    assert same(source, model)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("how", [True, False, None], ids=["zip", "legacy", "plain"])
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_state_dict_is_loaded_from_every_protocol(tell, protocol, how):
    source, model = Net(1), Net(2)
    if how is None:
        Path("x.pt").write_bytes(pickle.dumps(source.state_dict(), protocol))
    else:
        torch.save(source.state_dict(), "x.pt", pickle_protocol=protocol, _use_new_zipfile_serialization=how)
    found = tell("x.pt")
    if protocol == 0 and how is not None:
        run(found["torch.load cannot read it"])
        model.load_state_dict(torch.load("tensors.pt"))
    else:
        assert ("torch.load refuses it by default" in found) == (protocol not in (2, 3) and how is not None)
        run(found["How to load it"], model=model)
    assert same(source, model)


def save_plain(state):
    Path("x.pkl").write_bytes(pickle.dumps(state, 2))
    return ["x.pkl"]


def save_old_opcodes(state):
    torch.save(state, "x.pt", pickle_protocol=4)
    return ["x.pt"]


def save_with_class(state):
    torch.save({"model": state, "args": argparse.Namespace(lr=1)}, "x.pt")
    return ["x.pt"]


@pytest.mark.parametrize("how", PACKED)
@pytest.mark.parametrize(
    "save", [save_zip, save_legacy, save_safetensors, save_plain, save_old_opcodes, save_with_class]
)
def test_a_compressed_file_is_looked_into_and_loaded(tell, how, save):
    source, model = Net(1), Net(2)
    [name] = save(source.state_dict())
    packed = PACKED[how](name)
    os.remove(name)
    run(tell(packed)["How to load it"], model=model)
    assert same(source, model)


@pytest.mark.parametrize("how", PACKED)
def test_a_compressed_model_is_read_without_its_class(tell, how):
    net = Net(1)
    torch.save(net, "x.pt")
    run(tell(PACKED[how]("x.pt"))[f"A whole model was pickled, an object of {__name__}.Net"])
    model = Net(2)
    model.load_state_dict(torch.load("tensors.pt"))
    assert same(net, model)


@pytest.mark.parametrize("save", [save_zip, save_legacy, save_safetensors])
def test_what_is_whole_of_a_cut_gzip_file_is_read(tell, save):
    torch.manual_seed(0)
    state = {f"layer{i}.weight": torch.randn(30, 40) for i in range(25)}
    [name] = save(state)
    data = gzip.compress(Path(name).read_bytes())
    Path("cut.gz").write_bytes(data[: len(data) // 2])
    finding = tell("cut.gz")["The end of the file is missing"]
    run(finding)
    saved = torch.load("tensors.pt")
    assert 8 < len(saved) < 17 and all(torch.equal(value, state[key]) for key, value in saved.items())
    assert f"{len(saved)} of 25 tensors are whole" in finding["text"] and "%" not in finding["text"]
    Path("cut.gz").write_bytes(data[:-4])  # all data and no more
    if save is not save_legacy:
        model = nn.Module()
        model.load_state_dict = lambda loaded: None
        found = tell("cut.gz")
        assert "The gzip file ends too early, or its checksum does not fit." in found
        names = run(found["How to load it"], model=model)
        assert all(torch.equal(names["checkpoint"][key], state[key]) for key in state)


def test_a_distributed_checkpoint_is_loaded_from_its_folder(tell):
    source, model = Net(1), Net(2)
    dcp.save({"model": source.state_dict()}, checkpoint_id="step 1")
    run(tell("step 1")["How to load it"], model=model)
    assert same(source, model)


@pytest.mark.parametrize("value", [[torch.ones(2), torch.ones(1)], {"a": 1}], ids=["tensors", "none"])
def test_a_file_without_weights_is_read(tell, value):
    torch.save(value, "x.pt")
    assert len(run(tell("x.pt")["How to read it"])["checkpoint"]) == len(value)


def test_the_state_of_an_optimizer_is_loaded(tell):
    source, mine = (torch.optim.SGD(Net(1).parameters(), rate, momentum=0.9) for rate in (0.1, 0.2))
    torch.save({"optimizer": source.state_dict()}, "x.pt")
    run(tell("x.pt")["How to load it"], optimizer=mine)
    assert mine.state_dict() == source.state_dict()


def test_a_training_checkpoint_is_loaded_with_all_its_states(tell):
    def make(seed):
        model = Net(seed)
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.1 * seed)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2)
        model.head(model.encoder(torch.ones(2, 3))).sum().backward()
        for _ in range(seed):
            optimizer.step()
            scheduler.step()
        return {
            "model": model,
            "optimizer": optimizer,
            "scheduler": scheduler,
            "scaler": torch.amp.GradScaler("cpu", init_scale=2.0**seed),
        }

    source, mine = make(3), make(1)
    torch.save({"epoch": 3, **{f"{name}_state": part.state_dict() for name, part in source.items()}}, "x.pt")
    found = tell("x.pt")["How to load it"]
    assert found["recipe"] == "recipes/saving_and_loading_a_general_checkpoint"
    assert run(found, **mine)["epoch"] == 3
    assert same(source["model"], mine["model"])
    for name in ("optimizer", "scheduler", "scaler"):
        assert str(mine[name].state_dict()) == str(source[name].state_dict()), name


def partly(net):
    net.encoder = torch.compile(net.encoder, backend="eager")
    return net


WRAPPED = {
    "module.": nn.DataParallel,
    "_orig_mod": lambda net: torch.compile(net, backend="eager"),
    "_orig_mod and module.": lambda net: torch.compile(nn.DataParallel(net), backend="eager"),
    "module. and _orig_mod": lambda net: nn.DataParallel(torch.compile(net, backend="eager")),
    "partly": partly,
    "average": AveragedModel,
    "_fsdp_wrapped_module": lambda net: Wrapper("_fsdp_wrapped_module", net),
    "_checkpoint_wrapped_module": lambda net: Wrapper("_checkpoint_wrapped_module", net),
}


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("how", WRAPPED)
def test_prefixes_of_wrappers_are_removed(tell, how, nested):
    source, model = Net(1), Net(2)
    state = WRAPPED[how](source).state_dict()
    torch.save({"state_dict": state, "epoch": 1} if nested else state, "x.pt")
    found = tell("x.pt")
    assert any(finding["recipe"] == "troubleshooting/removing_wrapper_prefixes" for finding in found.values())
    run(found["How to load it"], model=model)
    assert list(model.state_dict()) == list(Net(2).state_dict())
    assert torch.equal(model.head.weight, Net(1).head.weight)


def test_the_attribute_of_a_lightning_module_is_removed_and_no_other(tell):
    source = Net(1)
    state = Wrapper("model", source).state_dict()
    torch.save({"pytorch-lightning_version": "2.4.0", "state_dict": state}, "x.pt")
    found, model = tell("x.pt"), Net(2)
    assert "A checkpoint of Lightning" in found
    run(found["How to load it"], model=model)
    assert same(source, model)
    torch.save(state, "x.pt")
    model = Wrapper("model", Net(2))
    run(tell("x.pt")["How to load it"], model=model)
    assert same(source, model.model)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (argparse.Namespace(lr=0.1), "argparse.Namespace"),
        (np.float64(0.25), "multiarray.scalar"),
        (Path("x"), "pathlib"),
        ({"nested": [argparse.Namespace(path=np.arange(3))]}, "numpy"),
    ],
    ids=str,
)
def test_what_weights_only_refuses_is_named_and_allowed(tell, value, name):
    torch.save({"model": Net(1).state_dict(), "extra": value}, "x.pt")
    with pytest.raises(pickle.UnpicklingError) as error:
        torch.load("x.pt")
    found, model = tell("x.pt"), Net(2)
    said = re.search(r"“(Unsupported global: GLOBAL [\w.]+)", found["torch.load refuses it by default"]["text"])[1]
    assert name in found["torch.load refuses it by default"]["text"]
    assert said.split(".")[0] in str(error.value)
    run(found["How to load it"], model=model)
    assert same(Net(1), model)


def test_a_whole_model_is_read_without_its_class(tell):
    net = Net(1)
    torch.save(net, "x.pt")
    [finding] = tell("x.pt").values()
    assert finding["title"] == f"A whole model was pickled, an object of {__name__}.Net"
    run(finding)
    model = Net(2)
    model.load_state_dict(torch.load("tensors.pt"))
    assert same(net, model)


class Bomb:
    def __reduce__(self):
        return os.system, ("touch executed",)


def test_code_in_a_pickle_is_named_and_not_executed(tell):
    torch.save({"model": Net(1).state_dict(), "bomb": Bomb()}, "x.pt")
    found = tell("x.pt")
    finding = found["Loading it without weights_only=True would run code"]
    assert finding["level"] == "danger" and "posix.system" in finding["text"]
    assert "How to load it" not in found and not Path("executed").exists()


def test_storages_that_views_keep_are_left_out(tell):
    big = torch.randn(1000, 100)
    torch.save({"state": {"row": big[3], "turned": torch.ones(4, 5).T}, "epoch": 1}, "x.pt")
    finding = next(f for title, f in tell("x.pt").items() if re.match(r"9\d % of it is data", title))
    run(finding)
    saved = torch.load("small.pt")
    assert saved["epoch"] == 1 and torch.equal(saved["state"]["row"], big[3])
    assert os.path.getsize("small.pt") < 5000 < os.path.getsize("x.pt")
    torch.save({"row": big[3]}, "x.pt")
    run(next(finding for title, finding in tell("x.pt").items() if "is data that no tensor shows" in title))
    assert torch.equal(torch.load("small.pt")["row"], big[3]) and os.path.getsize("small.pt") < 5000


@pytest.mark.parametrize("save", [save_zip, save_legacy, save_safetensors])
@pytest.mark.parametrize("percent", range(3, 100, 16))
def test_what_is_whole_of_a_cut_file_is_read(tell, save, percent):
    torch.manual_seed(0)
    state = {f"layer{i}.weight": torch.randn(30, 20 + i) for i in range(25)}
    if save is not save_safetensors:
        state["view"] = state["layer3.weight"].T[2:9:3]
        state["half"] = torch.randn(5).bfloat16()
    [name] = save(state)
    data = Path(name).read_bytes()
    Path(name).write_bytes(data[: len(data) * percent // 100])
    finding = tell(name)["The end of the file is missing"]
    if "lines" not in finding:
        assert percent < 10 and "none of them is whole" in finding["text"]
        return
    run(finding)
    saved = torch.load("tensors.pt")
    assert f" {len(saved)} of {len(state)} tensors are whole" in finding["text"]
    assert all(torch.equal(value, state[key]) for key, value in saved.items())
    assert abs(len(saved) / len(state) * 100 - percent) < 15


def rename_device(path, device):
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            new = b"X" + len(device).to_bytes(4, "little") + device
            archive.writestr(name, data.replace(b"X\x03\x00\x00\x00cpu", new) if name.endswith("data.pkl") else data)


def test_a_file_of_a_gpu_is_loaded_without_one(tell):
    torch.save(Net(1).state_dict(), "x.pt")
    rename_device("x.pt", b"cuda:3")
    with pytest.raises(RuntimeError, match="CUDA"):
        torch.load("x.pt")
    found, model = tell("x.pt"), Net(2)
    assert "map_location" in found["Saved on cuda:3"]["text"]
    run(found["How to load it"], model=model)
    assert same(Net(1), model)


def test_sizes_keep_their_zeros(examine):
    sizes = {0: "0 bytes", 1: "1 byte", 999: "999 bytes", 1000: "1 kB", 1500: "1.5 kB", 100_000: "100 kB"}
    sizes |= {123_456_789: "123 MB", 500_000_000: "500 MB", 20_000_000_000: "20 GB"}
    assert {size: examine.page.evaluate("doctor.bytes", size) for size in sizes} == sizes


def test_notes_about_keys_and_tensors(tell):
    tied = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 5, bias=False)).half()
    tied[1].weight = tied[0].weight
    torch.save(tied.state_dict(), "x.pt")
    assert {"Tied weights", "Half precision, float16"} <= set(tell("x.pt"))
    keys = {
        "An adapter (LoRA)": "q.lora_A.weight",
        "Weights are stored as their parts": "c.weight_g",
        "Keys of old names": "n.gamma",
        "Quantized weights": "l.qweight",
    }
    for title, key in keys.items():
        torch.save({key: torch.ones(3), "plain.weight": torch.ones(3)}, "x.pt")
        assert title in tell("x.pt"), title
        torch.save({"plain.weight": torch.ones(3)}, "x.pt")
        assert set(tell("x.pt")) == {"How to load it"}
    torch.save({"ema": Net(1).state_dict(), "model": Net(2).state_dict()}, "x.pt")
    assert "It has an average of the weights too" in tell("x.pt")
    torch.save({"a": torch.empty(3, device="meta")}, "x.pt")
    assert "Tensors without data" in tell("x.pt")


def test_each_recipe_that_a_finding_names_is_linked_on_the_page(site):
    sections = "|".join({name.split("/")[0] for name in RECIPES})
    named = {name for path in FOLDER.glob("*.js") for name in re.findall(rf'"((?:{sections})/\w+)"', path.read_text())}
    links = {a["href"].split("#")[0] for a in parse(site / "doctor.html").select("#what-it-looks-for li a")}
    assert named and {f"recipes/{name}.html" for name in named} & {f"recipes/{name}.html" for name in RECIPES} <= links
    assert links <= {f"recipes/{name}.html" for name in named}
    assert all((site / link).exists() for link in links)
