// The gallery's filter: the page has a button for each tag that a card has. What is chosen is in
// the address, as in ?tags=loading,file-size; a card is shown if it has all of these tags. A tag
// says how many recipes there are with it too, and where that is none, it cannot be chosen.
(() => {
  const filter = document.querySelector(".filter");
  if (!filter) return;
  const cards = [...document.querySelectorAll("li.card")];
  const tagsOf = (card) => [...card.classList].filter((name) => name.startsWith("tag-")).map((name) => name.slice(4));
  const sections = [...document.querySelectorAll("article section")].filter((section) => section.querySelector(":scope > ul.cards"));
  const group = filter.querySelector(".filter-tags");
  const buttons = new Map([...group.children].map((button) => [button.dataset.tag, button]));
  const count = filter.querySelector("[role=status]");
  const clear = filter.querySelector(".filter-clear");

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
    for (const card of cards) card.hidden = !tags.every((tag) => tagsOf(card).includes(tag));
    for (const [tag, button] of buttons) {
      const left = cards.filter((card) => !card.hidden && tagsOf(card).includes(tag)).length;
      button.setAttribute("aria-pressed", tags.includes(tag));
      button.disabled = !left && !tags.includes(tag);
      button.dataset.count = left;
      button.title = left === 1 ? "1 recipe" : `${left} recipes`;
    }
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
