// How the keys of a file become those that a model expects: by the same names, by other prefixes,
// and, where names differ, by shapes and order, which is said to be a guess.
"use strict";
const doctorComparison = (() => {
  const { python, gather } = doctorContents;
  const { weightsOf, tensorsOf, opening, at } = doctorLines;
  const MOST_GUESSES = 5000, MOST_VOTERS = 50_000;

  const fits = (/** @type {Shape} */ a, /** @type {Shape} */ b) => !a || !b || a.join() === b.join();

  /** A name at each of its first dots: `[start, end]`. */
  const splits = (/** @type {string} */ name) => {
    const found = [["", name]];
    for (let dot = name.indexOf("."); dot >= 0 && found.length < 6; dot = name.indexOf(".", dot + 1)) found.push([name.slice(0, dot + 1), name.slice(dot + 1)]);
    return found;
  };

  /** The change of a prefix that gives most of the keys another name that is wanted: `[old, new]`, or null. */
  const bestPrefix = (/** @type {Key[]} */ from, /** @type {Map<string, Shape>} */ to) => {
    /** @type {Map<string, number>} */
    const votes = new Map();
    /** @type {Map<string, string[]>} */
    const ends = new Map();
    const asked = from.length > MOST_VOTERS ? from.filter((_, i) => i % Math.ceil(from.length / MOST_VOTERS) === 0) : from;
    for (const { name } of asked) for (const [, end] of splits(name)) ends.set(end, []);
    for (const name of to.keys()) { // the end of a name from each dot on leads to its beginning
      for (const [start, end] of splits(name)) {
        const known = ends.get(end);
        if (known && known.length < 50) known.push(start);
      }
    }
    for (const { name, shape } of asked) {
      for (const [start, end] of splits(name)) {
        for (const other of ends.get(end) ?? []) {
          if (start === other || !fits(shape, to.get(other + name.slice(start.length)) ?? null)) continue;
          const rule = `${start}\n${other}`;
          votes.set(rule, (votes.get(rule) ?? 0) + 1);
        }
      }
    }
    const [best] = [...votes].sort((a, b) => b[1] - a[1] || a[0].length - b[0].length);
    return best && { old: best[0].split("\n")[0], new: best[0].split("\n")[1], count: best[1] };
  };

  /**
   * @param {Key[]} file @param {Map<string, Shape>} wanted
   * @returns {KeyMap}
   */
  const mapKeys = (file, wanted) => {
    const pairs = [], shapes = [], rules = [];
    const open = new Map(wanted);
    let rest = [];
    for (const key of file) {
      if (!open.has(key.name)) rest.push(key);
      else {
        const shape = open.get(key.name) ?? null;
        if (fits(key.shape, shape)) pairs.push({ from: key.name, to: key.name, how: "same name" });
        else shapes.push({ from: key.name, to: key.name, has: key.shape, wants: shape });
        open.delete(key.name);
      }
    }
    for (let i = 0; i < 12 && rest.length && open.size; i += 1) {
      const rule = bestPrefix(rest, open);
      if (!rule || (rule.count < 2 && rest.length > 2)) break;
      const others = [];
      let used = 0;
      for (const key of rest) {
        const name = key.name.startsWith(rule.old) ? rule.new + key.name.slice(rule.old.length) : null;
        if (name === null || !open.has(name)) {
          others.push(key);
          continue;
        }
        const shape = open.get(name) ?? null;
        if (fits(key.shape, shape)) pairs.push({ from: key.name, to: name, how: shape || rule.count > 3 ? "another prefix" : "same ending" });
        else shapes.push({ from: key.name, to: name, has: key.shape, wants: shape });
        open.delete(name);
        used += 1;
      }
      if (!used) break;
      rules.push(rule);
      rest = others;
    }
    // What is left: the same ending and shape, in order; sure only if there is no other.
    /** @type {Map<string, string[]>} */
    const waiting = new Map();
    const sign = (/** @type {string} */ name, /** @type {Shape} */ shape) => `${name.slice(name.lastIndexOf(".") + 1)} ${shape}`;
    for (const [name, shape] of open) if (shape) gather(waiting, sign(name, shape), name);
    const counts = new Map();
    for (const { name, shape } of rest) counts.set(sign(name, shape), (counts.get(sign(name, shape)) ?? 0) + 1);
    const unused = [];
    for (const [i, { name, shape }] of rest.entries()) {
      const found = waiting.get(sign(name, shape)), total = counts.get(sign(name, shape));
      const to = i < MOST_GUESSES && shape && found?.length ? found.shift() : undefined;
      if (to === undefined) {
        unused.push(name);
        continue;
      }
      pairs.push({ from: name, to, how: total === 1 && !found?.length ? "only one of this shape" : "same shape, in order" });
      open.delete(to);
    }
    return { pairs, rules, shapes, unused, missing: [...open.keys()] };
  };

  /** How sure the map is, in a word and as a part of the model that gets a value. */
  const confidence = (/** @type {KeyMap} */ map, /** @type {number} */ wanted) => {
    const guessed = map.pairs.filter(({ how }) => how === "same shape, in order" || how === "same ending").length, single = map.pairs.filter(({ how }) => how === "only one of this shape").length;
    const percent = wanted ? Math.floor((100 * map.pairs.length) / wanted) : 0;
    return { percent, word: guessed ? "a guess" : single ? "likely" : "sure", guessed, single };
  };

  const list = (/** @type {string[]} */ names, indent = "    ") => names.map((name) => `${indent}${python(name)},`).join("\n");
  const few = (/** @type {string[]} */ names) => (names.length <= 3 ? `{${names.map(python).join(", ")}}` : `{\n${list(names)}\n}`);

  /** The loop that makes the file load into the model. */
  const loop = (/** @type {Report} */ report, /** @type {GroupEntry | undefined} */ group, /** @type {KeyMap} */ map) => {
    const renamed = map.pairs.filter(({ from, to }) => from !== to);
    const rules = map.rules.map(({ old, new: other }) => [old, other]);
    const byRule = (/** @type {string} */ key) => {
      const rule = rules.find(([old]) => key.startsWith(old));
      return rule ? rule[1] + key.slice(rule[0].length) : key;
    };
    const dropped = [...map.unused, ...map.shapes.map(({ from }) => from)];
    const names = map.pairs.filter(({ from, to }) => byRule(from) !== to);
    const lines = [...opening(report), `state_dict = checkpoint${at(group?.path ?? [])}`];
    if (!renamed.length && !dropped.length) return [...lines, map.missing.length ? `model.load_state_dict(state_dict, strict=False)  # keeps ${map.missing.length} of the model` : "model.load_state_dict(state_dict)"].join("\n");
    if (rules.length) lines.push(`prefixes = {${rules.map(([old, other]) => `${python(old)}: ${python(other)}`).join(", ")}}`);
    if (names.length) lines.push("names = {", ...names.map(({ from, to }) => `    ${python(from)}: ${python(to)},`), "}");
    if (dropped.length) lines.push(`unused = ${few(dropped)}`);
    lines.push("renamed = {}", "for key, value in state_dict.items():");
    if (dropped.length) lines.push("    if key in unused:", "        continue");
    if (rules.length) {
      lines.push(`    ${names.length ? "if key in names:\n        key = names[key]\n    else:\n        " : ""}for old, new in prefixes.items():`);
      const indent = names.length ? "    " : "";
      lines.push(`${indent}        if key.startswith(old):`, `${indent}            key = new + key.removeprefix(old)`, `${indent}            break`);
    } else if (names.length) lines.push("    key = names.get(key, key)");
    lines.push("    renamed[key] = value");
    const stays = map.missing.length + map.shapes.length;
    lines.push(stays ? "result = model.load_state_dict(renamed, strict=False)\nprint(result.missing_keys)  # these keep the values that the model has" : "model.load_state_dict(renamed)");
    return lines.join("\n");
  };

  /** The keys of the model's weights in a file, or of all its tensors. @returns {Key[]} */
  const ownKeys = (/** @type {Report} */ report, group = weightsOf(report)) => (group ? tensorsOf(report, group) : report.tensors)
    .map((tensor) => ({ name: group ? String(tensor.path.at(-1)) : tensor.name, shape: tensor.missing ? null : tensor.shape, dtype: tensor.dtype }));

  /** Compare a file with what is expected. @param {Report} report @param {Expected} other */
  const compare = (report, other) => {
    const group = weightsOf(report), file = ownKeys(report, group);
    const map = mapKeys(file, other.keys);
    const dtypes = other.dtypes ? file.filter(({ name, dtype }) => other.dtypes?.has(name) && other.dtypes.get(name) !== dtype).map(({ name, dtype }) => ({ name, has: dtype, wants: other.dtypes?.get(name) })) : [];
    return { ...map, dtypes, wanted: other.keys.size, has: file.length, kind: other.kind, partial: other.partial, confidence: confidence(map, other.keys.size), lines: loop(report, group, map) };
  };

  /** What another file has, as what is expected. */
  const expectedOf = (/** @type {Report} */ report) => {
    const keys = ownKeys(report);
    return { kind: "file", partial: false, keys: new Map(keys.map(({ name, shape }) => [name, shape])), dtypes: new Map(keys.map(({ name, dtype }) => [name, dtype])) };
  };

  return { compare, expectedOf, ownKeys, mapKeys };
})();
