// What there is to say about a file: what is wrong, what is unusual, and how it is loaded. Each
// finding can have lines to paste and the recipe that explains it.
"use strict";
const doctorFindings = (() => {
  const { python, gather } = doctorContents;
  const { weightsOf, tensorsOf, keysOf, isAverage, wrapperOf, safeGlobals, program, opened, loading, opening, reading, at } = doctorLines;

  const bytes = (/** @type {number} */ count) => {
    const unit = count < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(count) / 3));
    return unit ? `${Number((count / 1000 ** unit).toPrecision(3))} ${["", "kB", "MB", "GB", "TB"][unit]}` : `${count} byte${count === 1 ? "" : "s"}`;
  };
  const some = (/** @type {string[]} */ names, most = 5) => names.slice(0, most).map((name) => (name.length > 80 ? `${name.slice(0, 80)}…` : name)).join(", ") + (names.length > most ? ` and ${names.length - most} more` : "");
  const plural = (/** @type {number} */ count, /** @type {string} */ noun, several = `${noun}s`) => `${count.toLocaleString("en-US")} ${count === 1 ? noun : several}`;

  const IDENTIFY = "troubleshooting/identifying_a_checkpoint_file", TRUNCATED = "troubleshooting/surviving_truncated_checkpoints";

  /** A file that is none of torch's. @returns {Finding[]} */
  const foreign = (/** @type {Report} */ report) => {
    const lines = (/** @type {string[]} */ own, /** @type {string[]} */ others, /** @type {(name: string) => string[]} */ body) => program(report, own, others, body).join("\n");
    const shell = (/** @type {string} */ text) => `'${text.replaceAll("'", "'\\''")}'`;
    const gunzip = /\.t?gz$/.test(report.file) ? `gunzip -k ${shell(report.file)}` : `gunzip -c ${shell(report.file)} > ${shell(`${report.file}.unpacked`)}`;
    /** @type {Record<string, Omit<Finding, "level" | "title">>} */
    const told = {
      lfs: { text: "The repository was cloned without its large files. torch.load says “invalid load key, 'v'”. Fetch the file itself:", lines: `git lfs install\ngit lfs pull --include=${shell(report.file)}`, language: "shell" },
      html: { text: "The download saved a page, often one that asks to sign in or says that nothing is there. torch.load says “invalid load key, '<'”. Download the file itself; on GitHub and the Hugging Face Hub, its address has “raw” or “resolve” in place of “blob”." },
      json: { text: "It can be a configuration, or the answer of a server that refused the download. The weights are in another file." },
      gzip: { text: "torch.load does not unpack it. What is in it is of no kind that this page knows:", lines: gunzip, language: "shell" },
      empty: { text: "It has no bytes: the save or the copy was interrupted at its start. torch.load says “Ran out of input” or “EOFError”. Use an older checkpoint, or copy it again.", recipe: TRUNCATED },
      zeros: { text: "A crash or a full disk left its place without its content, and nothing brings that back. Use an older checkpoint, or copy it again.", recipe: TRUNCATED },
      text: { text: "The weights are in another file." },
      gguf: { text: "It holds quantized weights for llama.cpp. torch does not read it; the gguf package lists what is in it:", lines: lines([], ["from gguf import GGUFReader"], (name) => [`for tensor in GGUFReader(${name}).tensors:`, "    print(tensor.name, tensor.shape, tensor.tensor_type)"]) },
      hdf5: { text: "torch does not read it; h5py does:", lines: lines([], ["import h5py"], (name) => [`with h5py.File(${name}) as groups:`, "    groups.visit(print)"]) },
      keras: { text: "torch does not read it; keras.saving.load_model does." },
      onnx: { text: "It is a program with its weights, for another runtime. The onnx package reads the weights:", lines: lines([], ["import onnx", "import torch", "from onnx import numpy_helper"], (name) => [`model = onnx.load(${name})`,
        "state_dict = {", "    tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())", "    for tensor in model.graph.initializer", "}"]) },
      npy: { text: "It is one array:", lines: lines([], ["import numpy as np", "import torch"], (name) => [`tensor = torch.from_numpy(np.load(${name}))`]) },
      npz: { text: "It is a set of arrays:", lines: lines([], ["import numpy as np", "import torch"], (name) => [`with np.load(${name}) as arrays:`, "    state_dict = {key: torch.from_numpy(array) for key, array in arrays.items()}"]) },
      export: { text: "It is a program with its weights, not a state_dict:", lines: lines([], ["import torch"], (name) => [`program = torch.export.load(${name})`, "state_dict = program.state_dict"]) },
      torchscript: { text: "It is a model with its code, for torch.jit.load; torch.load refuses it:", lines: lines([], ["import torch"], (name) => [`model = torch.jit.load(${name}, map_location="cpu")`, "state_dict = model.state_dict()"]), recipe: "" },
      pickle: { text: "It was written with pickle.dump, not with torch.save. Unpickling runs code of the file: do this only if you trust it.", lines: lines(["import pickle"], [], () => [opened(report), "    value = pickle.load(file)"]), recipe: "troubleshooting/loading_safely_with_weights_only" },
      zip: { text: report.truncated ? "Copy or download it again." : `It has ${plural(report.entries.length, "entry", "entries")}, first ${some(report.entries, 3)}. Unpack it and look for the checkpoint.` },
      tar: { text: "Unpack it and look for the checkpoint:", lines: `tar -xf ${shell(report.file)}`, language: "shell" },
      unknown: { text: "Its first bytes are those of no format that this page knows. It can be encrypted, damaged, or of another program." },
      damaged: { text: report.problems.join(" "), recipe: TRUNCATED },
    };
    const found = told[report.kind];
    if (found && report.packed.length && (found.language || report.kind === "gguf")) { // what takes only the name of a file
      found.lines = report.kind === "tar" || report.packed.some(({ how }) => how === "tar") ? `tar -xf ${shell(report.file)}` : gunzip;
      Object.assign(found, { text: "Unpack it, and drop the file here that comes out:", language: "shell" });
    }
    return found ? [{ level: report.kind === "torchscript" || report.kind === "export" ? "answer" : "problem", title: report.title, recipe: IDENTIFY, ...found }] : [];
  };

  /** What is missing at the end of the file, and what can be had of the rest. @returns {Finding[]} */
  const truncation = (/** @type {Report} */ report) => {
    if (!report.truncated || report.kind === "zip") return [];
    const there = new Set(report.storages.filter(({ at: place }) => place !== undefined).map(({ key }) => key));
    const whole = report.tensors.filter(({ storage }) => storage !== null && there.has(storage));
    const total = report.storages.reduce((sum, storage) => sum + storage.bytes, 0);
    const percent = total ? Math.min(99, Math.floor((100 * report.size) / total)) : 0;
    const part = total && !report.packed.length ? `About ${percent} % of it is there: ` : "";
    const text = whole.length
      ? `${part}${whole.length} of ${plural(report.tensors.length, "tensor")} are whole. Copy it again if you can. If not, these lines read what is whole and write it to tensors.pt:`
      : `${part}${report.tensors.length ? `its list of ${plural(report.tensors.length, "tensor")} can be read, but none of them is whole` : "not even the list of its tensors"}. Copy it again, or use an older checkpoint.`;
    return [{ level: "problem", title: "The end of the file is missing", text, ...whole.length && { lines: reading(report, whole) }, recipe: TRUNCATED }];
  };

  /** Classes and functions that unpickling would use. @returns {Finding[]} */
  const globals = (/** @type {Report} */ report) => {
    /** @type {Finding[]} */
    const found = [];
    if (report.kind === "torchscript") return found;
    const dangerous = report.globals.filter(({ runs }) => runs).map(({ name }) => name);
    const refused = report.globals.filter(({ verdict, runs }) => verdict !== "allowed" && !runs).map(({ name }) => name);
    const recipe = "troubleshooting/loading_safely_with_weights_only";
    if (dangerous.length) {
      found.push({ level: "danger", title: "Loading it without weights_only=True would run code", text: `It asks for ${some(dangerous)}, which no checkpoint needs. Do not load it with weights_only=False or pickle.load, and tell whoever published it.`, recipe });
    }
    if (report.module && report.tensors.length) {
      const zipped = report.kind === "torch-zip" && !report.truncated;
      found.push({ level: "problem", title: `A whole model was pickled, an object of ${report.module}`, text: `torch.load needs the code of its ${plural(refused.length, "class", "classes")}, in the version that saved them, and refuses them by default.${zipped ? " These lines read its weights without any of that:" : ""}`,
        ...zipped && { lines: reading(report, report.tensors) }, recipe: "troubleshooting/avoiding_whole_model_pickles" });
    } else if (report.textual && report.kind.startsWith("torch")) {
      found.push({ level: "problem", title: "torch.load cannot read it", text: `It was saved with pickle_protocol=0, which writes references to the data as text. torch.load says “saved_id must be a tuple, got str”. The data is whole: these lines read it and write it to tensors.pt:`,
        lines: reading(report, report.tensors), recipe: "troubleshooting/looking_inside_a_checkpoint" });
    } else if (report.operand >= 0 && report.kind.startsWith("torch")) {
      found.push({ level: "problem", title: "torch.load refuses it by default", text: `weights_only=True says “Unsupported operand ${report.operand}”: it has opcodes that other protocols than 2 have. ${refused.length ? `It also needs ${some(refused, 10)}.` : "It asks for nothing else that is refused."} The lines below load it without the check, if you trust the file; save it again with the pickle_protocol left out.`, recipe });
    } else if (refused.length && report.kind.startsWith("torch")) {
      const { names } = safeGlobals(report.globals);
      found.push({ level: "problem", title: "torch.load refuses it by default", text: `weights_only=True says “Unsupported global: GLOBAL ${refused[0].slice(0, 100).replace(/^builtins\./, "")}”. It needs ${some(refused, 10)}.${names.length ? " The lines below allow those, if you trust the file and have their packages." : ""}`, recipe });
    }
    return found;
  };

  /** Storages of which little is seen. @returns {Finding[]} */
  const storages = (/** @type {Report} */ report) => {
    if (report.truncated) return [];
    /** @type {Map<string, number>} */
    const seen = new Map();
    for (const { storage, shape, stride, bytes: size, layout } of report.tensors) {
      if (storage === null || layout !== "strided") continue;
      const distinct = stride.some((step, i) => step === 0 && shape[i] > 1) ? 0 : size; // expanded
      seen.set(storage, (seen.get(storage) ?? 0) + distinct);
    }
    const held = report.storages.map((storage) => ({ storage, hidden: storage.bytes - (seen.get(storage.key) ?? storage.bytes) })).filter(({ hidden }) => hidden > 0)
      .sort((a, b) => b.hidden - a.hidden);
    const hidden = held.reduce((sum, one) => sum + one.hidden, 0);
    const total = report.storages.reduce((sum, storage) => sum + storage.bytes, 0);
    if (!hidden || hidden < 0.05 * total || hidden < 1000) return [];
    const first = report.tensors.find(({ storage }) => storage === held[0].storage.key);
    if (!first) return [];
    const group = weightsOf(report), clone = "{key: value.clone() for key, value in";
    return [{ level: "problem", title: `${Math.floor((100 * hidden) / total)} % of it is data that no tensor shows`, text: `${first.name.slice(0, 100) || "A tensor"} is a view of ${bytes(first.bytes)} that keeps a storage of ${bytes(held[0].storage.bytes)}${held.length > 1 ? `, and ${plural(held.length - 1, "other storage")} ${held.length > 2 ? "are" : "is"} too large` : ""}. ${group ? "These lines save it without the rest:" : "Clone tensors before you save them."}`,
      ...group && { lines: [...opening(report), group.path.length ? `checkpoint${at(group.path)} = ${clone} checkpoint${at(group.path)}.items()}` : `checkpoint = ${clone} checkpoint.items()}`, 'torch.save(checkpoint, "small.pt")'].join("\n") }, recipe: "checkpoints/explaining_checkpoint_size" }];
  };

  /** What the keys tell about the model. @returns {Finding[]} */
  const keys = (/** @type {Report} */ report) => {
    /** @type {Finding[]} */
    const found = [];
    const group = weightsOf(report), names = report.tensors.map(({ name }) => name);
    const lightning = report.values.find(({ path }) => path[0] === "pytorch-lightning_version");
    const matching = (/** @type {RegExp} */ pattern) => names.filter((/** @type {string} */ name) => pattern.test(name));
    const note = (/** @type {string[]} */ which, /** @type {string} */ title, /** @type {string} */ text, /** @type {string} */ recipe) => {
      if (which.length) found.push({ level: "note", title, text: `${plural(which.length, "key")}, first ${which[0].slice(0, 120)}. ${text}`, recipe });
    };
    if (lightning) found.push({ level: "note", title: "A checkpoint of Lightning", text: `It was written by Lightning ${lightning.text.replace(/^"|"$/g, "").slice(0, 20)}: the weights are under “state_dict”, and their keys begin with the name of an attribute.`, recipe: "libraries/reading_lightning_checkpoints" });
    if (group) {
      const inside = keysOf(report, group), { names: wrappers, prefix } = wrapperOf(inside, Boolean(lightning));
      const all = [...wrappers.map((name) => `“${name}”`), ...prefix ? [`“${prefix}”`] : []];
      if (all.length) found.push({ level: "problem", title: wrappers.length ? `Keys contain ${all.join(" and ")}` : `Every key begins with ${all[0]}`, text: `${prefix === "model." ? "It is the attribute of the LightningModule." : wrappers.includes("_fsdp_wrapped_module") ? "They are of FSDP." : "A wrapper put it there, DataParallel, DDP or torch.compile."} The lines below remove it.`, recipe: "troubleshooting/removing_wrapper_prefixes" });
      if (inside.includes("n_averaged")) found.push({ level: "note", title: "An average of weights", text: "It is the state of an AveragedModel. The lines below load the average into the plain model.", recipe: "training/averaging_weights" });
    }
    const averages = report.groups.filter((other) => other.role === "weights" && isAverage(other));
    if (averages.length && group && !isAverage(group)) found.push({ level: "note", title: "It has an average of the weights too", text: `It is under ${averages[0].path.join(".").slice(0, 100)}, and often the better one for inference.`, recipe: "training/averaging_weights" });
    note(matching(/\blora_[AB]\b/), "An adapter (LoRA)", "These are changes to a model that is not in the file: load that first, then the adapter with PEFT.", "libraries/saving_and_merging_lora_adapters");
    note(matching(/\bparametrizations\.|\.weight_[gv]$|\.weight_(orig|mask|u)$/), "Weights are stored as their parts", "A parametrization, weight normalization or pruning is on the model that was saved: put it on yours, or merge the parts.", "troubleshooting/reading_parametrized_keys");
    note([...matching(/\.(SCB|absmax|quant_map|qweight|qzeros|scales|g_idx)$|quant_state|_packed_params/), ...report.tensors.filter(({ layout }) => layout === "quantized").map(({ name }) => name)], "Quantized weights", "They load only into a model that was quantized in the same way.", "checkpoints/loading_quantized_models");
    note(matching(/\b(gamma|beta)$/), "Keys of old names", "Layers of older models call their weight gamma and their bias beta.", "troubleshooting/renaming_keys_of_old_checkpoints");
    note(matching(/\b_?flat_param/), "Flat parameters of FSDP", "They were saved with LOCAL_STATE_DICT or flat, and load only with the same number of processes.", "checkpoints/saving_and_loading_fsdp_models");
    note(report.tensors.filter(({ kind }) => kind === "DTensor").map(({ name }) => name), "Distributed tensors (DTensor)", "Each process has saved its own part. Import torch.distributed.tensor before you load it.", "checkpoints/saving_and_loading_fsdp_models");
    note(report.tensors.filter(({ device }) => device === "meta").map(({ name }) => name), "Tensors without data", "They were on the meta device when they were saved, so their values are nowhere.", "");
    return found;
  };

  /** Devices, dtypes and tied weights. @returns {Finding[]} */
  const tensors = (/** @type {Report} */ report) => {
    /** @type {Finding[]} */
    const found = [];
    const devices = [...new Set(report.storages.map(({ device }) => device))].filter((device) => device && device !== "cpu" && device !== "meta");
    if (devices.length) found.push({ level: "note", title: `Saved on ${some(devices)}`, text: "torch.load puts it there again, and fails on a machine that has no such device. map_location=\"cpu\" reads it anywhere.", recipe: "recipes/save_load_across_devices" });
    const group = weightsOf(report);
    if (!group) return found;
    const inside = tensorsOf(report, group);
    /** @type {Map<string, TensorEntry[]>} */
    const sharing = new Map();
    for (const tensor of inside) if (tensor.storage !== null) gather(sharing, tensor.storage, tensor);
    const tied = [...sharing.values()].filter((all) => all.length > 1 && all.every((one) => one.offset === all[0].offset && one.shape.join() === all[0].shape.join() && one.bytes > 0));
    if (tied.length) found.push({ level: "note", title: "Tied weights", text: `${tied.slice(0, 3).map((all) => some(all.map(({ path }) => String(path.at(-1))), 3)).join("; ")} are one tensor. safetensors refuses to save them so; torch.save keeps them together.`, recipe: "checkpoints/sharing_weights_and_safetensors" });
    const half = inside.filter(({ dtype }) => dtype === "float16" || dtype === "bfloat16");
    if (half.length * 2 > inside.length) found.push({ level: "note", title: `Half precision, ${half[0].dtype}`, text: "load_state_dict copies it into the dtype that the model has; assign=True keeps that of the file.", recipe: "troubleshooting/controlling_dtype_on_load" });
    return found;
  };

  /** How it is loaded. @returns {Finding[]} */
  const answer = (/** @type {Report} */ report) => {
    if (report.truncated || report.module || report.textual || report.kind === "torchscript" || report.problems.some((/** @type {string} */ problem) => /missing|in no part/.test(problem))) return [];
    if (!/^(torch-|safetensors|dcp)/.test(report.kind) && !(report.kind === "pickle" && report.tensors.length)) return [];
    const group = weightsOf(report), states = report.groups.filter(({ role }) => ["optimizer", "scheduler", "gradient scaler"].includes(role));
    const dangerous = report.globals.some(({ runs }) => runs);
    if (dangerous) return [];
    if (!group && !states.length) return [{ level: "answer", title: "How to read it", text: report.tensors.length ? "No dictionary in it looks like the weights of a model." : "There are no tensors in it.", lines: opening(report).join("\n"), recipe: "troubleshooting/looking_inside_a_checkpoint" }];
    const training = states.length && group;
    const where = group?.path.length ? ` The model is under ${group.path.map((key) => `“${String(key).slice(0, 80)}”`).join(", ")}.` : "";
    return [{ level: "answer", title: "How to load it", text: training ? `It is a whole training checkpoint.${where}` : group ? `It is a state_dict of ${plural(group.tensors, "tensor")}.${where}` : "It has the state of an optimizer and no weights.", lines: loading(report),
      recipe: /^dcp|-index$/.test(report.kind) ? "checkpoints/converting_sharded_checkpoints" : training ? "recipes/saving_and_loading_a_general_checkpoint" : group ? "recipes/saving_and_loading_models_for_inference" : "training/matching_optimizer_state_to_parameters" }];
  };

  /** All findings about a report, the gravest first. @returns {Finding[]} */
  const findings = (/** @type {Report} */ report) => {
    /** @type {Finding[]} */
    const other = report.kind === "damaged" ? [] : report.problems.map((problem) => ({ level: "problem", title: problem, text: "" }));
    if (!report.complete) other.push({ level: "note", title: "Only a part of it is listed", text: "It has more, or deeper, values than this page takes." });
    const all = [...foreign(report), ...truncation(report), ...other, ...globals(report), ...storages(report), ...keys(report), ...tensors(report), ...answer(report)];
    const order = ["danger", "problem", "answer", "note"];
    return all.map((finding) => ({ ...finding, recipe: finding.recipe ?? "" })).sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
  };

  return { findings, bytes, plural, some };
})();
