// Finds the recipe for a pasted message, among the messages on this page. What an entry has
// outside its marks is looked for, three words at a time and by letters and digits alone, so
// that other names and numbers, wrapped lines and a traceback around it do not matter.
const field = document.querySelector("#error-message");
const matches = document.querySelector("#error-matches");

const squeeze = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}_]+/gu, "");
const plain = (text) => text
  .slice(-200000)
  .replace(/\x1b\[[\d;]*m/g, "") // colors
  .replace(/^[^\S\n]*(?:\[\w*rank\d+\]:|E(?= {2})|[|│>])/gm, "") // torchrun, pytest, rich, a quote
  .replace(/\\n/g, " ");
const names = (pre) => new Set([...pre.querySelectorAll(".varies")].flatMap((part) => part.textContent.match(/[a-z_]\w*/gi) ?? []));
// What is fixed in a message: its type, and each three words in a row, without spaces.
const fixed = (pre) => {
  const parts = [...pre.childNodes].filter((part) => part.nodeType === Node.TEXT_NODE);
  const runs = parts.map((part) => plain(part.textContent).split(/\s+/).map(squeeze).filter(Boolean));
  const type = runs[0].length === 2 ? "" : runs[0].shift(); // two words have no meaning apart
  const threes = runs.flatMap((run) => run.length < 3 ? [run.join("")] : run.slice(2).map((_, i) => run.slice(i, i + 3).join("")));
  return { type, words: new Set(threes.filter((three) => three.length > 3)), all: squeeze(plain(pre.textContent)) };
};

const entries = [...document.querySelectorAll(".error-entry")].map((entry) => {
  const first = entry.querySelector(".error-message");
  const places = [...entry.querySelectorAll(".error-places > li")].map((item) => {
    const pre = item.querySelector(".error-message") ?? first;
    return { link: item.querySelector("p"), pre, names: names(pre) };
  });
  return { fixed: fixed(first), places };
});

// How many letters of an entry the text has, against those it lacks; and whether that will do.
const compare = ({ type, words, all }, text) => {
  const letters = (list) => list.reduce((sum, part) => sum + part.length, 0);
  const found = letters([...words].filter((part) => text.includes(part)));
  const total = letters([...words]);
  const part = text.length > 7 && all.includes(text); // a few words of a message
  return {
    fits: found >= 0.7 * total || found >= 60 || part,
    found: Math.max(found, part ? text.length : 0),
    score: 2 * found - total + (text.includes(type) ? type.length : 0),
  };
};

// The place whose very message the text has, then those whose names it has, rare ones above all;
// the others stay in reading order.
const inOrder = (places, words, text) => {
  const worth = (place) => [...place.names].filter((name) => words.has(name))
    .reduce((sum, name) => sum + 1 / places.filter((other) => other.names.has(name)).length,
      text.includes(squeeze(plain(place.pre.textContent))) ? 1000 : 0);
  return places.map((place) => [worth(place), place]).sort((a, b) => b[0] - a[0]).map(([, place]) => place);
};

// The last message in a text, without what is before it, and all of a text that has no type.
const lastMessage = (text) => text.slice([...text.matchAll(/\b\w*(?:Error|Warning|Exception): /g)].at(-1)?.index ?? 0);

const element = (name, className, ...children) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
};

const searchFor = (text) => {
  const line = lastMessage(text).trim().split("\n")[0].slice(0, 100);
  const link = element("a", "", "Search the recipes for it");
  link.href = `${matches.dataset.search}?q=${encodeURIComponent(line)}`;
  return link;
};

const show = () => {
  const status = matches.querySelector("[role=status]");
  matches.replaceChildren(status);
  const raw = plain(field.value), text = squeeze(raw), words = new Set(lastMessage(raw).match(/\w+/g));
  if (!text) return status.replaceChildren();
  const fitting = entries.map((entry) => ({ ...entry, ...compare(entry.fixed, text) }))
    .filter((entry) => entry.fits)
    .sort((a, b) => b.score - a.score)
    .filter((entry, i, all) => entry.found >= all[0].found / 2)
    .slice(0, 3);
  if (!fitting.length) return status.replaceChildren("No recipe provokes this message. ", searchFor(raw), ".");
  status.replaceChildren(fitting.length > 1 ? `${fitting.length} messages are like yours, the closest first:` : "This message is like yours:");
  for (const { places } of fitting) {
    const ordered = inOrder(places, words, text);
    const links = ordered.map((place) => element("li", "", place.link.cloneNode(true)));
    matches.append(element("div", "error-entry", ordered[0].pre.cloneNode(true), element("ul", "error-places", ...links)));
  }
};

// The search hands a message over in the address.
const given = location.hash.match(/^#message=(.*)/s);
if (given) field.value = decodeURIComponent(given[1]);
field.addEventListener("input", show);
show(); // what the browser kept when one comes back to the page
