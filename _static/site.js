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

// What is too wide to fit scrolls, and can be scrolled with the keyboard.
for (const block of document.querySelectorAll("pre, .table-wrapper, .pst-scrollable-table-container")) {
  if (block.scrollWidth > block.clientWidth) block.tabIndex = 0;
}
