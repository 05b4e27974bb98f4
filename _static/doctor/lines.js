// Lines of Python to paste, made for one file. Names from the file stand in them as Python writes
// texts, and the file is named without its folder.
"use strict";
const doctorLines = (() => {
  const { python } = doctorContents;
  const MOST_TENSORS = 1_000_000;

  const at = (/** @type {(string | number)[]} */ path) => path.map((key) => `[${typeof key === "number" ? key : python(key)}]`).join("");
  const tuple = (/** @type {number[]} */ numbers) => (numbers.length === 1 ? `(${numbers[0]},)` : `(${numbers.join(", ")})`);
  const identifier = /^[\p{L}_][\p{L}\p{N}_]*$/u;

  /** The group of weights that is the model's: the largest one, an average of it last. */
  const weightsOf = (/** @type {Report} */ report) => report.groups.filter((group) => group.role === "weights")
    .sort((a, b) => Number(isAverage(a)) - Number(isAverage(b)) || b.tensors - a.tensors)[0];
  const isAverage = (/** @type {GroupEntry} */ group) => /(^|_)ema(_|$)|swa|average/i.test(group.path.join("."));
  const tensorsOf = (/** @type {Report} */ report, /** @type {GroupEntry} */ group) => report.tensors
    .filter(({ path }) => path.length === group.path.length + 1 && group.path.every((key, i) => path[i] === key));
  const keysOf = (/** @type {Report} */ report, /** @type {GroupEntry} */ group) => tensorsOf(report, group).map(({ path }) => String(path.at(-1)));

  /** What wrappers have put into all keys: the prefix to remove, or the name that is anywhere in them. */
  const wrapperOf = (/** @type {string[]} */ keys, /** @type {boolean} */ lightning) => {
    const names = ["_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"].filter((name) => keys.some((key) => key.split(".").includes(name)));
    const plain = keys.map((key) => key.split(".").filter((part) => !names.includes(part)).join("."));
    const begin = (/** @type {string} */ prefix) => plain.length > 0 && plain.every((key) => key.startsWith(prefix) || key === "n_averaged");
    const prefix = begin("module.") ? "module." : lightning && begin("model.") ? "model." : "";
    return { names, prefix };
  };
  /** The lines that clean the keys of `state_dict`. */
  const cleaning = (/** @type {{names: string[], prefix: string}} */ wrapper) => {
    if (wrapper.names.length) {
      return ["", "", "def plain(key):", `    parts = [part for part in key.split(".") if part not in ${`{${wrapper.names.map(python).join(", ")}}`}]`,
        `    return ".".join(parts)${wrapper.prefix ? `.removeprefix(${python(wrapper.prefix)})` : ""}`, "", "",
        "state_dict = {plain(key): value for key, value in state_dict.items()}"];
    }
    return wrapper.prefix ? [`prefix = ${python(wrapper.prefix)}`, "state_dict = {key.removeprefix(prefix): value for key, value in state_dict.items()}"] : [];
  };

  /** The imports and the list for `safe_globals`, of those names that can be imported. */
  const safeGlobals = (/** @type {GlobalEntry[]} */ globals) => {
    const imports = [], names = [];
    for (const { name, verdict, runs } of globals) {
      if (verdict !== "refused" || runs) continue;
      const parts = name.split("."), first = parts.findIndex((/** @type {string} */ part) => /^[A-Z]/.test(part));
      const cut = first > 0 ? first : parts.length - 1;
      if (!parts.every((/** @type {string} */ part) => identifier.test(part)) || cut < 1 || parts[0] === "__torch__") continue;
      if (parts[0] === "builtins") {
        if (/^(dict|list|tuple|int|float|str|bool|bytes|object|slice|range|frozenset)$/.test(parts[1])) names.push(parts[1]);
        continue;
      }
      if (parts[0] === "__main__") imports.push(`# ${parts.slice(1).join(".")} is a class of the script that saved the file: define or import it`);
      else imports.push(`from ${parts.slice(0, cut).join(".")} import ${parts[cut]}`);
      const short = parts.slice(cut).join(".");
      names.push(name.startsWith("numpy.core.") ? `(${short}, ${python(name)})` : short); // which has moved to numpy._core
    }
    if (names.includes("dtype")) { // and the class of each dtype, which the file does not name
      imports.push("from numpy import dtypes");
      names.push("*(getattr(dtypes, name) for name in dtypes.__all__)");
    }
    return { imports: [...new Set(imports)].slice(0, 50), names: [...new Set(names)].slice(0, 50) };
  };

  /** What functions take that read the file, its name or `file`, and the imports and the lines that unpack this. */
  const access = (/** @type {Report} */ report) => {
    let name = python(report.file);
    const modules = new Set(), before = [];
    for (const [i, { how, member, damaged }] of report.packed.entries()) {
      if (how === "gzip" && !damaged && report.packed[i + 1]?.how === "tar") continue; // tarfile unpacks that itself
      const first = name !== "file";
      if (how === "tar") before.push(`with tarfile.open(${first ? "" : "fileobj="}${name}) as archive:`, `    file = io.BytesIO(archive.extractfile(${python(member ?? "")}).read())`);
      else if (damaged) before.push(`with ${first ? `open(${name}, "rb")` : name} as packed:`, "    file = io.BytesIO(zlib.decompressobj(31).decompress(packed.read()))  # what there is");
      else before.push(`with gzip.open(${name}) as packed:`, "    file = io.BytesIO(packed.read())");
      modules.add("io").add(how === "tar" ? "tarfile" : damaged ? "zlib" : "gzip");
      name = "file";
    }
    return { name, imports: [...modules].sort().map((module) => `import ${module}`), before, packed: before.length > 0 };
  };
  /** Lines that read the file: those of Python's own modules stand first, then a blank line, then the others. */
  const program = (/** @type {Report} */ report, /** @type {string[]} */ own, /** @type {string[]} */ others, /** @type {(name: string) => string[]} */ body) => {
    const { name, imports, before } = access(report), first = [...own, ...imports].sort();
    return [...first, ...first.length ? [""] : [], ...others, ...others.length ? [""] : [], ...before, ...body(name)];
  };
  /** The `with` of a binary file. */
  const opened = (/** @type {Report} */ report) => (report.packed.length ? "with file:" : `with open(${python(report.file)}, "rb") as file:`);

  /** Open the file as `checkpoint`. */
  const opening = (/** @type {Report} */ report) => {
    const file = python(report.file), torch = (/** @type {string[]} */ imports, /** @type {(name: string) => string[]} */ body) => program(report, [], ["import torch", ...imports], body);
    if (report.kind === "safetensors") return report.packed.length
      ? program(report, [], ["from safetensors.torch import load"], (name) => [`checkpoint = load(${name}.read())`])
      : program(report, [], ["from safetensors.torch import load_file"], (name) => [`checkpoint = load_file(${name})`]);
    if (report.kind === "safetensors-index" || report.kind === "torch-index") {
      const safe = report.kind === "safetensors-index";
      return ["import json", "", safe ? "from safetensors.torch import load_file" : "import torch", "", `with open(${file}) as index:`, '    parts = sorted(set(json.load(index)["weight_map"].values()))',
        "checkpoint = {}", "for part in parts:", safe ? "    checkpoint.update(load_file(part))" : '    checkpoint.update(torch.load(part, map_location="cpu"))'];
    }
    if (report.kind === "dcp") {
      return ["import torch", "from torch.distributed.checkpoint.format_utils import dcp_to_torch_save", "", `dcp_to_torch_save(${python(report.name === ".metadata" ? "." : report.name)}, "whole.pt")`,
        'checkpoint = torch.load("whole.pt", map_location="cpu")'];
    }
    if (report.kind === "pickle") return program(report, ["import pickle"], [], () => ["# only if you trust it: unpickling runs code of the file", opened(report), "    checkpoint = pickle.load(file)"]);
    const { imports, names } = safeGlobals(report.globals);
    const load = (/** @type {string} */ name, unsafe = false) => `checkpoint = torch.load(${name}, map_location="cpu"${unsafe ? ", weights_only=False" : ""})`;
    if (report.kind === "torch-tar") return torch([], (name) => ["# weights_only=True does not read files this old: load it only if you trust it", load(name, true)]);
    if (report.operand >= 0) return torch([], (name) => ["# weights_only=True does not read this protocol of pickle: load it only if you trust it", load(name, true)]);
    if (!names.length) return torch([], (name) => [load(name)]);
    return torch(imports, (name) => ["# only if you trust these classes:", `with torch.serialization.safe_globals([${names.join(", ")}]):`, `    ${load(name)}`]);
  };

  /** Load the file into the reader's `model`, and `optimizer`, `scheduler`, `scaler` where it has their state. */
  const loading = (/** @type {Report} */ report) => {
    const group = weightsOf(report), lines = opening(report);
    if (group) {
      const lightning = report.values.some(({ path }) => path[0] === "pytorch-lightning_version");
      const keys = keysOf(report, group), clean = cleaning(wrapperOf(keys, lightning));
      if (keys.includes("n_averaged") && wrapperOf(keys, lightning).prefix) clean.push('state_dict.pop("n_averaged")');
      if (clean.length) lines.push(`state_dict = checkpoint${at(group.path)}`, ...clean, "model.load_state_dict(state_dict)");
      else lines.push(`model.load_state_dict(checkpoint${at(group.path)})`);
    }
    for (const [role, name] of [["optimizer", "optimizer"], ["scheduler", "scheduler"], ["gradient scaler", "scaler"]]) {
      const states = report.groups.filter((other) => other.role === role);
      if (states.length === 1) lines.push(`${name}.load_state_dict(checkpoint${at(states[0].path)})`);
    }
    const epoch = report.values.find(({ path, text }) => path.length === 1 && path[0] === "epoch" && /^\d+$/.test(text));
    if (epoch) lines.push('epoch = checkpoint["epoch"]');
    return lines.join("\n");
  };

  /** Read tensors by where they are in the file: nothing is unpickled, so classes, code and the rest of the file do not matter. */
  const reading = (/** @type {Report} */ report, /** @type {TensorEntry[]} */ tensors) => {
    const storages = new Map(report.storages.map((storage) => [storage.key, storage]));
    const zipped = !report.truncated && report.kind === "torch-zip";
    const prefix = report.entries.find((name) => /(^|\/)data\.pkl$/.test(name))?.slice(0, -"data.pkl".length) ?? "";
    const rows = tensors.flatMap((tensor) => {
      const storage = tensor.layout === "strided" ? storages.get(tensor.storage ?? "") : undefined;
      const place = storage && (zipped ? python(`data/${storage.key}`) : storage.at);
      return place === undefined ? [] : [`    (${python(tensor.name)}, torch.${tensor.dtype}, ${place}, ${storage?.bytes}, ${tensor.offset}, ${tuple(tensor.shape)}, ${tuple(tensor.stride)}),`];
    }).slice(0, MOST_TENSORS);
    const from = (/** @type {string} */ source) => (zipped
      ? [`with zipfile.ZipFile(${source}) as archive:`, "    for name, dtype, place, size, offset, shape, stride in places:", `        data = bytearray(archive.read(${python(prefix)} + place))`]
      : [opened(report), "    for name, dtype, place, size, offset, shape, stride in places:", "        file.seek(place)", "        data = bytearray(file.read(size))"]);
    return program(report, zipped ? ["import zipfile"] : [], ["import torch"], (source) => ["places = [  # name, dtype, where its storage is, bytes of that, offset, shape, stride", ...rows, "]", "tensors = {}", ...from(source),
      "        storage = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)",
      "        tensors[name] = torch.as_strided(storage, shape, stride, offset).clone()", 'torch.save(tensors, "tensors.pt")']).join("\n");
  };

  return { at, weightsOf, tensorsOf, keysOf, isAverage, wrapperOf, cleaning, safeGlobals, program, opened, opening, loading, reading };
})();
