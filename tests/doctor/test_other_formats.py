"""Files of other programs and formats: the lines that the doctor writes read what is in them."""

import contextlib
import io
import pickle
import shlex
import subprocess
from pathlib import Path

import gguf
import h5py
import numpy as np
import onnx
import pytest
import torch
from examining import PACKED, examine, run, tell
from torch import nn

__all__ = ["examine", "tell"]
WEIGHTS = {"layer.weight": np.arange(64, dtype=np.float32).reshape(2, 32), "layer.bias": np.ones(2, np.float32)}


def save_gguf(name):
    writer = gguf.GGUFWriter(name, "llama")
    for key, array in WEIGHTS.items():
        writer.add_tensor(key, array)
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
        write()
    writer.close()


def save_hdf5(name):
    with h5py.File(name, "w") as groups:
        for key, array in WEIGHTS.items():
            groups[key.replace(".", "/")] = array


def save_onnx(name, **options):
    tensors = [onnx.numpy_helper.from_array(array, key) for key, array in WEIGHTS.items()]
    node = onnx.helper.make_node("Identity", ["layer.bias"], ["y"])
    output = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [2])
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([node], "g", [], [output], tensors), **options), name)


def save_npz(name):
    np.savez(name, **WEIGHTS)


def save_npy(name):
    np.save(name, WEIGHTS["layer.weight"])


def save_arrays(name):
    Path(name).write_bytes(pickle.dumps(WEIGHTS))


def linear():
    layer = nn.Linear(32, 2)
    layer.load_state_dict({key.removeprefix("layer."): torch.from_numpy(array) for key, array in WEIGHTS.items()})
    return nn.ModuleDict({"layer": layer})


def save_script(name):
    torch.jit.script(nn.Sequential(linear()["layer"])).save(name)


def save_program(name):
    torch.export.save(torch.export.export(nn.Sequential(linear()["layer"]), (torch.ones(1, 32),)), name)


def arrays(values):
    """The weights by their keys, however the format writes these."""
    return {
        key.replace("0.", "layer."): np.asarray(value.detach() if isinstance(value, torch.Tensor) else value)
        for key, value in values.items()
    }


#: File: how it is made, what the doctor calls it, and the variable with the weights or None where the lines print.
FORMATS = {
    "x.gguf": (save_gguf, "A GGUF file, the format of llama.cpp", None),
    "x.h5": (save_hdf5, "An HDF5 file, as Keras writes", None),
    "x.onnx": (lambda name: save_onnx(name, producer_name="pytorch"), "An ONNX model", "state_dict"),
    "plain.onnx": (save_onnx, "An ONNX model", "state_dict"),
    "x.npz": (save_npz, "NumPy arrays (.npz)", "state_dict"),
    "x.npy": (save_npy, "A NumPy array (.npy)", "tensor"),
    "x.pkl": (save_arrays, "A pickle that is not torch.save’s, with NumPy arrays", "value"),
    "x.pt": (save_script, "A TorchScript archive: a model with its code", "state_dict"),
    "x.pt2": (save_program, "A torch.export program (.pt2)", "state_dict"),
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("how", ["plain", *PACKED])
@pytest.mark.filterwarnings("ignore")
def test_a_file_of_another_format_is_read(tell, name, how):
    make, title, variable = FORMATS[name]
    make(name)
    packed = PACKED[how](name) if how != "plain" else name
    [found] = [finding for told, finding in tell(packed).items() if told.startswith(title)]
    if name == "x.gguf" and how != "plain":
        assert found["language"] == "shell" and "drop the file here" in found["text"]
        return  # the shell's lines are executed below
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        names = run(found)
    if variable == "tensor":
        assert np.array_equal(names[variable], WEIGHTS["layer.weight"])
    elif variable:
        read = arrays(names[variable])
        assert read.keys() == WEIGHTS.keys()
        assert all(np.array_equal(read[key], array) for key, array in WEIGHTS.items())
    else:
        assert all(key in printed.getvalue().replace("/", ".") for key in WEIGHTS)


def save_noise(name):
    Path(name).write_bytes(bytes(range(200, 256)) * 20)


def save_text(name):
    Path(name).write_text("no weights\n" * 1000)


@pytest.mark.parametrize("name", ["model of 'mine'", "$(touch executed);`x`"])
@pytest.mark.parametrize(
    ("make", "how", "suffix"),
    [
        (save_noise, "gz", ".gz"),
        (save_noise, "gz", ""),
        (save_text, "tar", ".tar"),
        (save_text, "tar.gz", ".tgz"),
        (save_gguf, "gz", ".gz"),
        (save_gguf, "tar.gz", ""),
    ],
)
def test_the_shell_unpacks_it(tell, name, make, how, suffix):
    make(name)
    content = Path(name).read_bytes()
    packed = Path(PACKED[how](name))
    Path(name).unlink()
    renamed = packed.rename(f"{name}{suffix}")
    [found] = tell(renamed).values()
    assert found["language"] == "shell"
    subprocess.run(found["lines"], shell=True, check=True)
    assert content in [path.read_bytes() for path in Path().rglob("*") if path.is_file()]
    assert renamed.exists() and not Path("executed").exists()


@pytest.mark.parametrize("name", ["model of 'mine'", "$(touch executed);`x`"])
def test_git_is_given_the_name_of_the_file(tell, name):
    Path(name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n")
    [found] = tell(name).values()
    _, pull = map(shlex.split, found["lines"].splitlines())
    assert pull == ["git", "lfs", "pull", f"--include={name}"]
