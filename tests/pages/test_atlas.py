"""torch's own messages of saving, loading and resuming: each is explained, or ``atlas.toml`` says why not."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import torch
from conftest import ROOT

PACKAGE = Path(torch.__file__).parent
#: Where the messages are from, besides the reader of archives, which is C++.
FILES = [
    "serialization.py",
    "_weights_only_unpickler.py",
    "nn/modules/module.py",
    "optim/optimizer.py",
    "optim/lr_scheduler.py",
    "amp/grad_scaler.py",
    *sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.glob("distributed/checkpoint/*.py")),
]
#: Messages that torch's C++ code puts together: a part of each that is in its libraries, and the whole.
READER = {
    "PytorchStreamReader failed ": "PytorchStreamReader failed reading zip archive: failed finding central directory",
    "invalid header or archive is corrupted": "PytorchStreamReader failed reading zip archive: invalid header or archive is corrupted",
    "decompression failed or archive is corrupted": "PytorchStreamReader failed reading file data/0: decompression failed or archive is corrupted",
    "CRC-32 check failed": "PytorchStreamReader failed reading file data/0: CRC-32 check failed",
    "file in archive is not in a subdirectory ": "file in archive is not in a subdirectory model/: data.pkl",
    "PytorchStreamWriter failed ": "PytorchStreamWriter failed writing file data/0: file write failed",
    "unexpected pos ": "unexpected pos 960 vs 854",
    "unexpected EOF, expected ": "unexpected EOF, expected 4096 more bytes. The file might be corrupted.",
    "write(): fd ": "write(): fd 29 failed with No space left on device",
    ", but the maximum supported version for reading is ": "Attempted to read a PyTorch file with version 12, but the maximum supported version for reading is 10.",
    "Parent directory ": "Parent directory checkpoints does not exist.",
    "Storage tensor size did not match record size": "Storage tensor size did not match record size",
}
DATA = ROOT / "tests/pages/atlas.toml"


def template(node):
    """Return the text of a message in the code, with ``{}`` for what is put in, and ``{size}`` for a shape."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(map(template, node.values))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return template(node.left) + template(node.right)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return re.sub("%[sdr]", "{}", template(node.left))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        return template(node.func.value)
    return "{size}" if re.search(r"\b(?:shape|size|size\(\))$", ast.unparse(node).strip("{}f'")) else "{}"


def filled(text):
    """Return a message with values as torch puts them in."""
    return text.replace("{size}", "torch.Size([2, 3])").replace("{}", "x")


def messages_of(text):
    """Return the messages that a module raises, warns of, or collects to raise them, in its order."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            argument = node.exc.args[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("warnings.warn", "_warn") and node.args:
            argument = node.args[0]
        elif isinstance(node, ast.Call) and re.search(r"error_msgs\.(append|insert)$", ast.unparse(node.func)):
            argument = node.args[-1]
        else:
            continue
        message = " ".join(template(argument).split())
        if len(re.findall("[A-Za-z]", message)) > 8:  # another's message, put in
            found.append((node.lineno, message))
    return list(dict.fromkeys(message for _, message in sorted(found)))


@pytest.fixture(scope="module")
def atlas():
    """The messages of each file of torch."""
    return {name: messages_of((PACKAGE / name).read_text(encoding="utf-8")) for name in FILES} | {
        "lib": list(READER.values())
    }


def test_the_messages_of_a_module_are_read():
    code = """
raise ValueError(f"the size {n} of " "a tensor")
raise KeyError("no such entry: {}".format(x))
warnings.warn("this is deprecated, use %s" % name)
error_msgs.insert(0, "Missing key(s) in state_dict: {}".format(keys))
raise error
warnings.warn(f"the shape {param.shape} of {name}, not {md.size()}")
print("no message at all")
"""
    assert messages_of(code) == [
        "the size {} of a tensor",
        "no such entry: {}",
        "this is deprecated, use {}",
        "Missing key(s) in state_dict: {}",
        "the shape {size} of {}, not {size}",
    ]


def test_the_messages_of_the_reader_are_in_its_libraries():
    libraries = [(PACKAGE / f"lib/libtorch_{name}.so").read_bytes() for name in ("cpu", "python")]
    assert [part for part in READER if not any(part.encode() in library for library in libraries)] == []


def test_every_message_is_explained_or_has_a_reason(ask, atlas):
    texts = [(name, text) for name, found in atlas.items() for text in found]
    context = "Traceback (most recent call last):\n  File 'torch/serialization.py'\n  File 'torch/optim/adam.py'\n"
    answers = ask(*(f"{context}RuntimeError: {filled(text)}" for _, text in texts))
    open_ones = {text for (_, text), answer in zip(texts, answers, strict=True) if not answer}
    reasons = tomllib.loads(DATA.read_text(encoding="utf-8"))["unexplained"]
    listed = [message for one in reasons for message in one["messages"]]
    assert len(listed) == len(set(listed))
    assert open_ones - set(listed) == set(), "explain these, or say why not in atlas.toml"
    assert set(listed) - open_ones == set(), "these are explained, or torch has them no more"
    assert len(texts) - len(open_ones) >= 70
