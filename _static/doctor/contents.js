// What a checkpoint has, from the description of its pickle: tensors with the storages they view,
// dictionaries with what they are for, and the other values.
"use strict";
const doctorContents = (() => {
  const { latin1 } = doctorBytes;
  const { judge } = doctorGlobals;
  const MOST_VISITS = 4_000_000, MOST_DEPTH = 200, MOST_VALUES = 2000, MOST_TENSORS = 1_200_000;

  /** @type {Record<string, number>} Bytes of an element. */
  const SIZES = {
    float64: 8, float32: 4, float16: 2, bfloat16: 2, complex128: 16, complex64: 8, complex32: 4, int64: 8, int32: 4, int16: 2,
    int8: 1, uint64: 8, uint32: 4, uint16: 2, uint8: 1, bool: 1, qint8: 1, quint8: 1, qint32: 4, quint4x2: 1, quint2x4: 1, bits16: 2,
  };
  const sizeOf = (/** @type {string} */ dtype) => SIZES[dtype] ?? 1; // float8, and types of fewer than 8 bits
  /** @type {Record<string, string>} */
  const STORAGES = {
    DoubleStorage: "float64", FloatStorage: "float32", HalfStorage: "float16", BFloat16Storage: "bfloat16", LongStorage: "int64",
    IntStorage: "int32", ShortStorage: "int16", CharStorage: "int8", ByteStorage: "uint8", BoolStorage: "bool",
    ComplexDoubleStorage: "complex128", ComplexFloatStorage: "complex64", QInt8Storage: "qint8", QUInt8Storage: "quint8",
    QInt32Storage: "qint32", QUInt4x2Storage: "quint4x2", QUInt2x4Storage: "quint2x4", UntypedStorage: "uint8",
  };

  const items = /** @param {Value} value @returns {Value[]} */ (value) => (value instanceof PickledSequence ? value.items : value instanceof PickledCall && value.path === "torch.Size" ? items(value.args[0]) : []);
  const numbers = (/** @type {Value} */ value) => items(value).map(Number).filter((n) => Number.isFinite(n));
  /** Add an item to the list that a map has for a key. */
  const gather = /** @template Key, Item @param {Map<Key, Item[]>} map @param {Key} key @param {Item} item */ (map, key, item) => {
    const list = map.get(key);
    if (list) list.push(item);
    else map.set(key, [item]);
  };
  const product = (/** @type {number[]} */ shape) => shape.reduce((a, b) => a * b, 1);
  const shortName = (/** @type {Value} */ value) => (value instanceof PickledGlobal ? value.path.split(".").at(-1) ?? "" : "");
  const storageDtype = (/** @type {Value} */ type) => STORAGES[shortName(type)] ?? "uint8";
  const dtypeOf = (/** @type {Value} */ value) => (value instanceof PickledGlobal && value.path.startsWith("torch.") ? shortName(value) : "unknown");

  /** A text as it stands in Python; what could make code look like other code is escaped. */
  const python = (/** @type {string} */ text) => JSON.stringify(text).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => [...Array(character.length).keys()]
    .map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`).join(""));
  /** A value in a few words. */
  const describe = /** @param {Value} value @returns {string} */ (value) => {
    if (value === null) return "None";
    if (value === true || value === false) return value ? "True" : "False";
    if (typeof value === "number" || typeof value === "bigint") return String(value).replace("Infinity", "inf").replace("NaN", "nan");
    if (typeof value === "string") return python(value.length > 200 ? `${value.slice(0, 200)}…` : value);
    if (value instanceof PickledSequence) return value.items.length && value.items.length <= 8 && value.items.every((item) => item === null || typeof item !== "object")
      ? `${value.kind === "list" ? "[" : value.kind === "tuple" ? "(" : "{"}${value.items.map(describe).join(", ")}${value.kind === "list" ? "]" : value.kind === "tuple" ? ")" : "}"}`
      : `${value.kind} of ${value.items.length}`;
    if (value instanceof PickledMapping) return `dict of ${value.pairs.length / 2}`;
    if (value instanceof PickledGlobal) return value.path;
    if (value instanceof PickledCall && /^builtins\.(set|frozenset)$/.test(value.path)) return describe(new PickledSequence("set", items(value.args[0])));
    if (value instanceof PickledCall && value.path === "_codecs.encode" && typeof value.args[0] === "string") return `${value.args[0].length} bytes`; // before protocol 3
    if (value instanceof PickledCall) return value.path ? `an object of ${value.path}` : "an object";
    if (value instanceof PickledBytes) return `${value.length} bytes`;
    return "a reference to a storage";
  };
  const keyOf = (/** @type {Value} */ key) => (typeof key === "string" || (typeof key === "number" && Number.isSafeInteger(key)) ? key : key instanceof PickledBytes ? latin1(key.head) : describe(key));

  /** The pairs of a dictionary, the last one of each key; null if it is none. */
  const pairsOf = /** @param {Value} value @returns {Pairs | null} */ (value) => {
    const call = value instanceof PickledCall && (value.pairs.length > 0 || /^collections\.(OrderedDict|Counter|defaultdict)$/.test(value.path)) ? value : null;
    const mapping = value instanceof PickledMapping ? value : call;
    if (!mapping) return null;
    const first = call?.args.at(-1); // the list of pairs of old files
    const early = first instanceof PickledMapping ? first.pairs : items(first).map(items).filter((pair) => pair.length === 2).flat();
    /** @type {Pairs} */
    const made = new Map();
    for (const pairs of [early, mapping.pairs]) for (let i = 0; i < pairs.length; i += 2) made.set(keyOf(pairs[i]), pairs[i + 1]);
    return made;
  };
  const stateOf = (/** @type {Value} */ value) => (value instanceof PickledCall && value.state !== undefined ? pairsOf(value.state) ?? pairsOf(items(value.state)[0]) : null);

  class Contents {
    constructor() {
      /** @type {TensorEntry[]} */ this.tensors = [];
      /** @type {Map<string, StorageEntry>} */ this.storages = new Map();
      /** @type {ValueEntry[]} */ this.values = [];
      /** @type {GroupEntry[]} */ this.groups = [];
      this.visits = 0;
      this.complete = true;
      this.module = ""; // the class, where the file is a whole model
      /** @type {Map<PickledCall, TensorForm | null>} */ this.known = new Map();
      /** @type {Map<PickledCall, StorageEntry>} */ this.loaded = new Map();
      this.active = new Set();
    }

    /** The storage of a persistent id, and the offset of a view of it in bytes. */
    storage(/** @type {Value} */ value) {
      if (value instanceof PickledCall && value.path === "torch.storage._load_from_bytes") return { storage: this.own(value), skip: 0 };
      const id = value instanceof PickledReference ? items(value.id) : [];
      if (id[0] !== "storage" || id.length < 5) return null;
      const dtype = storageDtype(id[1]), key = String(keyOf(id[2]));
      const view = items(id[5]); // of old files: its key, where it begins, how long it is
      let storage = this.storages.get(key);
      if (!storage) this.storages.set(key, storage = { key, dtype, bytes: Number(id[4]) * sizeOf(dtype), device: String(id[3]) });
      return { storage, skip: view.length ? Number(view[1]) * sizeOf(dtype) : 0 };
    }

    /** The storage that pickle.dump puts with its tensor, a file in the file, of which the beginning is known. */
    own(/** @type {PickledCall} */ value) {
      let storage = this.loaded.get(value);
      if (!storage) {
        const bytes = value.args[0], head = bytes instanceof PickledBytes ? latin1(bytes.head) : bytes instanceof PickledCall ? String(bytes.args[0]) : "";
        const dtype = STORAGES[head.match(/\n?c?torch[\w.]*\n(\w+Storage)\n/)?.[1] ?? ""] ?? "uint8";
        storage = { key: `of its own ${this.loaded.size}`, dtype, bytes: 0, device: "cpu" };
        this.loaded.set(value, storage);
        this.storages.set(storage.key, storage);
      }
      return storage;
    }

    strided(/** @type {Value[]} */ args, /** @type {string} */ kind, dtype = "") {
      const found = this.storage(args[0]) ?? (args[0] instanceof PickledCall ? this.storage(args[0].args[0]) : null); // TypedStorage(wrap_storage=...)
      if (!found) return null;
      const { storage, skip } = found, type = dtype || storage.dtype;
      const shape = numbers(args[2]);
      if (!storage.bytes && this.loaded.size) storage.bytes = product(shape) * sizeOf(type);
      return {
        shape, dtype: type, stride: numbers(args[3]), offset: Number(args[1]) + skip / sizeOf(type), storage: storage.key,
        bytes: product(shape) * sizeOf(type), device: storage.device, kind, layout: "strided", note: "",
      };
    }

    /** The tensor that a call makes, without a name; null if it makes none. @returns {TensorForm | null} */
    tensor(/** @type {Value} */ value, depth = 0) {
      if (!(value instanceof PickledCall) || depth > 20) return null;
      let made = this.known.get(value);
      if (made === undefined) this.known.set(value, made = this.makes(value, depth));
      return made;
    }

    /** @returns {TensorForm | null} */
    makes(/** @type {PickledCall} */ value, /** @type {number} */ depth) {
      const { args, path } = value, name = path.split(".").at(-1) ?? "";
      if (!/^torch\b/.test(path)) return null;
      const inner = (/** @type {Value} */ it) => this.tensor(it, depth + 1);
      const blank = { stride: [], offset: 0, storage: null, device: "", kind: "tensor", layout: "strided", note: "" };
      switch (name) {
        case "_rebuild_tensor": return this.strided(args, "tensor");
        case "_rebuild_tensor_v2": return this.strided(args, "tensor");
        case "_rebuild_tensor_v3": return this.strided(args, "tensor", dtypeOf(args[6]));
        case "_rebuild_parameter": case "_rebuild_parameter_with_state": case "Parameter": {
          const data = inner(args[0]);
          return data && { ...data, kind: "parameter" };
        }
        case "_rebuild_qtensor": {
          const data = this.strided(args, "tensor");
          return data && { ...data, layout: "quantized", note: shortName(items(args[4])[0]).replaceAll("_", " ") };
        }
        case "_rebuild_sparse_tensor": {
          const layout = args[0] instanceof PickledCall ? String(args[0].args[0]).replace("torch.", "") : "sparse";
          const data = items(args[1]), values = layout === "sparse_coo" ? data[1] : data[2];
          const parts = data.map(inner).filter((part) => part !== null), size = layout === "sparse_coo" ? data[2] : data[3];
          const of = inner(values);
          return { ...blank, ...of && { dtype: of.dtype, device: of.device, storage: of.storage }, dtype: of?.dtype ?? "unknown", shape: numbers(size), layout,
            bytes: parts.reduce((sum, part) => sum + part.bytes, 0), note: "sparse" };
        }
        case "_rebuild_nested_tensor": {
          const data = inner(args[0]);
          return data && { ...data, layout: "nested", shape: [], note: "nested" };
        }
        case "_rebuild_meta_tensor_no_storage": {
          const shape = numbers(args[1]);
          return { ...blank, dtype: dtypeOf(args[0]), shape, stride: numbers(args[2]), bytes: 0, device: "meta", note: "no data" };
        }
        case "_rebuild_from_type_v2": case "_rebuild_from_type": {
          const call = new PickledCall(args[0], args[2]);
          const data = inner(call);
          return data && { ...data, kind: data.kind === "parameter" ? "parameter" : shortName(args[1]) || "tensor", note: data.note || (args[1] instanceof PickledGlobal && args[1].path !== "torch.nn.parameter.Parameter" ? args[1].path : "") };
        }
        case "_rebuild_wrapper_subclass": {
          const shape = numbers(args[2]), dtype = dtypeOf(args[1]);
          return { ...blank, dtype, shape, stride: numbers(args[3]), bytes: product(shape) * sizeOf(dtype), kind: shortName(args[0]), note: args[0] instanceof PickledGlobal ? args[0].path : "" };
        }
        case "_rebuild_device_tensor_from_cpu_tensor": return inner(args[0]);
        case "_rebuild_device_tensor_from_numpy": {
          return { ...blank, dtype: dtypeOf(args[1]), shape: [], bytes: 0, device: String(args[2]), note: "from NumPy" };
        }
        default:
          if (/Tensor$/.test(name) && value.state !== undefined) return this.strided(items(value.state), "tensor"); // of 2016
          return null;
      }
    }

    /** Look at a value and all that is in it. Depth and number are bounded, since a few bytes can refer to each other in many ways. */
    visit(/** @type {Value} */ value, /** @type {Path} */ path) {
      if (value instanceof PickledReference && items(value.id)[0] === "module") value = items(value.id)[1];
      this.visits += 1;
      if (this.visits > MOST_VISITS || path.length > MOST_DEPTH || this.tensors.length > MOST_TENSORS) {
        this.complete = false;
        return "";
      }
      const tensor = this.tensor(value);
      if (tensor) {
        const { shape, dtype, stride, offset, storage, bytes, device, kind, layout, note } = tensor; // many times faster than {...tensor}
        this.tensors.push({ path, name: path.join("."), shape, dtype, stride, offset, storage, bytes, device, kind, layout, note });
        return "tensor";
      }
      const pairs = pairsOf(value), state = pairs ? null : stateOf(value);
      if (pairs || state || value instanceof PickledSequence) {
        if (this.active.has(value)) return "value"; // it contains itself
        this.active.add(value);
        if (value instanceof PickledSequence) this.list(value, path);
        else if (pairs) this.dictionary(pairs, path, value);
        else if (state && value instanceof PickledCall) this.object(value, state, path);
        this.active.delete(value);
        return "group";
      }
      if (this.values.length < MOST_VALUES) this.values.push({ path, text: describe(value) });
      return "value";
    }

    list(/** @type {PickledSequence} */ value, /** @type {Path} */ path) {
      if (value.items.length <= 8 || value.items.some((item) => item !== null && typeof item === "object")) {
        const plain = value.items.every((item) => item === null || typeof item !== "object");
        if (!plain) {
          value.items.forEach((item, i) => this.visit(item, [...path, i]));
          return;
        }
      }
      if (this.values.length < MOST_VALUES) this.values.push({ path, text: describe(value) });
    }

    dictionary(/** @type {Pairs} */ pairs, /** @type {Path} */ path, /** @type {Value} */ value) {
      const group = { path, role: "", keys: pairs.size, tensors: 0, groups: 0, detail: "", metadata: Boolean(stateOf(value)?.has("_metadata")) };
      if (this.groups.length < MOST_VALUES) this.groups.push(group);
      for (const [key, item] of pairs) {
        const what = this.visit(item, [...path, key]);
        if (what === "tensor") group.tensors += 1;
        else if (what === "group") group.groups += 1;
      }
      Object.assign(group, roleOf(pairs, group));
    }

    /** An object with attributes; those of a module are named as in its state_dict. */
    object(/** @type {PickledCall} */ value, /** @type {Pairs} */ state, /** @type {Path} */ path) {
      const parts = ["_parameters", "_buffers", "_modules"].map((key) => pairsOf(state.get(key)));
      if (!parts[0] || !parts[2]) {
        for (const [key, item] of state) this.visit(item, [...path, key]);
        return;
      }
      this.module ||= value.path || "a class";
      const skipped = new Set(items(state.get("_non_persistent_buffers_set")));
      for (const part of parts) {
        for (const [key, item] of part ?? []) if (item !== null && !skipped.has(key)) this.visit(item, [...path, key]);
      }
    }
  }

  /** What a dictionary is for, by its keys. */
  const roleOf = (/** @type {Pairs} */ pairs, /** @type {GroupEntry} */ group) => {
    const has = (/** @type {string[]} */ ...keys) => keys.every((key) => pairs.has(key));
    if (has("state", "param_groups")) return { role: "optimizer", detail: optimizer(pairs) };
    if (has("last_epoch") && (has("_step_count") || has("base_lrs") || has("_last_lr"))) return { role: "scheduler", detail: `last_epoch ${describe(pairs.get("last_epoch"))}` };
    if (has("scale", "growth_factor")) return { role: "gradient scaler", detail: `scale ${describe(pairs.get("scale"))}` };
    if (group.tensors && group.tensors * 2 > pairs.size && ![...pairs.keys()].some((key) => /rng|random/i.test(String(key))) && group.path.at(-2) !== "state") {
      return { role: [...pairs.keys()].every((key) => typeof key === "string") ? "weights" : "tensors" };
    }
    return {};
  };

  const optimizer = (/** @type {Pairs} */ pairs) => {
    const groups = items(pairs.get("param_groups")).map(pairsOf).filter((group) => group !== null);
    const states = pairsOf(pairs.get("state")) ?? new Map();
    const kept = pairsOf([...states.values()][0]) ?? new Map();
    const kind = kept.has("exp_avg_sq") ? "as of Adam or AdamW" : kept.has("momentum_buffer") ? "as of SGD with momentum" : kept.has("square_avg") ? "as of RMSprop" : "";
    const settings = groups.slice(0, 4).map((group) => [...group].filter(([key, value]) => key !== "params" && key !== "param_names" && (typeof value === "number" || value instanceof PickledSequence))
      .map(([key, value]) => `${key} ${describe(value)}`).slice(0, 6).join(", "));
    return [kind, `${states.size} states`, `${groups.length} group${groups.length === 1 ? "" : "s"}`, ...settings].filter(Boolean).join("; ").slice(0, 500);
  };

  const globalsOf = (/** @type {Pickle | null} */ pickle) => [...new Set([...pickle?.globals.values() ?? []].map((global) => global.path))].sort().slice(0, 2000).map(judge);

  return { Contents, pairsOf, stateOf, items, numbers, gather, product, sizeOf, dtypeOf, storageDtype, python, describe, globalsOf };
})();
