"""The doctor on files from packages that nobody here wrote: it finds in them what torch finds."""

import subprocess
import sys

import pytest
import torch
from conftest import ROOT
from examining import assert_same, examine, tensors_of, unpack
from safetensors.torch import load_file

__all__ = ["examine"]
#: What is fetched, into a folder that is not committed. Licenses: BSD, MIT, MIT, Apache, BSD, LGPL, MIT.
PACKAGES = {
    "lpips": "0.1.4",
    "DISTS_pytorch": "0.1",
    "facenet-pytorch": "2.6.0",
    "Resemblyzer": "0.1.4",
    "chgnet": "0.4.2",
    "pesto-pitch": "2.0.1",
    "silero-vad": "6.2.3",
}
#: File: package, kind, number of tensors.
FILES = {
    "lpips/weights/v0.0/alex.pth": ("lpips", "torch-legacy", 5),
    "lpips/weights/v0.0/squeeze.pth": ("lpips", "torch-legacy", 7),
    "lpips/weights/v0.0/vgg.pth": ("lpips", "torch-legacy", 5),
    "lpips/weights/v0.1/alex.pth": ("lpips", "torch-legacy", 5),
    "lpips/weights/v0.1/squeeze.pth": ("lpips", "torch-legacy", 7),
    "lpips/weights/v0.1/vgg.pth": ("lpips", "torch-legacy", 5),
    "DISTS_pytorch/weights.pt": ("DISTS_pytorch", "torch-legacy", 2),
    "facenet_pytorch/data/pnet.pt": ("facenet-pytorch", "torch-legacy", 13),
    "facenet_pytorch/data/rnet.pt": ("facenet-pytorch", "torch-legacy", 16),
    "facenet_pytorch/data/onet.pt": ("facenet-pytorch", "torch-legacy", 21),
    "resemblyzer/pretrained.pt": ("Resemblyzer", "torch-legacy", 48),
    "chgnet/pretrained/0.2.0/chgnet_0.2.0_e30f77s348m32.pth.tar": ("chgnet", "torch-zip", 287),
    "chgnet/pretrained/0.3.0/chgnet_0.3.0_e29f68s314m37.pth.tar": ("chgnet", "torch-zip", 517),
    "chgnet/pretrained/r2scan/chgnet_r2scan_transfer_learning_e15f36s161m23.pth.tar": ("chgnet", "torch-zip", 517),
    "pesto/weights/mir-1k.ckpt": ("pesto-pitch", "torch-zip", 16),
    "pesto/weights/mir-1k_g7.ckpt": ("pesto-pitch", "torch-zip", 22),
    "silero_vad/data/silero_vad.jit": ("silero-vad", "torchscript", 32),
    "silero_vad/data/silero_vad_16k.safetensors": ("silero-vad", "safetensors", 15),
    "silero_vad/data/silero_vad.onnx": ("silero-vad", "onnx", 0),
    "silero_vad/data/silero_vad_half.onnx": ("silero-vad", "onnx", 0),
}


@pytest.fixture(scope="module")
def real():
    """Find a file of a package: ``real("lpips/weights/v0.0/alex.pth")``."""
    folder = ROOT / "_build/test/packages"

    def real(name):
        package = FILES[name][0]
        place = folder / f"{package}-{PACKAGES[package]}"
        if not (place / name).exists():
            wheels = folder / "wheels" / package
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
            done = subprocess.run(
                [*command, "-d", wheels, f"{package}=={PACKAGES[package]}"], capture_output=True, text=True
            )
            if done.returncode:
                pytest.skip(f"{package} cannot be downloaded: {done.stderr[-300:]}")
            unpack(next(wheels.glob("*.whl")), place)
        return place / name

    return real


@pytest.mark.parametrize("name", FILES)
def test_the_doctor_finds_what_torch_finds(real, examine, name):
    path, (_, kind, count) = real(name), FILES[name]
    report = examine(path)
    assert (report["kind"], len(report["tensors"]), report["problems"]) == (kind, count, [])
    assert report["read"] < 150_000
    if kind == "safetensors":
        loaded = load_file(path)
        assert_same(report, {tensor["name"]: loaded[tensor["name"]] for tensor in report["tensors"]})
    elif kind == "torchscript":
        loaded = torch.jit.load(path, map_location="cpu").state_dict()
        shapes = {tensor["name"]: (tensor["shape"], tensor["dtype"]) for tensor in report["tensors"]}
        for key, tensor in loaded.items():
            assert shapes[key] == (list(tensor.shape), str(tensor.dtype).removeprefix("torch."))
    elif name.endswith("_g7.ckpt"):  # loads only with omegaconf, which is not here
        refused = {entry["name"] for entry in report["globals"] if entry["verdict"] == "refused"}
        assert "omegaconf.listconfig.ListConfig" in refused
        with pytest.raises(Exception, match="Unsupported global: GLOBAL omegaconf"):
            torch.load(path, weights_only=True)
    elif count:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
        assert len(list(tensors_of(loaded))) == count
        assert_same(report, loaded)
