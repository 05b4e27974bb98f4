// The search page. Ranks the recipes of search-index.js by BM25 over words and pairs of
// words, so that a whole error message finds its recipe although the reader's own names in it
// are in none. Uses `stopwords` and `Stemmer` of Sphinx's language_data.js. Where there are many
// recipes, their words lead to the few whose texts are loaded and ranked (site/postings.py).
(() => {
  const WEIGHTS = { title: 6, heading: 4, intro: 3, keywords: 4, tags: 1, prose: 1, output: 1.5, code: 1, answer: 0.5, wrong: 0.3 };
  const PAIR = 0.8; // what a pair of words counts, compared to a word
  const SATURATION = 3;
  const LENGTH = 0.6; // how much a long page is discounted: 0 not at all, 1 fully
  const COMMON = 0.3; // what a word that all recipes have still counts
  const ABOUT = 0.5; // what title, keywords and promise count alone, compared to the whole recipe
  const PHRASE = 1.5; // a query that is a title, a keyword or a line of output counts that much more
  const SHOWN = 10;
  const CANDIDATES = 40; // of how many recipes the texts are loaded, where there are too many to load all
  const MESSAGE = /\b\w*(?:Error|Exception|Warning): |^Traceback |\bkey\(s\) in state_dict|\bsize mismatch for /;
  // What people type, and what the recipes say.
  const SYNONYMS = {
    amp: "mixed precision", bf16: "bfloat16", ckpt: "checkpoint", dcp: "distributed checkpoint",
    ddp: "distributeddataparallel", fp16: "float16", fp32: "float32", gpu: "cuda", lr: "learning rate",
    oom: "out of memory", params: "parameters", ram: "memory", reload: "load", restore: "load", status: "state",
  };
  const QUESTION = ["can", "do", "does", "how", "i", "my", "me", "should", "what", "when", "which", "why", "you", "your"];
  const ignored = new Set([...stopwords, ...QUESTION]);

  const stemmer = new Stemmer();
  const stems = new Map();
  const stem = (word) => {
    if (!stems.has(word)) stems.set(word, word.length > 3 ? stemmer.stemWord(word) : word);
    return stems.get(word);
  };

  // The words and pairs of words of a text; a name is also the words in it.
  const terms = (text) => {
    const found = [];
    const words = (text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []).filter((word) => !/^\d+$/.test(word));
    let before = "";
    let plain = true; // the word before is an ignored one
    for (const word of words) {
      const parts = word.split("_").filter(Boolean);
      if (parts.length > 1) found.push(word);
      for (const part of parts) {
        const one = stem(part);
        if (!ignored.has(part)) found.push(one);
        if (before && !(plain && ignored.has(part))) found.push(`${before} ${one}`);
        before = one;
        plain = ignored.has(part);
      }
    }
    return found;
  };

  // Ranks recipes by BM25 over some texts of each, [[text, weight, whether a term counts once], ...].
  const ranking = (recipes, textsOf) => {
    const spread = new Map(); // term -> in how many recipes it is
    const counts = recipes.map((recipe) => {
      const count = new Map(); // term -> how much it is there
      let size = 0;
      for (const [text, weight, once] of textsOf(recipe)) {
        for (const term of once ? new Set(terms(text)) : terms(text)) {
          count.set(term, (count.get(term) ?? 0) + weight);
          size += weight;
        }
      }
      for (const term of count.keys()) spread.set(term, (spread.get(term) ?? 0) + 1);
      return { count, size };
    });
    const average = counts.reduce((sum, { size }) => sum + size, 0) / (counts.length || 1);
    const rarity = (term) => {
      const n = spread.get(term) ?? 0;
      const rare = Math.log(1 + (recipes.length - n + 0.5) / (n + 0.5)) + COMMON;
      return n && rare * (term.includes(" ") ? PAIR : 1);
    };
    const score = (i, weights) => {
      const { count, size } = counts[i];
      const norm = SATURATION * (1 - LENGTH + (LENGTH * size) / average);
      let sum = 0;
      for (const [term, weight] of weights) {
        const there = count.get(term) ?? 0;
        sum += (weight * rarity(term) * there * (SATURATION + 1)) / (there + norm);
      }
      return sum;
    };
    return { spread, rarity, score };
  };
  const make = (name, parent, text = "", attributes = {}) => {
    const element = document.createElement(name);
    element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    parent.append(element);
    return element;
  };

  // What a recipe is about counts a second time, since words that are in every recipe are in few titles.
  const subject = ({ title, keywords }) => [[title, WEIGHTS.title], ...keywords.map((keyword) => [keyword, WEIGHTS.keywords])];
  // The words of a text in any order.
  const words = (text) => [...new Set(terms(text).filter((term) => !term.includes(" ")))].sort().join(" ");

  // Whether two words differ in so few letters (added, left out, exchanged or swapped) that one may be a typo.
  const isTypo = (word, other) => {
    const most = word.length > 7 ? 2 : 1;
    if (Math.abs(word.length - other.length) > most) return false;
    let [before, last] = [[], Array.from({ length: other.length + 1 }, (_, j) => j)];
    for (let i = 1; i <= word.length; i++) {
      const row = [i];
      for (let j = 1; j <= other.length; j++) {
        row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (word[i - 1] !== other[j - 1]));
        if (word[i - 1] === other[j - 2] && word[i - 2] === other[j - 1]) row[j] = Math.min(row[j], before[j - 2] + 1);
      }
      if (Math.min(...row) > most) return false;
      [before, last] = [last, row];
    }
    return last[other.length] <= most;
  };

  // A search in the texts of some recipes.
  const searcher = (recipes) => {
    const about = ranking(recipes, (recipe) => [...subject(recipe), [recipe.promise, WEIGHTS.prose]]);
    const { spread, rarity, score } = ranking(recipes, (recipe) => [
      ...subject(recipe),
      ...recipe.tags.map((tag) => [tag, WEIGHTS.tags]),
      ...recipe.messages.flatMap(([message, cause]) => [[message, WEIGHTS.output, true], [cause, WEIGHTS.prose]]),
      ...recipe.parts.flatMap(([, heading, blocks], i) => [
        ...(i ? [[heading, WEIGHTS.heading]] : []),
        ...blocks.map(([kind, text]) => [text, i || kind !== "prose" ? WEIGHTS[kind] : WEIGHTS.intro, kind === "output"]),
      ]),
    ]);
    // The words of each title, keyword and line of output.
    const phrases = recipes.map(({ title, keywords, parts }) => {
      const outputs = parts.flatMap(([, , blocks]) => blocks).filter(([kind]) => kind === "output");
      return new Set([title, ...keywords, ...outputs.flatMap(([, text]) => text.split("\n"))].map(words));
    });

    // The terms of a query and what each counts.
    const wanted = (query) => {
      const weights = new Map();
      const add = (text, weight) => {
        for (const term of terms(text)) {
          if (spread.has(term)) weights.set(term, Math.max(weights.get(term) ?? 0, weight));
        }
      };
      add(query, 1);
      for (const word of query.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) {
        if (Object.hasOwn(SYNONYMS, word)) add(SYNONYMS[word], 0.5);
        else if (word.length > 3 && !spread.has(stem(word))) {
          const known = [...spread.keys()].filter((term) => !term.includes(" "));
          const begun = known.filter((term) => term.startsWith(word));
          for (const term of begun.length ? begun : known.filter((term) => isTypo(stem(word), term))) {
            weights.set(term, 0.5);
          }
        }
      }
      return weights;
    };

    return (query) => {
      const weights = wanted(query);
      const whole = words(query);
      const hits = recipes.map((recipe, i) => ({
        recipe, score: (score(i, weights) + ABOUT * about.score(i, weights)) * (phrases[i].has(whole) ? PHRASE : 1),
      }));
      hits.sort((a, b) => b.score - a.score);
      const best = hits[0]?.score ?? 0;
      return { weights, rarity, hits: hits.filter((hit) => hit.score > best / 4) };
    };
  };

  // Loads a script of a large index, which hands over what it has: searchPart(name, value).
  const handed = new Map(), loaded = new Map();
  globalThis.searchPart = (name, value) => handed.set(name, value);
  const load = (name) => {
    if (!loaded.has(name)) {
      loaded.set(name, new Promise((resolve, reject) => {
        const script = make("script", document.head, "", { src: `${searchIndex.folder}/${name}.js` });
        script.addEventListener("load", () => resolve(handed.get(name)));
        script.addEventListener("error", () => { loaded.delete(name); reject(new Error(name)); });
      }));
    }
    return loaded.get(name);
  };

  // The recipes of a large index that have most of the words of a query.
  const candidates = async (query) => {
    const firsts = await load("index");
    const scores = new Map();
    const add = async (word, weight, isKnown) => {
      let at = firsts.findLastIndex((first) => first <= word);
      const there = await load(`words-${Math.max(at, 0)}`);
      if (Object.hasOwn(there, word)) {
        const [gaps, values] = there[word];
        let recipe = 0;
        gaps.forEach((gap, i) => {
          recipe += gap;
          const value = weight * Number(values[i]) * Math.log(1 + searchIndex.count / gaps.length);
          scores.set(recipe, (scores.get(recipe) ?? 0) + value);
        });
      } else if (!isKnown && word.length > 3) {
        const known = await load("vocabulary");
        const begun = known.filter((other) => other.startsWith(word));
        for (const other of begun.length ? begun : known.filter((other) => isTypo(word, other))) await add(other, 0.5, true);
      }
    };
    const said = query.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
    for (const word of words(query).split(" ").filter(Boolean)) await add(word, 1, false);
    for (const word of said.filter((word) => Object.hasOwn(SYNONYMS, word))) {
      for (const other of words(SYNONYMS[word]).split(" ")) await add(other, 0.5, true);
    }
    const best = [...scores].sort((a, b) => b[1] - a[1]).slice(0, CANDIDATES);
    return Promise.all(best.map(([recipe]) => load(`recipe-${recipe}`)));
  };
  const all = Array.isArray(searchIndex) && searcher(searchIndex);
  const search = async (query) => (all || searcher(await candidates(query)))(query);

  // The place of a recipe that has most of what is wanted.
  const place = (recipe, weights, rarity) => {
    let best = { value: 0, anchor: "", heading: "", kind: "prose", text: recipe.promise };
    recipe.parts.forEach(([anchor, heading, blocks], i) => {
      for (const [kind, text] of blocks) {
        if (kind === "wrong" || kind === "answer") continue; // the one misleads, the other is shown anyway
        for (const piece of kind === "prose" ? [text] : text.split("\n")) {
          let value = 0;
          for (const term of new Set(terms(piece))) value += (weights.get(term) ?? 0) * rarity(term);
          value *= (kind === "code" ? 0.5 : 1) / Math.sqrt(20 + piece.length / 20);
          if (value > best.value) best = { value, anchor: i ? anchor : "", heading: i ? heading : "", kind, text: piece };
        }
      }
    });
    return best;
  };

  // About 240 characters around the first wanted word, with all wanted words marked.
  const snippet = (parent, { text, kind }, weights) => {
    const isWanted = (word) => word.length > 1 && terms(word).some((term) => weights.has(term));
    const pieces = text.trim().split(/([\p{L}\p{N}_]+)/u);
    let start = 0;
    for (let i = 0, length = 0; i < pieces.length; i++) {
      length += pieces[i].length;
      if (i % 2 && isWanted(pieces[i])) { start = length > 160 ? Math.max(0, i - 20) : 0; break; }
    }
    const element = make(kind === "prose" ? "p" : "pre", parent, start ? "… " : "");
    let length = 0;
    for (let i = start; i < pieces.length; i++) {
      if (length > 240) { element.append(" …"); break; }
      if (i % 2 && isWanted(pieces[i])) make("mark", element, pieces[i]);
      else element.append(pieces[i]);
      length += pieces[i].length;
    }
  };

  const results = document.getElementById("search-results");
  const status = document.getElementById("search-status");
  const fields = document.querySelectorAll('input[name="q"]');
  const asked = () => (new URLSearchParams(location.search).get("q") ?? "").trim();
  const show = async () => {
    const query = asked();
    for (const field of fields) if (field.value.trim() !== query) field.value = query; // a space may be typed
    document.title = query ? `${query} · ${home}` : home;
    let found;
    try {
      found = query && await search(query);
    } catch {
      status.textContent = "A part of the search index could not be loaded. Try again.";
      return;
    }
    if (query !== asked()) return; // there is another one since
    results.replaceChildren();
    if (!query) {
      status.textContent = "";
      return;
    }
    const { weights, rarity, hits } = found;
    const { errors } = document.querySelector(".site-search").dataset;
    if (errors && MESSAGE.test(query)) {
      const hint = make("li", results, "", { class: "to-finder" });
      hint.append("This looks like an error message: ");
      make("a", hint, "see what it means", { href: `${errors}#message=${encodeURIComponent(query)}` });
    }
    hits.slice(0, SHOWN).forEach(({ recipe }, i) => {
      const best = place(recipe, weights, rarity);
      const item = make("li", results);
      make("a", make("h2", item), recipe.title, { href: recipe.url });
      const where = make("p", item, recipe.section, { class: "where" });
      if (best.anchor) {
        where.append(" › ");
        make("a", where, best.heading, { href: `${recipe.url}#${best.anchor}` });
      }
      snippet(item, best, weights);
      const answer = recipe.parts.flatMap(([, , blocks]) => blocks).find(([kind]) => kind === "answer");
      if (answer) {
        const fold = make("details", item, "", i ? {} : { open: "" });
        make("summary", fold, "Short answer");
        make("pre", fold, answer[1]);
      }
    });
    if (!hits.length) status.textContent = "No recipe has any of these words. Try other words, or an API name, or look through all recipes.";
    else if (hits.length > SHOWN) status.textContent = all ? `The best ${SHOWN} of ${hits.length} recipes that fit` : `The best ${SHOWN} recipes that fit`;
    else status.textContent = `${hits.length} ${hits.length === 1 ? "recipe" : "recipes"}, the best match first`;
  };

  const home = document.title;
  const addressOf = (field) => {
    const address = new URL(location.href);
    address.search = new URLSearchParams({ q: field.value });
    address.hash = "";
    return address;
  };
  for (const field of fields) {
    field.form.addEventListener("submit", (event) => {
      event.preventDefault();
      history.pushState(null, "", addressOf(field));
      show();
    });
    let typing;
    field.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(() => {
        history.replaceState(null, "", addressOf(field));
        show();
      }, 150);
    });
  }
  addEventListener("popstate", show);
  show();
})();
