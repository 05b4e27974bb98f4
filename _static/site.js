// The color theme button, the shortcuts of the search, what is written to the clipboard,
// "On this page", and what is folded.
const button = document.querySelector("button.color-theme");
const label = () => {
  const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  button.setAttribute("aria-label", `Switch to the ${next} theme`);
  button.title = button.getAttribute("aria-label");
  return next;
};
button.hidden = false;
label();
button.addEventListener("click", () => {
  const next = label();
  document.documentElement.dataset.theme = next;
  document.documentElement.dataset.mode = next;
  try { localStorage.setItem("theme", next); } catch { /* private window: not remembered */ }
  label();
});

// The search: a query of the address is in its field; / and Ctrl+K lead there, unless one is typing.
const search = document.querySelector(".site-search input");
const query = new URLSearchParams(location.search).get("q");
if (query) {
  for (const field of document.querySelectorAll('input[name="q"]')) field.value = query;
}
addEventListener("keydown", (event) => {
  const { key, altKey, ctrlKey, metaKey, target } = event;
  const shortcut = ctrlKey || metaKey ? key.toLowerCase() === "k" : key === "/";
  if (!shortcut || altKey || target.closest?.("input, textarea, select, [contenteditable]")) return;
  event.preventDefault();
  search.focus();
  search.select();
});

// A traceback that is pasted into a field of the search goes to the page of error messages.
const { errors } = search.form.dataset;
if (errors) addEventListener("paste", (event) => {
  const text = event.clipboardData.getData("text/plain").trim();
  if (event.target.name !== "q" || !/\n[^]*\b\w*(?:Error|Exception|Warning)\b/.test(text)) return;
  event.preventDefault();
  location.href = `${errors}#message=${encodeURIComponent(text.slice(-20000))}`;
});

// A button says for two seconds what it did, and a screen reader says it too.
const status = document.createElement("p");
status.className = "for-screen-readers";
status.setAttribute("role", "status");
document.body.append(status);
const say = (place, text) => {
  place.dataset.text ??= place.textContent;
  status.textContent = place.textContent = text;
  setTimeout(() => { status.textContent = ""; place.textContent = place.dataset.text; }, 2000);
};

// The page as Markdown is its own file beside it. From a disk, where nothing may be fetched, the
// link leads there. The file is given as a promise, since Safari forgets the click while it waits.
const markdown = document.querySelector('link[rel="alternate"][type="text/markdown"]');
const copyPage = document.querySelector("a.copy-page");
if (copyPage && markdown && location.protocol !== "file:" && navigator.clipboard && window.ClipboardItem) {
  copyPage.addEventListener("click", async (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab
    event.preventDefault();
    try {
      const page = fetch(markdown.href).then(async (response) => {
        if (!response.ok) throw new Error(response.statusText);
        return new Blob([await response.text()], { type: "text/plain" });
      });
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": page })]);
      say(copyPage.querySelector("span"), "Copied");
    } catch {
      location.href = copyPage.href;
    }
  });
}

// Code and output: a button that copies it, without the prompts of a console, and the address of
// the cell, both before the code and its links; one that unfolds what is long.
const textOf = (pre) => {
  const lines = pre.textContent.replace(/\n+$/, "").split("\n");
  const prompt = /^(>>>|\.\.\.|\$)( |$)/;
  const typed = /^(>>>|\$) /.test(lines[0]) ? lines.filter((line) => prompt.test(line)) : lines;
  return typed.map((line) => (typed === lines ? line : line.replace(prompt, ""))).join("\n");
};
const make = (name, className, text, label) => {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  if (name === "button") made.type = "button";
  if (label) made.setAttribute("aria-label", label);
  return made;
};
for (const pre of document.querySelectorAll(".bd-article :not(.card-code) > div.highlight > pre")) {
  const block = pre.parentElement.parentElement;
  const cell = block.closest(".cell, .sphx-glr-script-out");
  const what = block.classList.contains("sphx-glr-script-out") ? "output" : "code";
  const tools = make("div", "cell-tools", "");
  if (!cell?.classList.contains("wrong")) {
    const copy = make("button", "copy-text", "Copy", `Copy this ${what}`);
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(textOf(pre));
        say(copy, "Copied");
      } catch { // no clipboard for this page: select it, so that the keyboard copies it
        getSelection().selectAllChildren(pre);
        say(copy, "Selected");
      }
    });
    tools.append(copy);
  }
  if (cell?.id && !block.closest(".checks")) {
    const link = make("a", "cell-link", "#", `Link to this ${what}`);
    link.href = `#${cell.id}`;
    tools.append(link);
  }
  block.prepend(tools);
  if (block.classList.contains("long-output")) {
    const all = `Show all ${textOf(pre).split("\n").length} lines`;
    const unfold = make("button", "unfold", all);
    unfold.addEventListener("click", () => {
      unfold.textContent = block.classList.toggle("unfolded") ? "Show fewer lines" : all;
      unfold.setAttribute("aria-expanded", block.classList.contains("unfolded"));
    });
    block.append(unfold);
  }
}

// What does not fit can be scrolled with the keyboard, and its box says at which edge it goes on.
const edges = (it) => {
  const box = it.closest("div[class*='highlight-']");
  if (!box) return; // a table
  box.classList.toggle("more-left", it.scrollLeft > 1);
  box.classList.toggle("more-right", it.scrollLeft + it.clientWidth < it.scrollWidth - 1);
};
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight + 1) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
    edges(target);
  }
});
for (const block of document.querySelectorAll(".bd-article :not(.card-code) > .highlight > pre, .bd-article table")) {
  sizes.observe(block);
  block.addEventListener("scroll", () => edges(block), { passive: true });
}

// What the address leads to is opened where it is folded, and everything is on paper.
const unfoldTarget = () => {
  const target = document.getElementById(location.hash.slice(1));
  for (let fold = target?.closest("details:not([open])"); fold; fold = fold.closest("details:not([open])")) {
    fold.open = true;
    target.scrollIntoView();
  }
};
addEventListener("hashchange", unfoldTarget);
unfoldTarget();
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll(".bd-article details:not([open], .page-toc)")];
  for (const fold of opened) fold.open = true;
});
addEventListener("afterprint", () => { for (const fold of opened) fold.open = false; });

// "On this page" follows the reader: the current section is the last one in the upper third of
// the window, and at the end of the page the last one in it.
const tocs = [...document.querySelectorAll(".site-toc, .page-toc")];
const linksTo = new Map();
for (const link of tocs.flatMap((toc) => [...toc.querySelectorAll("ul a")])) {
  const section = link.hash && document.getElementById(link.hash.slice(1));
  if (section) linksTo.set(section, [...(linksTo.get(section) ?? []), link]);
}
if (linksTo.size) {
  const upper = new Set(), whole = new Set();
  const here = document.querySelector(".page-toc-here");
  const rail = document.querySelector(".site-toc");
  let atEnd = false;
  const show = () => {
    const sections = [...linksTo.keys()];
    const seen = sections.filter((section) => (atEnd ? whole : upper).has(section)).at(-1);
    const current = seen ?? (atEnd ? sections.at(-1) : undefined); // on a phone the end is the list of recipes
    for (const [section, links] of linksTo) {
      for (const link of links) {
        if (section === current) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    }
    const [link] = linksTo.get(current) ?? [];
    here.textContent = link ? link.textContent : "";
    if (rail.clientHeight && link) { // scroll the list where it is longer than the window
      const inRail = link.getBoundingClientRect().top - rail.getBoundingClientRect().top;
      if (inRail < 0 || inRail > rail.clientHeight - 40) rail.scrollTop += inRail - rail.clientHeight / 2;
    }
  };
  const observe = (seen, rootMargin) => {
    const observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) seen[isIntersecting ? "add" : "delete"](target);
      show();
    }, { rootMargin });
    for (const section of linksTo.keys()) observer.observe(section);
  };
  const top = Math.round(parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop));
  observe(upper, `-${top}px 0px -66% 0px`);
  observe(whole, "0px");
  new IntersectionObserver(([{ isIntersecting }]) => {
    atEnd = isIntersecting;
    show();
  }).observe(document.querySelector(".page-end"));
  for (const toc of document.querySelectorAll("details.page-toc")) {
    toc.addEventListener("click", (event) => { if (event.target.closest("a")) toc.open = false; });
  }
}
