// The page: takes files, shows the report, its findings and its keys, and compares it with a second input.
// Names from files are put in as text, never as markup. Nothing is sent or stored.
"use strict";
{
  const { Canceled } = doctorBytes;
  const { bytes, plural } = doctorFindings;
  const { consult } = doctorWorker;
  const { summary, facts, asText, asMarkdown } = doctorText;
  const { element, code, keyTable } = doctorTable;
  const find = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
  const inputOf = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (document.getElementById(id));
  const pasted = /** @type {HTMLTextAreaElement} */ (document.getElementById("doctor-pasted"));
  const status = find("doctor-status"), cancel = find("doctor-cancel"), answer = find("doctor-answer"), second = find("doctor-second"), difference = find("doctor-difference"), area = find("doctor-drop");
  /** @type {{id: number, files: File[], report: NonNullable<Answer["report"]>} | null} */
  let subject = null;
  let opened = 0;
  /** @type {AbortController | null} */
  let running = null;

  const copyButton = (/** @type {string} */ text, /** @type {string} */ label, /** @type {() => string} */ content) => {
    const button = element("button", { type: "button", className: "copy-text", "aria-label": label }, text);
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(content());
        say(button, "Copied");
      } catch { // no clipboard for this page: show it selected, so that the keyboard copies it
        const field = /** @type {HTMLTextAreaElement} */ (element("textarea", { className: "doctor-copy", rows: 8, readOnly: true, value: content(), "aria-label": label }));
        button.after(field);
        field.select();
      }
    });
    return button;
  };
  const MOST_CODE = 100_000, MOST_PASTED = 1_000_000;
  /** Code, of which a browser could not lay out all where a million keys have names of their own. */
  const block = (/** @type {string} */ lines) => element("div", { className: "highlight-default doctor-lines" },
    element("div", { className: "cell-tools" }, copyButton("Copy", "Copy this code", () => lines)),
    element("div", { className: "highlight" }, element("pre", { tabIndex: 0 }, lines.slice(0, MOST_CODE))),
    ...lines.length > MOST_CODE ? [element("p", {}, `These are the first ${bytes(MOST_CODE)} of ${bytes(lines.length)}: Copy takes all of it.`)] : []);
  /** A link to a recipe that this page lists below. */
  const recipeLink = (name = "") => {
    const link = name && /** @type {HTMLAnchorElement | null} */ (document.querySelector(`#what-it-looks-for a[href*="/${name}.html"]`));
    return link ? [element("p", {}, "Recipe: ", element("a", { href: link.getAttribute("href"), className: "reference" }, link.textContent ?? ""))] : [];
  };
  const WORDS = { danger: "Danger", problem: "Problem", answer: "Answer", note: "Note" };
  const finding = (/** @type {Finding} */ { level, title, text, lines, recipe }) => element("section", { className: "doctor-finding", "data-level": level },
    element("h3", {}, element("small", {}, WORDS[level]), " ", element("span", { className: "untrusted" }, title)),
    ...text ? [element("p", { className: "untrusted" }, text)] : [], ...lines ? [block(lines)] : [], ...recipeLink(recipe));
  const definition = (/** @type {[string, string][]} */ rows) => element("dl", { className: "doctor-facts" }, ...rows.map(([name, text]) => element("div", {}, element("dt", {}, code(name)), element("dd", { className: "untrusted" }, text.slice(0, 500)))));

  const show = (/** @type {NonNullable<Answer["report"]>} */ report) => {
    const found = report.findings, { main, others } = facts(report), refused = report.globals.filter(({ verdict }) => verdict !== "allowed");
    answer.replaceChildren(
      element("h2", { id: "doctor-name", tabIndex: -1, className: "untrusted" }, report.name),
      element("p", {}, `${summary(report)}.`),
      element("p", { className: "doctor-read" }, `${bytes(Math.min(report.read, report.size))} of it were read${report.files > 1 ? `, from ${report.files} files` : ""}; nothing was sent or executed.`),
      element("p", { className: "doctor-copies" }, copyButton("Copy as text", "Copy the answer as text", () => asText(report, found)), " ", copyButton("Copy as Markdown", "Copy the answer as Markdown", () => asMarkdown(report, found))),
      ...found.map(finding),
      ...main.length ? [element("h3", {}, "What is in it"), definition(main)] : [],
      ...others.length ? [element("details", { className: "fold" }, element("summary", {}, `Values inside of these (${others.length})`), definition(others))] : [],
      ...refused.length ? [element("details", { className: "fold" }, element("summary", {}, `Classes and functions that torch.load refuses by default (${refused.length})`), element("ul", {}, ...refused.slice(0, 200).map(({ name }) => element("li", {}, code(name)))))] : [],
      ...report.tensors.length ? [element("h3", {}, "Keys"), keyTable(report)] : [],
    );
    answer.hidden = false;
    second.hidden = !report.tensors.length;
    difference.replaceChildren();
    pasted.value = "";
    find("doctor-name").focus();
  };

  /** Ask the worker, with the status and the Cancel button; null if that came to nothing. */
  const ask = async (/** @type {Question} */ question, /** @type {File[]} */ files, /** @type {string} */ doing) => {
    running?.abort();
    const own = running = new AbortController();
    const total = files.reduce((sum, { size }) => sum + size, 0);
    cancel.hidden = false;
    status.textContent = `${doing}…`;
    try {
      return await consult(question, { signal: own.signal, progress: (read) => { if (own === running) status.textContent = `Reading: ${bytes(read)} of ${bytes(total)}…`; } });
    } catch (error) {
      if (own === running) status.textContent = error instanceof Canceled ? "Canceled." : "The file could not be read. If it is open in another program or was moved, choose it again.";
      return null;
    } finally {
      if (own === running) {
        running = null;
        cancel.hidden = true;
      }
    }
  };
  const open = async (/** @type {File[]} */ files) => {
    if (!files.length) return;
    const id = opened += 1;
    const found = await ask({ id, files }, files, `Reading ${files[0].name.slice(0, 100)}`);
    if (!found?.report) return;
    const { report } = found;
    subject = { id, files, report };
    show(report);
    status.textContent = `${plural(report.findings.length, "finding")}, ${plural(report.tensors.length, "tensor")}.`;
  };

  // -- what the reader gives ------------------------------------------------------

  for (const [button, input] of [["doctor-choose", "doctor-file"], ["doctor-choose-folder", "doctor-folder"], ["doctor-choose-other", "doctor-other"]]) {
    find(button).addEventListener("click", () => find(input).click());
  }
  const filesOf = (/** @type {HTMLInputElement} */ input) => {
    const files = [...input.files ?? []];
    input.value = ""; // so that the same file can be chosen again
    return files;
  };
  for (const input of ["doctor-file", "doctor-folder"]) find(input).addEventListener("change", () => open(filesOf(inputOf(input))));
  cancel.addEventListener("click", () => {
    running?.abort();
    area.focus();
  });

  /** The files that were dropped, those of a folder too, but not of folders in that. */
  const dropped = async (/** @type {DataTransfer} */ data) => {
    const entries = [...data.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => !!entry), files = [...data.files];
    if (!entries.some((entry) => entry.isDirectory)) return files;
    const fileOf = (/** @type {FileSystemEntry} */ entry) => /** @type {Promise<File>} */ (new Promise((resolve, reject) => { /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject); }));
    const found = [];
    for (const entry of entries) {
      if (entry.isFile) found.push(await fileOf(entry));
      else {
        const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
        for (;;) {
          const part = /** @type {FileSystemEntry[]} */ (await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); }));
          if (!part.length || found.length > 10_000) break;
          for (const inner of part) if (inner.isFile) found.push(await fileOf(inner));
        }
      }
    }
    return found;
  };
  for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      if (!(/** @type {DragEvent} */ (event).dataTransfer?.types.includes("Files"))) return;
      event.preventDefault(); // a file dropped beside the area would replace the page
      area.classList.toggle("doctor-over", name === "dragenter" || name === "dragover");
      if (name === "drop") dropped(/** @type {DataTransfer} */ (/** @type {DragEvent} */ (event).dataTransfer)).then(open, () => { status.textContent = "The folder could not be read: choose it with the button."; });
    });
  }

  // -- the second input ------------------------------------------------------------

  const names = /** @template Entry @param {string} title @param {Shown<Entry>} list @param {(entry: Entry) => string} said */ (title, { count, first }, said = String) => (count
    ? [element("details", { className: "fold" }, element("summary", {}, `${title} (${count.toLocaleString("en-US")})`), element("ul", {}, ...first.map((entry) => element("li", {}, code(said(entry)))), ...count > first.length ? [element("li", {}, `and ${count - first.length} more`)] : []))] : []);
  const showDifference = (/** @type {Difference} */ found) => {
    const { pairs, renamed, shapes, unused, missing, dtypes, confidence, wanted, lines } = found;
    const same = pairs === wanted && !unused.count && !shapes.count;
    const side = found.kind === "file" ? "the other file" : "the model";
    const head = same && !renamed.count ? "They have the same keys and shapes." : `${pairs} of ${plural(wanted, "key")} of ${side} get a value from this file, ${confidence.percent} %${renamed.count ? `, ${renamed.count} of them under another name` : ""}.`;
    const sure = { sure: "", likely: " Some names were matched by a shape that occurs once: look at the map.", "a guess": ` ${confidence.guessed} names were matched by shape and order, or by their ending, which is a guess: look at the map before you use it.` }[/** @type {"sure"} */ (confidence.word)];
    difference.replaceChildren(
      element("h3", { tabIndex: -1, id: "doctor-differs" }, "What differs"),
      element("p", {}, head + sure + (found.partial && unused.count ? " print(model) does not show parameters that a module holds itself: if unused keys are such, paste list(model.state_dict()) instead." : "")),
      ...names("Renamed", renamed, ({ from, to, how }) => `${from} → ${to}   (${how})`),
      ...names("Other shape", shapes, ({ from, to, has, wants }) => `${from}${from === to ? "" : ` → ${to}`}: [${has?.join(", ")}] in this file, [${wants?.join(", ")}] in ${side}`),
      ...names("Other dtype", dtypes, ({ name, has, wants }) => `${name}: ${has} in this file, ${wants} in ${side}`),
      ...names("In this file only", unused), ...names(`In ${side} only`, missing),
      ...pairs ? [element("p", {}, `To load this file into ${found.kind === "file" ? "the model of the other file" : "the model"}:`), block(lines)] : [],
      ...recipeLink(shapes.count ? "troubleshooting/adapting_tensors_to_another_shape" : renamed.count ? "troubleshooting/renaming_keys_of_old_checkpoints" : "troubleshooting/reading_missing_and_unexpected_keys"),
    );
    find("doctor-differs").focus();
  };
  const compare = async (/** @type {{text?: string, files?: File[]}} */ second) => {
    if (!subject || second.files && !second.files.length) return;
    const found = await ask({ id: subject.id, files: subject.files, second }, second.files ?? subject.files, "Comparing");
    if (!found) return;
    status.textContent = "";
    if (found.difference) showDifference(found.difference);
    else difference.replaceChildren(element("p", { role: "alert" }, found.problem ?? ""));
  };
  find("doctor-compare").addEventListener("click", () => compare({ text: pasted.value }));
  pasted.addEventListener("paste", (event) => {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (text.length < MOST_PASTED) return;
    event.preventDefault(); // a browser needs minutes to lay out a million lines
    compare({ text });
  });
  find("doctor-other").addEventListener("change", () => compare({ files: filesOf(inputOf("doctor-other")) }));
}
