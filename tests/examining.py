"""Files for the checkpoint doctor, and what torch itself says is in them."""

import contextlib
import gzip
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
import torch
from conftest import ROOT

#: In the order in which the page loads them.
SCRIPTS = (
    "bytes",
    "zip",
    "gzip",
    "pickled",
    "pickle",
    "globals",
    "contents",
    "formats",
    "lines",
    "findings",
    "model",
    "comparison",
    "consultation",
    "text",
)
FOLDER = ROOT / "_static/doctor"


def tensors_of(value, path=()):
    """Yield ``(path, tensor)`` for each tensor in dictionaries, lists and tuples."""
    if isinstance(value, torch.Tensor):
        yield [key if isinstance(key, str | int) else str(key) for key in path], value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from tensors_of(item, (*path, key))
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from tensors_of(item, (*path, i))


def dtype_of(tensor):
    return str(tensor.dtype).removeprefix("torch.")


def sharing(pairs):
    """Return the sets of names that have the same storage."""
    groups = {}
    for name, storage in pairs:
        groups.setdefault(storage, []).append(name)
    return sorted(group for group in groups.values() if len(group) > 1)


def storage_of(tensor):
    with contextlib.suppress(NotImplementedError, RuntimeError):
        return tensor.untyped_storage()._cdata
    return id(tensor)


def assert_same(report, loaded):
    """The report has the tensors of what torch loaded: paths, shapes, dtypes, strides, shared storages."""
    wanted = list(tensors_of(loaded))
    assert [t["path"] for t in report["tensors"]] == [path for path, _ in wanted]
    for found, (path, tensor) in zip(report["tensors"], wanted, strict=True):
        assert found["dtype"] == dtype_of(tensor), path
        if tensor.is_nested:
            continue
        assert found["shape"] == list(tensor.shape), path
        if tensor.layout == torch.strided and tensor.device.type != "meta":
            assert found["stride"] == list(tensor.stride()), path
            assert found["offset"] == tensor.storage_offset(), path
    strided = [
        (f, p, t)
        for f, (p, t) in zip(report["tensors"], wanted)
        if f["storage"] is not None and t.layout == torch.strided
    ]
    assert sharing((str(p), f["storage"]) for f, p, _ in strided) == sharing(
        (str(p), storage_of(t)) for _, p, t in strided
    )


@pytest.fixture(scope="module")
def examine(browser):
    """Examine a file in Chromium: ``examine(path)`` is the report."""
    context = browser.new_context()
    page = context.new_page()
    page.set_content('<input type="file" multiple><input id="folder" type="file" webkitdirectory>')
    for name in SCRIPTS:
        page.add_script_tag(path=FOLDER / f"{name}.js")
    parts = ", ".join(f"...doctor{name.title()}" for name in SCRIPTS if name != "pickled")
    page.add_script_tag(content=f"const doctor = {{ {parts} }};")

    def examine(*paths, code="report"):
        folder = len(paths) == 1 and os.path.isdir(paths[0])
        name = "#folder" if folder else "input"
        page.locator(name).first.set_input_files(paths[0] if folder else [str(path) for path in paths])
        return page.evaluate(
            f"async () => {{ const report = await doctor.examine([...document.querySelector('{name}').files]); return {code}; }}"
        )

    examine.page = page
    yield examine
    context.close()


@pytest.fixture
def tell(examine, tmp_path, monkeypatch):
    """Ask for the findings about files in the working folder: ``tell("x.pt")`` is ``{title: finding}``."""
    monkeypatch.chdir(tmp_path)

    def tell(*paths):
        found = examine(*paths, code="doctor.findings(report)")
        return {finding["title"]: finding for finding in found}

    return tell


def run(finding, **names):
    """Run the lines of a finding; return the variables."""
    exec(compile(finding["lines"], "doctor", "exec"), names)
    return names


def compress(name):
    Path(f"{name}.gz").write_bytes(gzip.compress(Path(name).read_bytes()))
    return f"{name}.gz"


def archive(name, mode="w"):
    packed = f"all.tar{'.gz' if mode == 'w:gz' else ''}"
    Path("README").write_text("Weights\n")
    with tarfile.open(packed, mode) as file:
        file.add("README", "model/README")
        file.add(name, f"model/{'long' * 40}/{name}")
    return packed


PACKED = {
    "gz": compress,
    "tar": archive,
    "tar.gz": lambda name: archive(name, "w:gz"),
    "gz in tar": lambda name: archive(compress(name)),
}


def unpack(wheel, folder):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
