// The color theme button, the menu of recipes, and the search page's field.
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

// The list of recipes is a closed menu on a phone and stands open beside the page elsewhere.
const wide = matchMedia("(min-width: 60rem)");
const menu = document.querySelector(".site-sections details");
const unfold = () => { menu.open = wide.matches; };
wide.addEventListener("change", unfold);
unfold();

const query = new URLSearchParams(location.search).get("q");
if (query) {
  for (const field of document.querySelectorAll('input[name="q"]')) field.value = query;
}

// Code and output: a button that copies it, without the prompts of a console; one that
// unfolds what is long; and what does not fit can be scrolled with the keyboard.
const textOf = (pre) => {
  const lines = pre.textContent.replace(/\n+$/, "").split("\n");
  const prompt = /^(>>>|\.\.\.|\$)( |$)/;
  const typed = /^(>>>|\$) /.test(lines[0]) ? lines.filter((line) => prompt.test(line)) : lines;
  return typed.map((line) => (typed === lines ? line : line.replace(prompt, ""))).join("\n");
};
const addButton = (block, name, text, label, click) => {
  const made = document.createElement("button");
  made.type = "button";
  made.className = name;
  made.textContent = text;
  if (label) made.setAttribute("aria-label", label);
  made.addEventListener("click", () => click(made));
  block.append(made);
};
for (const pre of document.querySelectorAll(".bd-article div.highlight > pre")) {
  const block = pre.parentElement.parentElement;
  const what = block.classList.contains("sphx-glr-script-out") ? "output" : "code";
  addButton(block, "copy-text", "Copy", `Copy this ${what}`, async (made) => {
    try {
      await navigator.clipboard.writeText(textOf(pre));
      made.textContent = "Copied";
    } catch { // no clipboard for this page: select it, so that the keyboard copies it
      getSelection().selectAllChildren(pre);
      made.textContent = "Selected";
    }
    setTimeout(() => { made.textContent = "Copy"; }, 2000);
  });
  if (block.classList.contains("long-output")) {
    const all = `Show all ${textOf(pre).split("\n").length} lines`;
    addButton(block, "unfold", all, "", (made) => {
      made.textContent = block.classList.toggle("unfolded") ? "Show fewer lines" : all;
      made.setAttribute("aria-expanded", block.classList.contains("unfolded"));
    });
  }
}
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight + 1) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
for (const block of document.querySelectorAll(".bd-article pre, .bd-article table")) sizes.observe(block);
