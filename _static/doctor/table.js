// The table of keys: folded by module where there are many, filtered, sorted, and drawn a few hundred rows at a time.
"use strict";
const doctorTable = (() => {
  const { gather } = doctorContents;
  const { bytes, plural } = doctorFindings;
  const { shapeOf } = doctorText;
  const FEW = 40, STEP = 300;

  /** Make an element with children; texts are never markup. */
  const element = (/** @type {string} */ name, /** @type {Record<string, unknown>} */ properties = {}, /** @type {(Node | string)[]} */ ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
      if (key in made && key !== "list") Reflect.set(made, key, value);
      else made.setAttribute(key, String(value));
    }
    made.append(...children);
    return made;
  };
  const code = (/** @type {string} */ text) => element("code", { className: "untrusted" }, text.length > 300 ? `${text.slice(0, 300)}…` : text);

  /** A module, or the root. @typedef {{name: string, children: Map<string, Branch | Leaf>, count: number, bytes: number}} Branch */
  /** @typedef {{tensor: TensorEntry}} Leaf */

  /** The modules of tensors, one level for each dot. */
  const treeOf = (/** @type {TensorEntry[]} */ tensors) => {
    const make = /** @param {string} name @returns {Branch} */ (name) => ({ name, children: new Map(), count: 0, bytes: 0 });
    const root = make("");
    for (const tensor of tensors) {
      let node = root;
      const parts = tensor.name.split("."), most = Math.min(parts.length, 12);
      for (const [i, part] of parts.slice(0, most).entries()) {
        node.count += 1;
        node.bytes += tensor.bytes;
        if (i === most - 1) node.children.set(`\0${node.children.size}`, { tensor });
        else {
          let child = node.children.get(part);
          if (!child || "tensor" in child) node.children.set(part, child = make([...parts.slice(0, i), part].join(".")));
          node = child;
        }
      }
    }
    return root;
  };
  /** The module that is all that a module has. */
  const onlyModule = (/** @type {Branch} */ { children }) => {
    const [child] = children.values();
    return children.size === 1 && !("tensor" in child) ? child : null;
  };

  const innermost = (/** @type {Branch} */ module) => {
    for (let inner = onlyModule(module); inner; inner = onlyModule(inner)) module = inner;
    return module;
  };

  const keyTable = (/** @type {Report} */ report) => {
    /** @type {Map<string, TensorEntry[]>} */
    const sharing = new Map();
    for (const tensor of report.tensors) if (tensor.storage !== null) gather(sharing, tensor.storage, tensor);
    const tree = treeOf(report.tensors), open = new Set();
    const filter = /** @type {HTMLInputElement} */ (element("input", { type: "search", id: "doctor-filter", autocomplete: "off", spellcheck: false }));
    const order = /** @type {HTMLSelectElement} */ (element("select", { id: "doctor-order" },
      ...[["modules", "by module"], ["file", "as in the file"], ["name", "by name"], ["bytes", "largest first"]].map(([value, text]) => element("option", { value }, text))));
    if (report.tensors.length <= FEW) order.value = "file";
    const body = element("tbody"), status = element("p", { role: "status", className: "doctor-count" });
    const more = /** @type {HTMLButtonElement} */ (element("button", { type: "button", className: "doctor-more" }));
    let shown = STEP;

    const row = (/** @type {TensorEntry} */ tensor, depth = 0) => {
      const all = sharing.get(tensor.storage ?? "") ?? [], others = all.slice(0, 4).filter((other) => other !== tensor).slice(0, 3);
      const shares = others.map(({ name }) => name.slice(0, 100)).join(", ") + (all.length > 4 ? ` and ${all.length - 4} more` : "");
      const name = element("th", { scope: "row", "data-depth": Math.min(depth, 6) }, code(tensor.name));
      if (tensor.kind !== "tensor" || tensor.note || tensor.layout !== "strided") name.append(" ", element("small", {}, [tensor.kind === "tensor" ? "" : tensor.kind, tensor.layout === "strided" ? "" : tensor.layout, tensor.note].filter(Boolean).join(", ").slice(0, 120)));
      return element("tr", {}, name, element("td", {}, shapeOf(tensor)), element("td", {}, tensor.dtype), element("td", { className: "doctor-number", title: `${tensor.bytes} bytes` }, bytes(tensor.bytes)), element("td", {}, code(tensor.device)), element("td", {}, code(shares)));
    };
    const branch = (/** @type {Branch} */ node, /** @type {number} */ depth) => {
      const expanded = open.has(node.name);
      const toggle = element("button", { type: "button", className: "doctor-module", "aria-expanded": String(expanded) }, code(node.name));
      toggle.addEventListener("click", () => {
        if (!open.delete(node.name)) open.add(node.name);
        draw();
        /** @type {HTMLElement} */ ([...body.querySelectorAll(".doctor-module")].find((other) => other.textContent === toggle.textContent))?.focus();
      });
      return element("tr", { className: "doctor-branch" }, element("th", { scope: "row", "data-depth": Math.min(depth, 6) }, toggle),
        element("td", { colSpan: 2 }, plural(node.count, "tensor")), element("td", { className: "doctor-number" }, bytes(node.bytes)), element("td"), element("td"));
    };
    /** The rows of a tree whose modules are open; a module of one module is shown as that. */
    const rowsOf = /** @param {Branch} node @returns {Generator<() => HTMLElement>} */ function* (node, depth = 0) {
      for (const child of node.children.values()) {
        if ("tensor" in child) {
          yield () => row(child.tensor, depth);
          continue;
        }
        const module = innermost(child);
        yield () => branch(module, depth);
        if (open.has(module.name)) yield* rowsOf(module, depth + 1);
      }
    };
    for (let node = onlyModule(tree); node; node = onlyModule(node)) open.add(node.name);
    const draw = () => {
      const wanted = filter.value.trim().toLowerCase();
      let rows;
      if (order.value === "modules" && !wanted) rows = rowsOf(tree);
      else {
        const tensors = wanted ? report.tensors.filter(({ name, dtype }) => name.toLowerCase().includes(wanted) || dtype === wanted) : [...report.tensors];
        if (order.value === "name") tensors.sort((a, b) => (a.name < b.name ? -1 : 1));
        if (order.value === "bytes") tensors.sort((a, b) => b.bytes - a.bytes);
        rows = tensors.map((tensor) => () => row(tensor));
      }
      const made = [];
      let left = 0;
      for (const make of rows) {
        if (made.length < shown) made.push(make());
        else left += 1;
      }
      body.replaceChildren(...made);
      status.textContent = wanted ? (made.length ? `${plural(made.length + left, "tensor")} with “${wanted.slice(0, 50)}”` : `No key has “${wanted.slice(0, 50)}”`) : "";
      more.hidden = !left;
      more.textContent = `Show ${Math.min(left, STEP).toLocaleString("en-US")} more of ${left.toLocaleString("en-US")}`;
    };
    for (const control of [filter, order]) control.addEventListener("input", () => { shown = STEP; draw(); });
    more.addEventListener("click", () => { shown += STEP; draw(); });
    draw();
    const head = ["key", "shape", "dtype", "size", "device", "shares storage with"].map((text) => element("th", { scope: "col" }, text));
    return element("div", {},
      element("div", { className: "doctor-controls" }, element("label", { htmlFor: "doctor-filter" }, "Filter "), filter, element("label", { htmlFor: "doctor-order" }, "Order "), order),
      status,
      element("div", { className: "doctor-table", role: "region", tabIndex: 0, "aria-label": "Keys" }, element("table", {}, element("thead", {}, element("tr", {}, ...head)), body)), more);
  };

  return { element, code, keyTable };
})();
