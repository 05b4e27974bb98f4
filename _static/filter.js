// The gallery's filter: a button for each tag that a card has. What is chosen is in the
// address, as in ?tags=loading,file-size; a card is shown if it has all of these tags.
(() => {
  const cards = [...document.querySelectorAll("li.card")];
  const tagsOf = (card) => [...card.classList].filter((name) => name.startsWith("tag-")).map((name) => name.slice(4));
  const all = [...new Set(cards.flatMap(tagsOf))].sort();
  const sections = [...document.querySelectorAll("article section")].filter((section) => section.querySelector(":scope > ul.cards"));
  if (!all.length || !sections.length) return;

  const make = (name, parent, text, attributes = {}) => {
    const element = document.createElement(name);
    element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    parent.append(element);
    return element;
  };
  const filter = document.createElement("div");
  filter.className = "filter";
  const group = make("div", filter, "", { class: "filter-tags", role: "group", "aria-label": "Show only recipes with all of these tags" });
  const buttons = new Map(all.map((tag) => [tag, make("button", group, tag.replaceAll("-", " "), { type: "button" })]));
  const line = make("p", filter, "");
  const count = make("span", line, "", { role: "status" });
  const clear = make("button", line, "Clear the filter", { type: "button", class: "filter-clear" });
  sections[0].before(filter);

  const chosen = () => (new URLSearchParams(location.search).get("tags") ?? "").split(",").filter((tag) => buttons.has(tag));
  const choose = (tags) => {
    const address = new URL(location.href);
    // commas as they are: the address is read by people
    address.search = tags.length ? `?tags=${tags.join(",")}` : "";
    address.hash = "";
    history.pushState(null, "", address);
    show();
  };
  const show = () => {
    const tags = chosen();
    for (const [tag, button] of buttons) button.setAttribute("aria-pressed", tags.includes(tag));
    for (const card of cards) card.hidden = !tags.every((tag) => tagsOf(card).includes(tag));
    for (const section of sections) section.hidden = !section.querySelector("li.card:not([hidden])");
    count.textContent = `${cards.filter((card) => !card.hidden).length} of ${cards.length} recipes`;
    clear.hidden = !tags.length;
  };
  for (const [tag, button] of buttons) {
    button.addEventListener("click", () => {
      const tags = chosen();
      choose(tags.includes(tag) ? tags.filter((other) => other !== tag) : [...tags, tag]);
    });
  }
  clear.addEventListener("click", () => {
    choose([]);
    group.querySelector("button").focus(); // this one is hidden now
  });
  addEventListener("popstate", show);
  show();
})();
