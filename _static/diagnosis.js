// Finds what explains a message, among the entries of error-index.js (CONTRIBUTING.md, "A diagnosis").
const diagnose = (() => {
  const PLACEHOLDER = /\{(?:([a-z]\w*)(?::([^{}]+))?)?\}/g;
  const NAME = "[^\\s'\",;(){}\\[\\]]+";
  const BROKEN = 5000; // letters of a message up to which it may have broken words
  const SHORTEST = 15; // letters that a message cut short must have

  const escape = (text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  const quoted = (text) => text.replace(/["`]/g, "'");

  // A pattern as pieces: text, or { name, choices }.
  const pieces = (pattern) => {
    const found = [];
    let at = 0;
    for (const hole of pattern.matchAll(PLACEHOLDER)) {
      if (hole.index > at) found.push(pattern.slice(at, hole.index));
      found.push({ name: hole[1] ?? "", choices: hole[2]?.split("|") });
      at = hole.index + hole[0].length;
    }
    if (at < pattern.length) found.push(pattern.slice(at));
    return found;
  };

  const lettersOf = (parts) => parts.reduce((sum, piece) => sum + (typeof piece === "string" ? piece.length : piece.choices ? 3 : 0), 0);

  const compile = (pattern, squeezed) => {
    const seen = new Set();
    const parts = pieces(quoted(pattern));
    const body = parts.map((piece) => {
      if (typeof piece === "string") return squeezed ? escape(piece.replace(/\s/g, "")) : escape(piece).replace(/\s+/g, "\\s?");
      if (!piece.name) return ".{0,300}?";
      if (seen.has(piece.name)) return `\\k<${piece.name}>`;
      seen.add(piece.name);
      return `(?<${piece.name}>${piece.choices ? piece.choices.map(escape).join("|") : NAME})`;
    }).join("");
    const first = parts[0], last = parts.at(-1);
    const begins = typeof first === "string" && /^\w/.test(first) && !squeezed ? "(?<!\\w)" : "";
    const ends = typeof last === "string" && (squeezed ? /\d$/ : /\w$/).test(last) ? (squeezed ? "(?!\\d)" : "(?!\\w)") : "";
    const texts = parts.filter((piece) => typeof piece === "string").map((piece) => piece.replace(/\s/g, ""));
    return {
      regex: new RegExp(begins + body + ends, "i"),
      longest: texts.reduce((a, b) => (b.length > a.length ? b : a), "").toLowerCase(),
      letters: lettersOf(parts.map((piece) => (typeof piece === "string" ? piece.replace(/\s/g, "") : piece))),
    };
  };

  // All ways in which a key fits a pattern of keys: [{ key: "conv1.weight", prefix: "module" }, ...].
  const parses = (key, parts, i = 0, at = 0, names = {}) => {
    if (i === parts.length) return at === key.length ? [names] : [];
    const piece = parts[i], next = parts[i + 1];
    if (typeof piece === "string") return key.startsWith(piece, at) ? parses(key, parts, i + 1, at + piece.length, names) : [];
    const ends = [];
    if (piece.choices) for (const choice of piece.choices) { if (key.startsWith(choice, at)) ends.push(at + choice.length); }
    else if (next === undefined) ends.push(key.length);
    else if (typeof next === "string") for (let end = key.indexOf(next, at); end >= 0; end = key.indexOf(next, end + 1)) ends.push(end);
    else for (let end = at; end <= key.length; end++) ends.push(end);
    return ends.filter((end) => end > at || !piece.name).flatMap((end) => {
      const value = key.slice(at, end);
      if (piece.name && names[piece.name] !== undefined && names[piece.name] !== value) return [];
      return parses(key, parts, i + 1, end, piece.name ? { ...names, [piece.name]: value } : names);
    });
  };

  const isFixed = (parts) => parts.every((piece) => typeof piece === "string" || piece.choices);
  const saysSomething = (parts) => parts.some((piece) => piece.choices || /\w/.test(typeof piece === "string" ? piece : ""));

  // A quick look before keys are parsed: whether all texts of a pattern are in some key.
  const mayMatch = (parts, keys) => parts.every((piece) => (typeof piece === "string" ? keys.some((key) => key.includes(piece))
    : !piece.choices || piece.choices.some((choice) => keys.some((key) => key.includes(choice)))));

  // What the keys of a message say for an entry: which of them it explains, or null.
  const explain = (entry, keys) => {
    const sides = { missing: entry.missing.map(pieces), unexpected: entry.unexpected.map(pieces) };
    const total = keys.missing.length + keys.unexpected.length;
    if (!total) return null;
    const impossible = (side, parts) => keys[side].length && !mayMatch(parts, keys[side]);
    if (["missing", "unexpected"].some((side) => sides[side].some((parts) => impossible(side, parts)))) return null;
    const namesOf = (parts) => parts.filter((piece) => piece.name).map((piece) => piece.name);
    const names = {}, explained = { missing: new Set(), unexpected: new Set() };
    let fixed = false, specific = 0;
    const alone = (side, parts) => {
      const fitting = keys[side].map((key) => [key, parses(key, parts)[0]]).filter(([, found]) => found);
      if (!fitting.length || !saysSomething(parts)) return false;
      if (isFixed(parts)) fixed = true;
      else if (fitting.length < keys[side].length / (lettersOf(parts) < 8 ? 2 : 5)) return false;
      for (const [key, found] of fitting) { explained[side].add(key); Object.assign(names, found); }
      specific += lettersOf(parts);
      return true;
    };
    const joined = (left, right) => {
      const shared = namesOf(left).filter((name) => namesOf(right).includes(name));
      const value = (found) => shared.map((name) => found[name]).join("\n");
      const index = new Map();
      for (const key of keys.missing) for (const found of parses(key, left)) index.set(value(found), { key, found });
      const votes = new Map(); // the same other names, such as the prefix, in as many pairs as possible
      for (const key of keys.unexpected) {
        for (const found of parses(key, right)) {
          const other = index.get(value(found));
          if (!other) continue;
          const both = { ...other.found, ...found };
          const rest = Object.entries(both).filter(([name]) => !shared.includes(name)).map(([, text]) => text).join("\n");
          if (!votes.has(rest)) votes.set(rest, { names: both, pairs: [] });
          votes.get(rest).pairs.push([other.key, key]);
        }
      }
      const best = [...votes.values()].sort((a, b) => b.pairs.length - a.pairs.length)[0];
      if (!best || best.pairs.length < Math.min(keys.missing.length, keys.unexpected.length) / 2) return false;
      for (const [one, other] of best.pairs) { explained.missing.add(one); explained.unexpected.add(other); }
      Object.assign(names, best.names);
      specific += lettersOf(left) + lettersOf(right);
      return true;
    };
    const known = { missing: keys.missingKnown, unexpected: keys.unexpectedKnown };
    const [left] = sides.missing, right = sides.unexpected.find((parts) => left && namesOf(parts).some((name) => namesOf(left).includes(name)));
    if (right) {
      if (keys.missing.length && keys.unexpected.length) { if (!joined(left, right)) return null; }
      else {
        // One list is not there. If it was cut off, the other can still say it all.
        const [side, parts] = keys.missing.length ? ["missing", left] : ["unexpected", right];
        const other = side === "missing" ? "unexpected" : "missing";
        if (known[other] || !(parts.some((piece) => piece.choices) || lettersOf(parts) > 7) || !alone(side, parts)) return null;
        if (explained[side].size < 0.8 * keys[side].length) return null;
      }
    }
    for (const side of ["missing", "unexpected"]) {
      for (const parts of sides[side]) if (!(right && (parts === left || parts === right)) && !alone(side, parts)) return null;
    }
    const part = (explained.missing.size + explained.unexpected.size) / total;
    return { names, score: 100 * Math.max(part, fixed ? 0.6 : 0) + specific, shown: [...explained.unexpected, ...explained.missing][0], explained };
  };

  const compiled = errorIndex.entries.map((entry) => ({
    entry,
    messages: [false, true].map((squeezed) => entry.message.map((pattern) => compile(pattern, squeezed))),
    exceptions: entry.except.map((pattern) => [compile(pattern, false), compile(pattern, true)]),
  }));
  const printed = errorIndex.messages.map((text) => quoted(text).replace(/\s/g, "").toLowerCase());

  const fits = ({ regex, longest }, text, lower) => lower.includes(longest) ? regex.exec(text) : null;

  // A message in the forms in which patterns are looked for, without line breaks or without any space.
  const prepare = (message) => {
    const [text, squeezed, around] = [message.text, message.squeezed, `${message.before} ${message.text}`].map(quoted);
    const lower = squeezed.toLowerCase();
    const aroundSqueezed = around.replace(/\s/g, "");
    return { ...message, text, squeezed, around, lower, aroundSqueezed, aroundLower: aroundSqueezed.toLowerCase() };
  };

  const among = (message, squeezed) => {
    const { around, aroundSqueezed, aroundLower, lower } = message, source = squeezed ? message.squeezed : message.text;
    return compiled.map(({ entry, messages, exceptions }) => {
      if (entry.traceback.length && !entry.traceback.some((part) => message.before.includes(part))) return null;
      if (exceptions.some(([one, other]) => fits(one, around, aroundLower) || fits(other, aroundSqueezed, aroundLower))) return null;
      let best = squeezed || !(entry.missing.length || entry.unexpected.length) ? null : explain(entry, message.keys);
      for (const one of messages[squeezed ? 1 : 0]) {
        const found = fits(one, source, lower);
        if (found && !(best?.score >= one.letters)) best = { names: found.groups ?? {}, score: one.letters, shown: found[0] };
      }
      return best && { entry, ...best };
    }).filter(Boolean).sort((a, b) => b.score - a.score);
  };

  // Names are read where there are spaces; where a terminal has broken words, patterns fit only without.
  const inAnyForm = (message) => {
    const found = among(message, false), others = message.text.length < BROKEN || !found.length ? among(message, true) : [];
    return [...found, ...others.filter(({ entry }) => !found.some((one) => one.entry === entry))].sort((a, b) => b.score - a.score);
  };

  // A part of a message is as good as the message, if all that have it mean the same.
  const cutShort = (message) => {
    const part = message.lower.replace(/^[\w.]*(?:error|exception|warning):/, "").replace(/[.…]+$/, "");
    if (part.length < SHORTEST || part.length > 400 || message.keys.missing.length || message.keys.unexpected.length) return [];
    const whole = errorIndex.messages.filter((_, i) => printed[i].includes(part)).flatMap((text) => readMessage(text).slice(0, 1).map(prepare));
    const found = whole.map((text) => among(text, false)[0]).filter(Boolean);
    return new Set(found.map(({ entry }) => entry)).size === 1 ? found.slice(0, 1) : [];
  };

  // Whether an entry explains a key that the best one does not.
  const addsTo = (best, { explained }) => !best.explained || !explained
    || ["missing", "unexpected"].some((side) => [...explained[side]].some((key) => !best.explained[side].has(key)));

  const fill = (text, names) => Object.entries(names).reduce((all, [name, value]) => all.replaceAll(`{${name}}`, value ?? ""), text);

  // The diagnoses of a text, the best first: [{ entry, paste, shown }, ...].
  return (text) => {
    for (const message of readMessage(text).map(prepare)) {
      for (const found of [inAnyForm(message), cutShort(message)]) {
        const good = found.filter((one) => one.score >= 0.6 * found[0].score && (one === found[0] || addsTo(found[0], one)))
          .map(({ entry, names, shown }) => ({ entry, shown, paste: fill(entry.paste, names) }))
          .filter(({ paste }, i, all) => all.findIndex((other) => other.paste === paste) === i); // others add nothing
        if (good.length) return good.slice(0, 3);
      }
    }
    return [];
  };
})();
