// A report as text or Markdown, for an issue or a message.
"use strict";
const doctorText = (() => {
  const { bytes, plural } = doctorFindings;
  const MOST_ROWS = 200;

  const shapeOf = (/** @type {TensorEntry} */ tensor) => (tensor.missing ? "?" : tensor.layout === "nested" ? "nested" : `[${tensor.shape.join(", ")}]`);
  /** Bytes of the storages, each counted once, and of what has none. */
  const totalOf = (/** @type {Report} */ report) => report.storages.reduce((sum, storage) => sum + storage.bytes, 0)
    || report.tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
  const dtypesOf = (/** @type {Report} */ report) => {
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const { dtype } of report.tensors) counts.set(dtype, (counts.get(dtype) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]).map(([dtype, count]) => `${count.toLocaleString("en-US")} ${dtype}`).join(", ");
  };
  /** What one line says of the whole file. */
  const summary = (/** @type {Report} */ report) => [
    report.title, report.age, bytes(report.size), ...report.tensors.length ? [`${plural(report.tensors.length, "tensor")} of ${bytes(totalOf(report))}: ${dtypesOf(report)}`] : [],
  ].filter(Boolean).join(" · ");
  /** What there is besides tensors: `main`, the dictionaries with a purpose and the values at the top, and `others`, those inside. */
  const facts = (/** @type {Report} */ report) => {
    const named = (/** @type {ValueEntry[]} */ values) => values.map(({ path, text }) => /** @type {[string, string]} */ ([path.join(".") || "value", text]));
    const groups = report.groups.filter(({ role }) => role).map(({ path, role, tensors, detail }) => /** @type {[string, string]} */ ([path.join(".") || "all of it", [role, tensors ? plural(tensors, "tensor") : "", detail].filter(Boolean).join(", ")]));
    const top = named(report.values.filter(({ path }) => path.length <= 1));
    return { main: [...groups, ...top, ...report.metadata].slice(0, 60), others: named(report.values.filter(({ path }) => path.length > 1)).slice(0, 300) };
  };

  const inline = (/** @type {string} */ text) => {
    const line = text.replace(/\s+/g, " ").slice(0, 300), ticks = "`".repeat(Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length)) + 1);
    return ticks.length > 1 ? `${ticks} ${line} ${ticks}` : `\`${line}\``;
  };
  const cell = (/** @type {string} */ text) => inline(text).replaceAll("|", "\\|");
  const fence = (/** @type {string} */ text, language = "python") => {
    const ticks = "`".repeat(Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length)) + 1);
    return `${ticks}${language}\n${text}\n${ticks}`;
  };

  const asMarkdown = (/** @type {Report} */ report, /** @type {Finding[]} */ findings) => {
    const rows = report.tensors.slice(0, MOST_ROWS);
    return [
      `### ${inline(report.name)}`, "", summary(report), "",
      ...findings.flatMap(({ title, text, lines, language }) => [`**${escape(title)}** ${escape(text)}`, "", ...lines && lines.length < 5000 ? [fence(lines, language), ""] : []]),
      ...facts(report).main.map(([name, text]) => `- ${inline(name)}: ${inline(text)}`), "",
      ...rows.length ? ["| key | shape | dtype | bytes | device |", "|---|---|---|---:|---|", ...rows.map((tensor) => `| ${cell(tensor.name)} | ${shapeOf(tensor)} | ${cell(tensor.dtype)} | ${tensor.bytes} | ${tensor.device ? cell(tensor.device) : ""} |`)] : [],
      ...report.tensors.length > rows.length ? ["", `and ${plural(report.tensors.length - rows.length, "more tensor")}`] : [],
    ].join("\n").trim();
  };
  const escape = (/** @type {string} */ text) => text.replace(/[\\`*_{}[\]<>#|@]/g, "\\$&").replace(/\s+/g, " ");

  const asText = (/** @type {Report} */ report, /** @type {Finding[]} */ findings) => {
    const rows = report.tensors.slice(0, MOST_ROWS), width = Math.min(60, Math.max(0, ...rows.map(({ name }) => name.length)));
    return [
      report.name, summary(report), "",
      ...findings.flatMap(({ title, text, lines }) => [title, ...text ? [`  ${text}`] : [], ...lines && lines.length < 5000 ? ["", ...lines.split("\n").map((line) => `    ${line}`.trimEnd())] : [], ""]),
      ...facts(report).main.map(([name, text]) => `${name}: ${text}`), "",
      ...rows.map((tensor) => `${tensor.name.padEnd(width)}  ${shapeOf(tensor)}  ${tensor.dtype}  ${tensor.bytes}  ${tensor.device}`.trimEnd()),
      ...report.tensors.length > rows.length ? [`and ${plural(report.tensors.length - rows.length, "more tensor")}`] : [],
    ].join("\n").trim();
  };

  return { shapeOf, totalOf, summary, facts, asMarkdown, asText };
})();
