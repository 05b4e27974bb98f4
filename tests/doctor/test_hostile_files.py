"""Files made to harm: the doctor answers soon, in little memory, and says something."""

import base64
import gzip
import io
import os
import pickle
import random
import shutil
import struct
import tarfile
import zipfile

import pytest
import torch
from examining import examine
from safetensors.torch import save
from torch import nn

__all__ = ["examine"]
DEEP = 300_000
FACTOR = int(os.environ.get("FUZZ") or 1)
#: With ``FUZZ=100`` there are 100 of them, others in every run.
SEEDS = [7] if FACTOR == 1 else [random.randrange(2**31) for _ in range(FACTOR)]
#: Each is a pickle that would call, build or hold something terrible.
PICKLES = {
    "calls os.system": b"cos\nsystem\n(S'touch executed'\ntR.",
    "calls it by STACK_GLOBAL": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0etouch executed\x85R.",
    "calls it by INST": b"(S'touch executed'\nios\nsystem\n.",
    "calls it by OBJ": b"(cos\nsystem\nS'touch executed'\no.",
    "builds": b"\x80\x02cos\nsystem\n)\x81}X\x01\x00\x00\x00aK\x01sb.",
    "contains itself": b"\x80\x02]q\x00h\x00a.",
    "a dictionary in itself": b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s.",
    "an object in itself": b"\x80\x02cx\ny\n)\x81q\x00h\x00b.",
    "doubles 60 times": b"\x80\x02]q\x00"
    + b"".join(b"]q" + bytes([i]) + b"(h" + bytes([i - 1]) * 1 + b"h" + bytes([i - 1]) + b"e" for i in range(1, 61))
    + b".",
    "nested tuples": b"\x80\x02)" + b"\x85" * DEEP + b".",
    "nested lists": b"\x80\x02" + b"]" * DEEP + b"a" * (DEEP - 1) + b".",
    "nested sizes": b"\x80\x02" + b"ctorch\nSize\n" * 20_000 + b")" + b"\x85R" * 20_000 + b".",
    "nested parameters": b"\x80\x02"
    + b"ctorch._utils\n_rebuild_parameter\n" * 20_000
    + b"N"
    + b"\x85R" * 20_000
    + b".",
    "marks": b"\x80\x02" + b"(" * 2_000_000 + b".",
    "appends to nothing": b"\x80\x02e.",
    "pops too much": b"\x80\x020000.",
    "a number of digits": b"\x80\x02I" + b"9" * 300_000 + b"\n.",
    "a text beyond the end": b"\x80\x02X\xff\xff\xff\x7fabc.",
    "bytes of 2**63": b"\x80\x04\x8e" + b"\xff" * 8 + b".",
    "a long of 2**32": b"\x80\x02\x8b\xff\xff\xff\xff.",
    "a memo of no object": b"\x80\x02h\x07.",
    "a shape of infinity": b"\x80\x02ctorch._utils\n_rebuild_meta_tensor_no_storage\n(ctorch\nfloat32\n("
    + b"J\xff\xff\xff\x7f" * 200
    + b"t)\x89tR.",
    "no opcode": b"\x80\x02\xff\xff\xff.",
    "no end": b"\x80\x02" + b"N0" * 1000,
}


@pytest.mark.parametrize("name", PICKLES)
@pytest.mark.parametrize("how", ["pickle", "zip", "legacy"])
def test_a_hostile_pickle_is_answered(examine, tmp_path, name, how):
    data = PICKLES[name]
    if how == "legacy":
        data = b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {})) + data
    elif how == "zip":
        data = zipped({"x/data.pkl": data, "x/version": b"3\n"})
    (tmp_path / "x.pt").write_bytes(data)
    found = examine(tmp_path / "x.pt", code="({ ...report, findings: doctor.findings(report) })")
    assert found["title"] and found["findings"] and found["ms"] < 5000
    if "calls" in name:
        assert "system" in found["findings"][0]["text"] and found["findings"][0]["level"] == "danger"
        assert not (tmp_path / "executed").exists()
    if name == "doubles 60 times" and how == "pickle":
        assert not found["complete"]


def zipped(entries, method=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return file.getvalue()


def test_a_bomb_is_not_unpacked(examine, tmp_path):
    bomb = zipped({"x/data.pkl": bytes(300 << 20)}, zipfile.ZIP_DEFLATED)
    (tmp_path / "x.pt").write_bytes(bomb)
    report = examine(tmp_path / "x.pt")
    assert "more than 256 MB" in report["problems"][0] and report["read"] < 10_000
    # one that says to be small
    place = bomb.rindex(struct.pack("<I", 300 << 20))
    (tmp_path / "x.pt").write_bytes(bomb[:place] + struct.pack("<I", 1000) + bomb[place + 4 :])
    assert "more than it says" in examine(tmp_path / "x.pt")["problems"][0]


def test_a_bomb_of_gzip_is_unpacked_a_little(examine, tmp_path):
    bomb = tmp_path / "x.pt.gz"
    with gzip.open(bomb, "wb") as file:
        for _ in range(20):
            file.write(bytes(100 << 20))
    report = examine(bomb)
    assert report["title"] == "A file that begins with nothing but zeros, compressed with gzip"
    assert report["read"] < 200_000 < bomb.stat().st_size and report["ms"] < 10_000
    layers = bomb.read_bytes()
    for _ in range(5):
        layers = gzip.compress(layers)
    bomb.write_bytes(layers)
    assert "gzip" in examine(bomb)["title"]
    inner = b""
    for _ in range(2000):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            entry = tarfile.TarInfo("x")
            entry.size = len(inner)
            archive.addfile(entry, io.BytesIO(inner))
        inner = file.getvalue()[: 512 + len(inner)]
    (tmp_path / "x.tar").write_bytes(inner)
    assert examine(tmp_path / "x.tar")["kind"] == "tar"


def test_a_gzip_file_is_read_in_part_and_can_be_canceled(examine, tmp_path):
    torch.save({f"layer{i}": torch.randn(2_500_000) for i in range(8)}, tmp_path / "x.pt")
    with open(tmp_path / "x.pt", "rb") as file, gzip.open(tmp_path / "x.pt.gz", "wb", compresslevel=1) as packed:
        shutil.copyfileobj(file, packed)
    report = examine(tmp_path / "x.pt.gz")
    assert (report["title"], report["problems"]) == ("A torch.save file, compressed with gzip", [])
    assert [tensor["shape"] for tensor in report["tensors"]] == [[2_500_000]] * 8
    assert report["read"] < report["size"] and ["unpacked here", "the first 64 MB"] in report["metadata"]
    stop = "const meter = new doctor.Meter(() => { meter.canceled = true; });"
    files = "[...document.querySelector('input').files]"
    code = f"async () => {{ {stop} try {{ await doctor.examine({files}, meter); }} catch (error) {{ return [error instanceof doctor.Canceled, meter.read]; }} }}"
    canceled, read = examine.page.evaluate(code)
    assert canceled and read < report["size"] / 2


def test_a_million_keys_and_many_steps_are_answered(examine, tmp_path):
    tensor = torch.ones(1)
    torch.save({f"layer.{i}.weight": tensor for i in range(1_000_000)}, tmp_path / "x.pt")
    told = "[doctor.findings(report), doctor.asText(report, []), doctor.compare(report, doctor.expected('other', []))]"
    count, ms = examine(tmp_path / "x.pt", code=f"({told}, [report.tensors.length, report.ms])")
    assert count == 1_000_000 and ms < 60_000
    (tmp_path / "x.pkl").write_bytes(b"\x80\x02" + b"N0" * 30_000_000 + b".")
    report = examine(tmp_path / "x.pkl")
    assert "50 million" in report["problems"][0] and report["ms"] < 30_000


def samples():
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    state = {
        "model": net.state_dict(),
        "epoch": 3,
        "sparse": torch.eye(3).to_sparse(),
        "optimizer": torch.optim.Adam(net.parameters()).state_dict(),
    }
    new, old, whole, text = (io.BytesIO() for _ in range(4))
    torch.save(state, new)
    torch.save(state, old, _use_new_zipfile_serialization=False)
    torch.save(net, whole, pickle_protocol=4)
    torch.save(state, text, pickle_protocol=0, _use_new_zipfile_serialization=False)
    return {
        "zip": new,
        "legacy": old,
        "module": whole,
        "protocol 0": text,
        "plain": io.BytesIO(pickle.dumps(state, 0)),
        "safetensors": io.BytesIO(save(net.state_dict())),
        "gzip": io.BytesIO(gzip.compress(old.getvalue())),
        "deflated": io.BytesIO(zipped({"x/data.pkl": pickle.dumps({"a": [1]}, 2)}, zipfile.ZIP_DEFLATED)),
    }


#: Damage a file some times, and say what was thrown and how long the longest took.
FUZZ = """async ([data, count, seed]) => {
    let state = seed;
    const random = (n) => { state = (Math.imul(state, 1103515245) + 12345) >>> 0; return Math.floor((state / 2 ** 32) * n); };
    const whole = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0)), thrown = [], titles = new Set();
    let longest = 0;
    for (let i = 0; i < count; i += 1) {
        let bytes = whole.slice();
        const way = random(4);
        if (way === 0) for (let n = random(8); n >= 0; n -= 1) bytes[random(bytes.length)] = random(256);
        if (way === 1) bytes = bytes.slice(0, random(bytes.length));
        if (way === 2) { const at = random(bytes.length), from = random(bytes.length); bytes.copyWithin(at, from, from + random(200)); }
        if (way === 3) { const at = random(bytes.length - 8); bytes.fill(255, at, at + 1 + random(8)); }
        const begun = performance.now();
        try {
            const report = await doctor.examine([new File([bytes], "x.pt")]);
            const findings = doctor.findings(report);
            doctor.asMarkdown(report, findings);
            doctor.asText(report, findings);
            doctor.compare(report, doctor.expectedOf(report));
            titles.add(report.title);
            if (!report.title || !findings.length && report.tensors.length) thrown.push(`nothing was said: ${report.kind}`);
        } catch (error) {
            thrown.push(String(error.stack));
        }
        longest = Math.max(longest, performance.now() - begun);
    }
    return { thrown, longest, titles: [...titles] };
}"""


@pytest.mark.parametrize("kind", samples())
def test_damaged_bytes_are_answered(examine, kind):
    data = base64.b64encode(samples()[kind].getvalue()).decode()
    for seed in SEEDS:
        found = examine.page.evaluate(FUZZ, [data, 200, seed])
        assert found["thrown"] == [] and found["longest"] < 3000
        assert len(found["titles"]) > 1


#: Opcodes with arguments of a right length, in any order.
OPCODES = """async ([count, seed]) => {
    let state = seed;
    const random = (n) => { state = (Math.imul(state, 1103515245) + 12345) >>> 0; return Math.floor((state / 2 ** 32) * n); };
    const letters = (text) => [...text].map((letter) => letter.charCodeAt(0));
    const parts = ["(", ".", "0", "1", "2", "N", "\\x88", "]", ")", "}", "\\x8f", "l", "t", "\\x91", "d", "\\x85", "\\x86", "\\x87", "a", "e", "\\x90", "s", "u", "R", "\\x81", "\\x92", "o", "b", "Q", "\\x94", "\\x93", "\\x97", "\\x98",
        "h\\0", "q\\0", "h\\x01", "q\\x01", "I7\\n", "Vabc\\n", "X\\x01\\0\\0\\0a", "ctorch\\nSize\\n", "ctorch._utils\\n_rebuild_tensor_v2\\n", "ctorch._utils\\n_rebuild_sparse_tensor\\n", "ccollections\\nOrderedDict\\n", "cos\\nsystem\\n", "ios\\nsystem\\n",
        "U\\x07storage", "K\\x05", "G\\0\\0\\0\\0\\0\\0\\0\\0"];
    const thrown = [];
    for (let i = 0; i < count; i += 1) {
        const bytes = [0x80, 2];
        for (let n = random(60) + 3; n > 0; n -= 1) bytes.push(...letters(parts[random(parts.length)]));
        try {
            const report = await doctor.examine([new File([new Uint8Array([...bytes, 0x2e])], "x.pkl")]);
            doctor.asText(report, doctor.findings(report));
        } catch (error) {
            thrown.push(String(error.stack));
        }
    }
    return thrown;
}"""


def test_opcodes_in_any_order_are_answered(examine):
    for seed in SEEDS:
        assert examine.page.evaluate(OPCODES, [3000, seed]) == []
