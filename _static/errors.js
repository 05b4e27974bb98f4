// The field to paste a message into: shows the cause, lines to paste and the fix.
{
  const field = document.querySelector("#error-message");
  const matches = document.querySelector("#error-matches");
  const status = matches.querySelector("[role=status]");
  const WAIT = 150; // milliseconds without a keystroke

  const element = (name, attributes, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const sentence = (text) => text.split(/``(.+?)``/).map((part, i) => (i % 2 ? element("code", {}, part) : part));

  const card = ({ entry, paste, shown }) => element("div", { class: "error-entry" }, element("div", { class: "fix" },
    element("p", { class: "cause" }, ...sentence(entry.cause)),
    element("pre", {}, element("code", {}, paste)),
    element("p", {},
      element("a", { href: matches.dataset.root + entry.fix.url }, entry.fix.title),
      entry.fix.section ? ` · ${entry.fix.section}` : ""),
    element("p", { class: "decided" }, "Your message says ", element("code", {}, shown.slice(0, 120)))));

  const show = () => {
    matches.replaceChildren(status);
    if (!field.value.trim()) return status.replaceChildren();
    const found = diagnose(field.value);
    if (found.length) {
      status.replaceChildren(found.length > 1 ? `${found.length} causes fit, the most likely first:` : "This is the cause:");
      return matches.append(...found.map(card));
    }
    const [message] = readMessage(field.value);
    const link = element("a", { href: `${matches.dataset.search}?q=${encodeURIComponent(message.text.slice(0, 100))}` }, "Search the recipes for it");
    status.replaceChildren("No recipe explains this message. ", link, ".");
  };

  // The search hands a message over in the address.
  const given = location.hash.match(/^#message=(.*)/s);
  if (given) field.value = decodeURIComponent(given[1]);
  show(); // and what the browser kept when one comes back to the page

  field.addEventListener("change", show);
  let timer;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(show, WAIT);
  });
}
