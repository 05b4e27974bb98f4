// The kinds of file, told by their bytes, and how each is read. `examine` answers with a report,
// plain data for the findings and the page.
"use strict";
const doctorFormats = (() => {
  const { Bytes, Unreadable, Canceled, Meter, int64, viewOf, latin1 } = doctorBytes;
  const { readDirectory, readHeader, openEntry, nextHeader } = doctorZip;
  const { gunzip } = doctorGzip;
  const { ENDS, Pickle } = doctorPickle;
  const { allowedOperands } = doctorGlobals;
  const { Contents, items, numbers, pairsOf, stateOf, product, sizeOf, dtypeOf, storageDtype, globalsOf } = doctorContents;
  const utf8 = new TextDecoder();
  const MOST_JSON = 128 << 20;

  /** @returns {Content} */
  const blank = () => ({ kind: "", title: "", age: "", tensors: [], storages: [], groups: [], values: [], globals: [], metadata: [], problems: [], truncated: false, module: "", complete: true, entries: [], packed: [], operand: -1, textual: false });

  /** @typedef {{root: Value, end: number, pickle: Pickle | null, problem: string}} Unpickled an object, where its pickle ends or -1, and why it ends too early */
  /** Read one pickled object; where it ends too early, what there is of it. @returns {Promise<Unpickled>} */
  const unpickle = async (/** @type {Bytes} */ bytes, at = 0) => {
    const pickle = new Pickle(bytes, at);
    try {
      return { root: await pickle.load(), end: pickle.at, pickle, problem: "" };
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      return { root: pickle.rescue(), end: -1, pickle, problem: /** @type {Error} */ (error).message };
    }
  };

  /** The report of an object that was pickled. */
  const contentsOf = (/** @type {Unpickled} */ pickled) => {
    const contents = new Contents();
    if (pickled.root !== undefined) contents.visit(pickled.root, []);
    for (const reference of pickled.pickle?.persistent ?? []) contents.storage(reference); // of quantizers, too
    return {
      ...blank(), tensors: contents.tensors, storages: [...contents.storages.values()], groups: contents.groups, values: contents.values,
      globals: globalsOf(pickled.pickle), module: contents.module, complete: contents.complete, problems: pickled.problem ? [pickled.problem] : [],
      operand: [...pickled.pickle?.codes ?? []].find((code) => !allowedOperands.has(code)) ?? -1, textual: Boolean(pickled.pickle?.textual), // an opcode that weights_only=True refuses
    };
  };

  // -- torch's own --------------------------------------------------------------

  const AGES = [
    [".format_version", "PyTorch 2.7 or newer"], ["byteorder", "PyTorch 2.1 or newer"],
  ];

  const zip = async (/** @type {Bytes} */ file) => {
    const entries = await readDirectory(file);
    if (!entries) return truncatedZip(file);
    const names = [...entries.keys()];
    const pickleName = names.find((name) => /^[^/]+\/data\.pkl$/.test(name)) ?? names.find((name) => name === "data.pkl");
    const prefix = pickleName?.slice(0, -"data.pkl".length) ?? "";
    const entry = entries.get(pickleName ?? "");
    if (!entry) return otherZip(names);
    const pickled = await unpickle(await openEntry(file, entry));
    const report = contentsOf(pickled);
    const script = names.some((name) => name.startsWith(`${prefix}code/`)) || entries.has(`${prefix}constants.pkl`);
    const age = AGES.find(([name]) => entries.has(prefix + name));
    for (const storage of report.storages) {
      const entry = entries.get(`${prefix}data/${storage.key}`) ?? entries.get(`${prefix}tensors/${storage.key}`);
      if (!entry) report.problems.push(`Storage ${storage.key} is not in the file.`);
      else if (entry.size < storage.bytes) report.problems.push(`Storage ${storage.key} has ${entry.size} bytes in place of ${storage.bytes}.`);
    }
    const order = entries.get(`${prefix}byteorder`);
    if (order && (await (await openEntry(file, order)).text(0, 16)).trim() === "big") report.problems.push("It was written on a big-endian machine; torch.load converts it.");
    return {
      ...report, kind: script ? "torchscript" : "torch-zip", entries: names.slice(0, 2000),
      title: script ? "A TorchScript archive: a model with its code" : "A torch.save file", age: script ? "" : age?.[1] ?? "PyTorch 1.6 to 2.0",
    };
  };

  const otherZip = (/** @type {string[]} */ names) => {
    const report = { ...blank(), kind: "zip", title: "A zip archive that is no checkpoint", entries: names.slice(0, 2000) };
    const has = (/** @type {RegExp} */ pattern) => names.some((name) => pattern.test(name));
    if (has(/(^|\/)archive_format$/) || has(/(^|\/)models\/.*\.json$/)) return { ...report, kind: "export", title: "A torch.export program (.pt2)" };
    if (names.length && names.every((name) => name.endsWith(".npy"))) return { ...report, kind: "npz", title: "NumPy arrays (.npz)" };
    if (has(/^(model\.weights\.h5|config\.json|metadata\.json)$/) && has(/\.h5$/)) return { ...report, kind: "keras", title: "A Keras model" };
    return report;
  };

  /** A zip archive without its end: the headers before the entries, in order; the sizes are those that the pickle tells. */
  const truncatedZip = async (/** @type {Bytes} */ file) => {
    const first = await readHeader(file, 0);
    if (!first) return { ...blank(), kind: "zip", title: "A damaged zip archive", problems: ["It begins like a zip archive and has no directory."], truncated: true };
    const named = first.name.match(/^(.*\/)?data\.pkl$/);
    if (!named || first.method !== 0) return { ...blank(), kind: "zip", title: "A zip archive whose end is missing", problems: [`It begins with “${first.name.slice(0, 100)}”.`], truncated: true };
    const prefix = named[1] ?? "";
    const pickled = await unpickle(file, first.data);
    const report = contentsOf(pickled), sizes = new Map(report.storages.map((storage) => [storage.key, storage]));
    for (let at = pickled.end < 0 ? -1 : await nextHeader(file, pickled.end); at >= 0;) {
      const header = await readHeader(file, at);
      if (!header) break;
      const storage = header.name.startsWith(`${prefix}data/`) ? sizes.get(header.name.slice(prefix.length + 5)) : undefined;
      const end = header.data + (storage?.bytes ?? 0);
      if (storage && end <= file.size) storage.at = header.data;
      if (end >= file.size) break;
      at = await nextHeader(file, end);
    }
    report.problems = [];
    return { ...report, kind: "torch-zip", title: "A torch.save file whose end is missing", age: "PyTorch 1.6 or newer", truncated: true, entries: [first.name] };
  };

  /** Of 2019 and before: three pickles, the object, the keys of the storages, then these, each after its length. */
  const legacy = async (/** @type {Bytes} */ file) => {
    let at = 0, operand = -1; // the first pickle shows what those after it are written with
    for (let i = 0; i < 3 && at >= 0; i += 1) {
      const head = await unpickle(file, at);
      at = head.end;
      if (i === 0) operand = contentsOf(head).operand;
    }
    const pickled = at < 0 ? { root: undefined, end: -1, pickle: null, problem: ENDS } : await unpickle(file, at);
    const report = contentsOf(pickled);
    const keys = pickled.end < 0 ? { root: null, end: -1 } : await unpickle(file, pickled.end);
    const sizes = new Map(report.storages.map((storage) => [storage.key, storage]));
    let place = keys.end, truncated = keys.end < 0;
    for (const key of place < 0 ? [] : items(keys.root)) {
      const storage = sizes.get(String(key));
      if (!storage) { // its length is in the file, but not that of an element
        report.problems.push(`Storage ${String(key).slice(0, 50)} is in the file and no tensor uses it.`);
        break;
      }
      if (place + 8 + storage.bytes > file.size) {
        truncated = true;
        break;
      }
      storage.at = place + 8;
      place += 8 + storage.bytes;
    }
    if (truncated) report.problems = [];
    return { ...report, operand: operand < 0 ? report.operand : operand, kind: "torch-legacy", age: "PyTorch 0.1 to 1.5, or _use_new_zipfile_serialization=False", truncated,
      title: truncated ? "A torch.save file of the old format whose end is missing" : "A torch.save file of the old format" };
  };

  /** The files in a tar archive, by name. */
  const membersOf = async (/** @type {Bytes} */ file) => {
    /** @type {Map<string, Bytes>} */
    const members = new Map();
    let long = "";
    for (let at = 0; at + 512 <= file.size && members.size < 1000;) {
      const header = await file.read(at, 512), text = latin1(header), field = (/** @type {number} */ from, /** @type {number} */ to) => utf8.decode(header.subarray(from, to)).replace(/\0.*$/s, "");
      const size = header[124] & 0x80 ? Number(viewOf(header).getBigUint64(128)) : parseInt(text.slice(124, 136), 8);
      if (!header[0] || !Number.isFinite(size)) break;
      const content = file.part(at + 512, size), kind = text[156];
      const prefix = text.slice(257, 263) === "ustar\0" ? field(345, 500) : "";
      if (kind === "L" || kind === "x") { // the name of the next one, where it is long
        const said = await content.text(0, Math.min(size, 4096));
        long = kind === "L" ? said.replace(/\0.*$/s, "") : said.match(/\d+ path=(.*)\n/)?.[1] ?? "";
      } else {
        if (kind === "0" || kind === "\0") members.set(long || (prefix && `${prefix}/`) + field(0, 100), content);
        long = "";
      }
      at += 512 + Math.ceil(size / 512) * 512;
    }
    return members;
  };

  /** A tar of 2016 with the pickle, the storages and the tensors, or any other, of which the largest file is looked at. */
  /** @returns {Promise<Content>} */
  const tar = async (/** @type {Bytes} */ file, /** @type {number} */ depth) => {
    const members = await membersOf(file);
    const [storages, tensors, object] = ["storages", "tensors", "pickle"].map((name) => members.get(name));
    if (!storages || !tensors || !object) return otherTar(members, file.meter, depth);
    /** @type {Map<string, {key: string, dtype: string, numel: number, device: string}>} */
    const types = new Map();
    /** @type {Map<string, {of: {key: string, dtype: string, numel: number, device: string}, shape: number[], stride: number[], offset: number}>} */
    const persistent = new Map();
    const count = await unpickle(tensors);
    const stored = await unpickle(storages);
    for (let i = 0, at = stored.end; i < Number(stored.root) && at >= 0; i += 1) {
      const { root, end } = await unpickle(storages, at), [key, device, type] = items(root);
      const header = end < 0 ? null : viewOf(await storages.read(end, 8));
      if (!header || header.byteLength < 8) break;
      const dtype = storageDtype(type), numel = int64(header, 0);
      types.set(String(key), { key: String(key), device: String(device), dtype, numel });
      at = end + 8 + numel * sizeOf(dtype);
    }
    for (let i = 0, at = count.end; i < Number(count.root) && at >= 0; i += 1) {
      const { root, end } = await unpickle(tensors, at), [key, storage] = items(root);
      const ndim = end < 0 ? -1 : viewOf(await tensors.read(end, 8)).getInt32(0, true);
      if (ndim < 0 || ndim > 100) break;
      const sizes = viewOf(await tensors.read(end + 8, 16 * ndim + 8)), read = (/** @type {number} */ n) => int64(sizes, 8 * n);
      const of = types.get(String(storage));
      if (of) persistent.set(String(key), { of, shape: [...Array(ndim).keys()].map(read), stride: [...Array(ndim).keys()].map((n) => read(ndim + n)), offset: read(2 * ndim) });
      at = end + 16 + 16 * ndim;
    }
    const pickled = await unpickle(object), contents = new Contents();
    contents.tensor = (value) => {
      const found = value instanceof PickledReference && persistent.get(String(value.id));
      if (!found) return null;
      const { of: { key, dtype, numel, device }, shape, stride, offset } = found;
      contents.storages.set(key, { key, dtype, bytes: numel * sizeOf(dtype), device });
      return { shape, dtype, stride, offset, storage: key, bytes: product(shape) * sizeOf(dtype), device, kind: "tensor", layout: "strided", note: "" };
    };
    contents.visit(pickled.root, []);
    return { ...blank(), kind: "torch-tar", title: "A torch.save file of 2016, a tar archive", age: "PyTorch before 0.1.10", tensors: contents.tensors,
      storages: [...contents.storages.values()], groups: contents.groups, values: contents.values, globals: globalsOf(pickled.pickle), module: contents.module };
  };

  /** @returns {Promise<Content>} */
  const otherTar = async (/** @type {Map<string, Bytes>} */ members, /** @type {Meter} */ meter, /** @type {number} */ depth) => {
    const names = [...members.keys()], report = { ...blank(), kind: "tar", title: "A tar archive", entries: names, metadata: [...members].slice(0, 50).map(([name, { size }]) => /** @type {[string, string]} */ ([name, `${size} bytes`])) };
    const [largest, content] = [...members].sort((a, b) => b[1].size - a[1].size)[0] ?? [];
    if (!largest || depth > 3) return report;
    const inside = await one(new File([content.blob], largest), [], meter, depth + 1);
    if (/^(text|html|json|unknown|zip|tar|empty|zeros|damaged)$/.test(inside.kind)) return report;
    return { ...inside, title: `${inside.title}, in a tar archive`, metadata: [...report.metadata, ...inside.metadata], packed: [{ how: "tar", member: largest }, ...inside.packed] };
  };

  /** @returns {Promise<Content>} */
  const gzip = async (/** @type {File} */ given, /** @type {Bytes} */ file, /** @type {number} */ depth) => {
    const { blob, whole, damaged } = await gunzip(file);
    const inside = depth > 3 || !blob.size ? null : await one(new File([blob], given.name.replace(/\.t?gz$/, "")), [], file.meter, depth + 1);
    if (!inside || inside.kind === "unknown") return { ...blank(), kind: "gzip", title: "A file compressed with gzip", problems: damaged ? ["Its compressed data is damaged, or its end is missing."] : [] };
    /** @type {Content} */
    const report = { ...inside, title: `${inside.title}, compressed with gzip`, packed: [{ how: "gzip", damaged }, ...inside.packed] };
    if (damaged) return { ...report, problems: ["The gzip file ends too early, or its checksum does not fit."] };
    if (whole) return report;
    return { ...report, title: report.title.replace(" whose end is missing", ""), truncated: false, problems: [], metadata: [...report.metadata, /** @type {[string, string]} */ (["unpacked here", "the first 64 MB"])] };
  };

  // -- the others -----------------------------------------------------------------

  /** @type {Record<string, string>} */
  const SAFE = { F64: "float64", F32: "float32", F16: "float16", BF16: "bfloat16", I64: "int64", I32: "int32", I16: "int16", I8: "int8", U8: "uint8", U16: "uint16",
    U32: "uint32", U64: "uint64", BOOL: "bool", F8_E4M3: "float8_e4m3fn", F8_E5M2: "float8_e5m2", F8_E8M0: "float8_e8m0fnu", F8_E4M3FNUZ: "float8_e4m3fnuz",
    F8_E5M2FNUZ: "float8_e5m2fnuz", C64: "complex64", F4: "float4_e2m1fn_x2" };
  const strides = (/** @type {number[]} */ shape) => shape.map((_, i) => product(shape.slice(i + 1)));
  const parseJson = (/** @type {string} */ text) => {
    try {
      return JSON.parse(text);
    } catch {
      throw new Unreadable("Its JSON is damaged.");
    }
  };

  const safetensors = async (/** @type {Bytes} */ file) => {
    const length = int64(viewOf(await file.read(0, 8)), 0);
    if (length > MOST_JSON) throw new Unreadable("Its header claims to be longer than 128 MB.");
    const report = { ...blank(), kind: "safetensors", title: "A safetensors file" };
    if (8 + length > file.size) return { ...report, title: "A safetensors file whose end is missing", truncated: true, problems: ["Not even the list of its tensors is whole."] };
    const header = parseJson(await file.text(8, length));
    const tensors = [], stored = [];
    for (const [name, entry] of Object.entries(/** @type {Record<string, {dtype: string, shape: number[], data_offsets: [number, number]}>} */ (header))) {
      if (name === "__metadata__") {
        report.metadata = Object.entries(Object(entry)).slice(0, 200).map(([key, value]) => [key, String(value).slice(0, 500)]);
        continue;
      }
      const { dtype: tag, shape, data_offsets: [from, to] } = entry;
      if (!Array.isArray(shape) || !Number.isSafeInteger(from) || !Number.isSafeInteger(to)) throw new Unreadable("Its header is damaged.");
      const dtype = SAFE[tag] ?? String(tag), bytes = to - from;
      stored.push({ key: name, dtype, bytes, device: "", ...8 + length + to <= file.size && { at: 8 + length + from } });
      tensors.push({ path: [name], name, shape: shape.map(Number), dtype, stride: strides(shape), offset: 0, storage: name, bytes, device: "", kind: "tensor", layout: "strided", note: "" });
    }
    const truncated = stored.some((storage) => !("at" in storage));
    return { ...report, tensors, storages: stored, truncated, title: truncated ? "A safetensors file whose end is missing" : report.title,
      groups: [{ path: [], role: "weights", keys: tensors.length, tensors: tensors.length, groups: 0, detail: "", metadata: false }] };
  };

  const dcp = async (/** @type {Bytes} */ file, /** @type {File[]} */ files) => {
    const pickled = await unpickle(file);
    const state = stateOf(pickled.root), metadata = pairsOf(state?.get("state_dict_metadata"));
    if (!metadata) return { ...contentsOf(pickled), kind: "pickle", title: "A pickle that is not torch.save’s" };
    const paths = pairsOf(state?.get("planner_data")) ?? new Map();
    /** @type {TensorEntry[]} */
    const tensors = [];
    /** @type {ValueEntry[]} */
    const values = [];
    for (const [name, entry] of metadata) {
      /** @type {Path} */
      const path = paths.has(name) ? items(paths.get(name)).map((part) => (typeof part === "number" ? part : String(part))) : [name];
      const fields = stateOf(entry), size = numbers(fields?.get("size")), properties = fields?.get("properties");
      if (!fields?.has("size")) {
        values.push({ path, text: "an object, pickled" });
        continue;
      }
      const dtype = properties instanceof PickledCall ? dtypeOf(items(properties.state)[0] ?? stateOf(properties)?.get("dtype")) : "unknown";
      const chunks = items(fields.get("chunks")).length;
      tensors.push({ path, name: path.join("."), shape: size, dtype, stride: strides(size), offset: 0, storage: null, bytes: product(size) * sizeOf(dtype), device: "",
        kind: "tensor", layout: "strided", note: chunks > 1 ? `in ${chunks} pieces` : "" });
    }
    const pieces = new Set([...pairsOf(state?.get("storage_data"))?.values() ?? []].map((entry) => stateOf(entry)?.get("relative_path")).filter(Boolean));
    const there = new Set(files.map((other) => other.name));
    const missing = files.length > 1 ? [...pieces].filter((name) => !there.has(String(name))) : [];
    const heads = new Set(tensors.map(({ path }) => (path.length > 1 ? path[0] : null))); // null: at the top
    return { ...blank(), kind: "dcp", title: files.length > 1 ? "A distributed checkpoint (DCP)" : "The metadata of a distributed checkpoint (DCP)", tensors, values, globals: globalsOf(pickled.pickle),
      entries: [...pieces].map(String).slice(0, 2000), problems: missing.slice(0, 20).map((name) => `${String(name).slice(0, 100)} is missing in the folder.`),
      groups: [...heads].slice(0, 200).map((head) => {
        const inside = tensors.filter(({ path }) => (head === null ? path.length === 1 : path.length > 1 && path[0] === head));
        const optimizer = inside.some(({ path }) => path[1] === "state" || path[1] === "param_groups");
        return { path: head === null ? [] : [head], role: optimizer ? "optimizer" : "weights", keys: inside.length, tensors: inside.length, groups: 0, detail: "", metadata: false };
      }) };
  };

  /** @returns {Promise<Content>} */
  const json = async (/** @type {Bytes} */ file, /** @type {File[]} */ files, /** @type {Meter} */ meter) => {
    const data = file.size <= MOST_JSON ? parseJson(await file.text()) : null;
    const map = data?.weight_map;
    if (!map || typeof map !== "object") return { ...blank(), kind: "json", title: "JSON text, no weights" };
    const names = [...new Set(Object.values(map).map(String))], problems = [], tensors = [];
    const safe = names.every((name) => name.endsWith(".safetensors"));
    for (const name of names) {
      const shard = files.find((other) => other.name === name);
      if (!shard) {
        problems.push(`${name.slice(0, 100)} is missing: choose the folder with all parts.`);
        continue;
      }
      const report = await one(shard, files, meter);
      for (const tensor of report.tensors) tensors.push({ ...tensor, note: tensor.note || name });
      for (const problem of report.problems) problems.push(problem);
      if (report.truncated) problems.push(`The end of ${name.slice(0, 100)} is missing.`);
    }
    const found = new Set(tensors.map(({ name }) => name));
    const known = tensors.length ? tensors : Object.keys(map).map((name) => ({ path: [name], name, shape: [], dtype: "unknown", stride: [], offset: 0, storage: null, bytes: 0, device: "", kind: "tensor",
      layout: "strided", note: String(map[name]), missing: true }));
    const lost = tensors.length ? Object.keys(map).filter((name) => !found.has(name)) : [];
    if (lost.length && !problems.length) problems.push(`${lost.length} of the tensors in the index are in no part, first ${lost[0].slice(0, 100)}.`);
    return { ...blank(), kind: safe ? "safetensors-index" : "torch-index", title: `The index of a checkpoint in ${names.length} parts`, tensors: known, problems: problems.slice(0, 50), entries: names.slice(0, 2000),
      metadata: Object.entries(data.metadata ?? {}).slice(0, 200).map(([key, value]) => [key, String(value).slice(0, 500)]),
      groups: [{ path: [], role: "weights", keys: known.length, tensors: known.length, groups: 0, detail: "", metadata: false }] };
  };

  /** The first pickle of the old format, in protocols 0 and 1, 2 and 3, 4 and 5. */
  const isLegacy = (/** @type {string} */ text) => /^(L119547037146038801333356L\n|(\x80[\x02\x03]|\x80[\x04\x05]\x95.{8})\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19)\./s.test(text);
  /** Before protocol 2 no byte says that it is a pickle, and texts begin with opcodes, too. */
  const isPickle = (/** @type {Unpickled} */ { root, end, pickle, problem }, /** @type {Bytes} */ file) => (pickle?.memo.size ? ["", ENDS].includes(problem) : !problem && ( root instanceof PickledCall || end === file.size));
  const begins = (/** @type {Uint8Array} */ head, /** @type {ArrayLike<number>} */ bytes) => head.length >= bytes.length && Array.from(bytes).every((byte, i) => head[i] === byte);

  /** Report on one file. @returns {Promise<Content>} */
  const one = async (/** @type {File} */ given, /** @type {File[]} */ files, /** @type {Meter} */ meter, depth = 0) => {
    const file = new Bytes(given, meter), head = await file.read(0, 512);
    const text = latin1(head), other = (/** @type {string} */ kind, /** @type {string} */ title) => ({ ...blank(), kind, title });
    if (!head.length) return other("empty", "An empty file");
    if (head.every((byte) => byte === 0) && file.size > 16) return other("zeros", "A file that begins with nothing but zeros");
    if (given.name === ".metadata") return dcp(file, files);
    if (text.startsWith("version https://git-lfs")) {
      const size = text.match(/^size (\d+)/m)?.[1];
      return { ...other("lfs", "A Git LFS pointer, not the file itself"), metadata: size ? [["size of the file", size]] : [] };
    }
    if (text.startsWith("PK\x03\x04") || text.startsWith("PK\x05\x06")) return zip(file);
    if (isLegacy(text)) return legacy(file);
    if (/^\x80\x02\x8a\n|^L11954/.test(text) && file.size < 25) return { ...other("torch-legacy", "The first bytes of a torch.save file"), truncated: true };
    if (text.slice(257, 262) === "ustar") return tar(file, depth);
    if (begins(head, [0x1f, 0x8b])) return gzip(given, file, depth);
    if (text.startsWith("GGUF")) return other("gguf", "A GGUF file, the format of llama.cpp");
    if (begins(head, [0x89, 0x48, 0x44, 0x46])) return other("hdf5", "An HDF5 file, as Keras writes");
    if (begins(head, [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59])) return { ...other("npy", "A NumPy array (.npy)"), metadata: [["array", text.slice(10, 200).split("\n")[0].trim()]] };
    if (/^\s*(<!doctype|<html|<\?xml|<head|<body)/i.test(text)) return other("html", "A web page, not a checkpoint");
    if (head.length > 10 && int64(viewOf(head), 0) > 1 && int64(viewOf(head), 0) < 2 ** 40 && head[8] === 0x7b) return safetensors(file);
    if (/^\s*[{[]/.test(text) && !text.includes("\0")) return json(file, files, meter);
    const pickled = (head[0] === 0x80 && head[1] <= 5) || /^[()\]}cILFSVUXGJKMN]/.test(text) ? await unpickle(file) : null;
    if (pickled && (head[0] === 0x80 || isPickle(pickled, file))) {
      const report = contentsOf(pickled);
      if (pickled.problem && !report.globals.length && !report.values.length) return { ...other("pickle", "A damaged pickle"), problems: [pickled.problem] };
      const array = report.globals.some(({ name }) => /^(numpy|sklearn|pandas)\b/.test(name)) ? ", with NumPy arrays" : "";
      return { ...report, kind: "pickle", title: `A pickle that is not torch.save’s${array}` };
    }
    if (head[0] === 8 && (head[2] === 0x12 ? /^[\w.-]+$/.test(text.slice(4, 4 + head[3])) : /^[\x01-\x20]:[\x80-\xff]*[\0-\x7f]\n/.test(text.slice(1)))) return other("onnx", "An ONNX model");
    const words = new TextDecoder().decode(head.subarray(0, 500));
    if (!/[\0-\x08\x0e-\x1f\ufffd]/.test(words.slice(0, -4))) return { ...other("text", "A text file"), metadata: [["first line", words.split("\n")[0].trim().slice(0, 120)]] };
    return other("unknown", "A kind of file that this page does not know");
  };

  /** Report on the files that the reader has chosen: one, or those of a folder. @returns {Promise<Report>} */
  const examine = async (/** @type {File[]} */ files, meter = new Meter()) => {
    const begun = performance.now();
    const main = files.find(({ name }) => name === ".metadata") ?? files.find(({ name }) => name.endsWith(".index.json"))
      ?? files.reduce((largest, file) => (file.size > largest.size ? file : largest));
    let report;
    try {
      report = await one(main, files, meter);
    } catch (error) {
      if (error instanceof Canceled) throw error;
      const known = error instanceof Unreadable;
      report = { ...blank(), kind: "damaged", title: "A file that cannot be read", problems: [known ? /** @type {Error} */ (error).message : error instanceof DOMException ? "The browser cannot read the file: it was changed, moved or removed." : "Its structure is damaged."] };
    }
    const parts = ["dcp", "safetensors-index", "torch-index"].includes(report.kind);
    if (files.length > 1 && !parts) report.problems.unshift(`${files.length} files were chosen; this is about the largest of them.`);
    const name = main.name === ".metadata" ? main.webkitRelativePath.split("/").at(-2) || ".metadata" : main.name;
    return { ...report, name: name.slice(0, 200), file: main.name.slice(0, 200), size: parts ? files.reduce((sum, file) => sum + file.size, 0) : main.size, files: parts ? files.length : 1, read: meter.read, ms: Math.round(performance.now() - begun) };
  };

  return { examine };
})();
