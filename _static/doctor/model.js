// What a model expects, from what a reader can paste: the message of load_state_dict, print(model), or a list of keys.
"use strict";
const doctorModel = (() => {
  const MOST_KEYS = 1_200_000, MOST_TEXT = 100_000_000;

  const numbersIn = (/** @type {string} */ text) => (text.match(/\d+/g) ?? []).map(Number);
  const argument = (/** @type {string} */ text, /** @type {string} */ name) => text.match(new RegExp(`\\b${name}=(\\([^)]*\\)|[^,()]+)`))?.[1];
  const first = (/** @type {string} */ text, /** @type {number} */ i) => Number(text.split(",")[i]?.match(/-?\d+/)?.[0]);
  /** @returns {Record<string, number[]>} */
  const norm = (/** @type {string} */ args) => {
    const size = numbersIn(args.match(/^\s*\(([^)]*)\)/)?.[1] ?? args.split(",")[0]);
    return args.includes("elementwise_affine=False") ? {} : { weight: size, bias: size };
  };

  /** The parameters and buffers of torch's own layers, from what print shows between their parentheses; null if it is none of those. */
  const parametersOf = (/** @type {string} */ type, /** @type {string} */ args) => {
    /** @type {Record<string, number[]>} */
    let found = {};
    if (/^(NonDynamicallyQuantizable)?Linear$/.test(type)) {
      const [inside, outside] = [argument(args, "in_features"), argument(args, "out_features")].map(Number);
      found = { weight: [outside, inside], bias: [outside] };
    } else if (/^Conv(Transpose)?[123]d$/.test(type)) {
      const inside = first(args, 0), outside = first(args, 1), groups = Number(argument(args, "groups") ?? 1), kernel = numbersIn(argument(args, "kernel_size") ?? "");
      found = { weight: type.includes("Transpose") ? [inside, outside / groups, ...kernel] : [outside, inside / groups, ...kernel], bias: [outside] };
    } else if (/^(Sync)?BatchNorm([123]d)?$|^InstanceNorm[123]d$/.test(type)) {
      const size = [first(args, 0)];
      if (!args.includes("affine=False")) found = { weight: size, bias: size };
      if (!args.includes("track_running_stats=False")) Object.assign(found, { running_mean: size, running_var: size, num_batches_tracked: [] });
    } else if (type === "LayerNorm") found = norm(args);
    else if (type === "RMSNorm") found = { ...norm(args).weight && { weight: norm(args).weight } };
    else if (type === "GroupNorm") found = args.includes("affine=False") ? {} : { weight: [first(args, 1)], bias: [first(args, 1)] };
    else if (type === "Embedding" || type === "EmbeddingBag") found = { weight: [first(args, 0), first(args, 1)] };
    else if (type === "PReLU") found = { weight: [Number(argument(args, "num_parameters"))] };
    else if (/^(LSTM|GRU|RNN)$/.test(type)) {
      const inside = first(args, 0), hidden = first(args, 1), layers = Number(argument(args, "num_layers") ?? 1), ways = args.includes("bidirectional=True") ? ["", "_reverse"] : [""];
      const gates = { LSTM: 4, GRU: 3, RNN: 1 }[type] ?? 1;
      for (let layer = 0; layer < Math.min(layers, 100); layer += 1) {
        for (const way of ways) {
          found[`weight_ih_l${layer}${way}`] = [gates * hidden, layer ? hidden * ways.length : inside];
          found[`weight_hh_l${layer}${way}`] = [gates * hidden, hidden];
          found[`bias_ih_l${layer}${way}`] = found[`bias_hh_l${layer}${way}`] = [gates * hidden];
        }
      }
    } else return null;
    if (/\bbias=False\b/.test(args)) found = Object.fromEntries(Object.entries(found).filter(([name]) => !name.startsWith("bias")));
    return found;
  };

  /** The keys of a model from print(model). Parameters that a module of one's own holds itself are not shown there. */
  const fromPrint = (/** @type {string} */ text) => {
    /** @type {Map<string, Shape>} */
    const keys = new Map();
    /** @type {{indent: number, names: string[], type: string}[]} */
    const stack = [];
    const add = (/** @type {string[]} */ names, /** @type {Record<string, number[]>} */ parameters) => {
      for (const name of names) for (const [key, shape] of Object.entries(parameters)) if (keys.size < MOST_KEYS) keys.set(name ? `${name}.${key}` : key, shape.every(Number.isFinite) ? shape : null);
    };
    for (const line of text.split("\n")) {
      const found = line.match(/^(\s*)(?:\(([\w.-]+)\): )?(?:(\d+) x )?([A-Za-z_]\w*)\((.*)$/);
      if (!found) continue;
      const [, space, name, times, type, rest] = found;
      if (name === undefined && stack.length) continue; // an argument on a line of its own
      while (stack.length && stack[stack.length - 1].indent >= space.length) stack.pop();
      const parents = stack.length ? stack[stack.length - 1].names : [""];
      const range = times && name.match(/^(\d+)-(\d+)$/);
      const own = range ? Array.from({ length: Math.min(Number(times), 1000) }, (_, i) => String(Number(range[1]) + i)) : name === undefined ? [""] : [name];
      const names = parents.flatMap((parent) => own.map((part) => (parent && part ? `${parent}.${part}` : parent || part))).slice(0, 10_000);
      stack.push({ indent: space.length, names, type });
      const args = rest.replace(/\)\s*$/, "");
      add(names, parametersOf(type, args) ?? {});
      if (type === "NonDynamicallyQuantizableLinear" && stack.at(-2)?.type === "MultiheadAttention") {
        const width = Number(argument(args, "in_features"));
        add(parents, { in_proj_weight: [3 * width, width], in_proj_bias: [3 * width] });
      }
    }
    return keys;
  };

  const quoted = (/** @type {string} */ text) => [...text.matchAll(/"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'/g)].map((match) => match[1] ?? match[2]);
  const sizeIn = (/** @type {string} */ text) => {
    const found = text.match(/(?:torch\.Size\()?[[(]([\d,\s]*)[\])]/);
    return found ? numbersIn(found[1]) : null;
  };

  /** What load_state_dict says, added to the keys that the file has. @param {string} text @param {{name: string, shape: Shape}[]} has */
  const fromError = (text, has) => {
    const section = (/** @type {string} */ title) => quoted(text.match(new RegExp(`${title} key\\(s\\) in state_dict:([^]*?)(?=\\.\\s*(?:\\n|$)|(?:Missing|Unexpected) key|size mismatch for|$)`))?.[1] ?? "");
    const missing = section("Missing"), unexpected = new Set(section("Unexpected"));
    const keys = new Map(has.filter(({ name }) => !unexpected.has(name)).map(({ name, shape }) => [name, shape]));
    for (const key of missing.slice(0, MOST_KEYS)) keys.set(key, null);
    for (const [, key, size] of text.matchAll(/size mismatch for (\S+): copying a param with shape .*? from checkpoint,\s*the shape in current model is (torch\.Size\(\[[\d, ]*\]\))/g)) keys.set(key, sizeIn(size));
    return keys;
  };

  /** A key on each line, with its shape after it or not; or a list of texts. */
  const fromList = (/** @type {string} */ text) => {
    /** @type {Map<string, Shape>} */
    const keys = new Map();
    const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
    if (lines.length < 3 || /^(odict_keys|dict_keys|\[|\{|\()/.test(lines[0])) for (const key of quoted(text).slice(0, MOST_KEYS)) keys.set(key, null);
    if (!keys.size) {
      for (const line of lines.slice(0, MOST_KEYS)) {
        const key = line.match(/^['"]?([^\s'",:]+)['"]?[\s,:]*/);
        if (key) keys.set(key[1], sizeIn(line.slice(key[0].length)));
      }
    }
    return keys;
  };

  /** @param {string} text @param {{name: string, shape: Shape}[]} has the tensors of the file @returns {Expected} */
  const expected = (text, has) => {
    text = text.slice(0, MOST_TEXT).replace(/\x1b\[[\d;]*m/g, "").replace(/\r/g, "");
    if (/(Missing|Unexpected) key\(s\) in state_dict|size mismatch for /.test(text)) return { kind: "error", keys: fromError(text, has), partial: false };
    if (/^\s*\([\w.-]+\): (\d+ x )?\w+\(|^\s*[A-Z]\w*\(/m.test(text)) {
      const keys = fromPrint(text);
      if (keys.size) return { kind: "model", keys, partial: true };
    }
    return { kind: "keys", keys: fromList(text), partial: false };
  };

  return { expected };
})();
