// Reads a pasted text: which of its messages decides, and the keys that a state_dict error lists.
const readMessage = (() => {
  const LIMIT = 100000; // characters of the head and of the tail of a long text, and of a list of keys between them
  const LIST = "Unexpected key(s) in state_dict";
  const MESSAGES = 4; // that led to the last one
  const LISTED = 300; // keys of a list
  const TYPE = /^[ \t]*(?:[\w.]+\.)?(\w*(?:Error|Exception|Warning|Interrupt|Exit|Failure)|UnsupportedOperation)(?=:|[ \t]*$)/gm;
  const TRACEBACK = /Traceback \(most recent call last\)|During handling of the above exception|The above exception was the direct cause/g;
  // What ends a program after another message has said why.
  const ENDS = /^(?:ChildFailedError|CalledProcessError|ProcessRaisedException|ProcessExitedException|SystemExit|KeyboardInterrupt|RemoteError|RayTaskError|WorkerCrashedError)$/;

  const shorten = (text) => {
    if (text.length <= 2 * LIMIT) return text;
    const head = text.slice(0, LIMIT), tail = text.slice(-LIMIT), at = text.indexOf(LIST, LIMIT - LIST.length);
    const list = at > 0 && at < text.length - LIMIT ? text.slice(at, Math.min(at + LIMIT, text.length - LIMIT)) : "";
    return `${head}\n…\n${list}\n…\n${tail}`;
  };

  const plain = (text) => shorten(text)
    .replace(/(?:\x1b|\\x1b|\\033|\\u001b)\[[\d;]*[A-Za-z]/g, "") // colors
    .replace(/\r/g, "")
    .replace(/\\n/g, "\n").replace(/\\t/g, " ").replace(/\\(?=["'])/g, "")
    .replace(/&quot;|&#39;|&#x27;|[“”‘’„`´]/g, "'").replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&")
    .replace(/^(?:[^\S\n]*(?:\[[\w-]*rank\d+\]:?|\(\w+ pid=[^)\n]*\)|E(?=\s{2})|[|│┃║>╭╰─❱]+))+/gm, "") // torchrun, Ray, pytest, rich, a quote
    .replace(/[^\S\n]*[│┃║╮╯─]+[^\S\n]*$/gm, "");

  const oneLine = (text) => text.replace(/\s+/g, " ").trim();

  // The keys listed behind a word, and whether the list ends.
  const list = (text, start) => {
    const found = start.exec(text);
    if (!found) return { keys: [], ends: false, there: false };
    const rest = text.slice(found.index + found[0].length);
    const items = /^(?:\s*["'][^"'\n]{1,400}["']\s*,?)*/.exec(rest.slice(0, 400 * LISTED))[0];
    const keys = [...items.matchAll(/["']([^"']+)["']/g)].slice(0, LISTED).map((item) => item[1].replace(/\s+/g, ""));
    return { keys: [...new Set(keys)], ends: /^\s*[.\]}]/.test(rest.slice(items.length)), there: true };
  };

  const keysOf = (text) => {
    const missing = list(text, /Missing key(?:\(s\)|s) in state_?dict: ?(?:["']\{)?|missing_keys=\[/i);
    const unexpected = list(text, /Unexpected key\(s\) in state_?dict: ?|unexpected_keys=\[/i);
    const head = /Error\(s\) in loading state_dict for|IncompatibleKeys\(/.test(text);
    return {
      missing: missing.keys,
      unexpected: unexpected.keys,
      // A list that is not there may have been cut off.
      missingKnown: missing.there || head,
      unexpectedKnown: unexpected.there || (head && (!missing.there || missing.ends)),
    };
  };

  const part = (type, text, before) => {
    const line = oneLine(text);
    return { type, text: line, squeezed: line.replace(/\s/g, ""), keys: keysOf(line), before: oneLine(before).replaceAll("\\", "/") };
  };

  // The messages of a text, the one that decides first; the others are what led to it.
  return (pasted) => {
    const text = plain(pasted);
    const all = [...text.matchAll(TYPE)].map((found) => ({ type: found[1], start: found.index }));
    const errors = all.filter(({ type }) => !type.endsWith("Warning"));
    const starts = errors.length ? errors : all;
    if (!starts.length) return [part("", text, text)];
    const marks = [...text.matchAll(TRACEBACK)].map((found) => found.index);
    const result = [];
    for (let i = starts.length - 1; i >= Math.max(0, starts.length - MESSAGES); i--) {
      const { type, start } = starts[i];
      const next = starts[i + 1]?.start ?? text.length;
      const mark = marks.find((at) => at > start && at < next);
      result.push(part(type, text.slice(start, mark ?? next), text.slice(0, start)));
      const before = text.slice(starts[i - 1]?.start ?? 0, start);
      const chained = /During handling of the above|was the direct cause of|Original Traceback|The above exception/.test(before);
      if (!chained && !ENDS.test(type)) break;
    }
    return result;
  };
})();
