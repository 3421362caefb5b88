"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector, root = document) => root.querySelector(selector);
  const map = one(".map"), panel = one("#panel"), filter = one("#filter"), found = one("#found");
  const nodes = new Map(all("[data-id]", map).map((node) => [node.dataset.id, node]));
  const edges = all(".edges path", map);
  const rows = all("#ways tbody tr").map((row) => ({ row, from: row.dataset.from.split("\n"), to: row.dataset.to }));
  const nameOf = (id) => id.slice(id.indexOf(" ") + 1);
  const isWorkload = (id) => nodes.has(id) && id.startsWith("talker ") && nodes.get(id).closest(".box").matches(":not(.outside, .internet)");
  let chosen = null;

  // Choosing: the page's own rows say who reaches whom.

  function choose(id, { reveal = false } = {}) {
    release();
    const node = nodes.get(id);
    const members = new Set([id]);
    if (node && node.matches(".heading")) for (const row of all(".row", node.closest(".box"))) members.add(row.dataset.id);
    chosen = id;
    map.classList.add("choosing");
    document.body.classList.add("choosing");
    for (const member of members) mark(member, "chosen");
    if (node) node.setAttribute("aria-pressed", "true");
    const lists = { leaving: [], entering: [], touching: [] };
    for (const { row, from, to } of rows) {
      const everybody = "everybody" in row.dataset;
      const sources = everybody ? [...members].filter(isWorkload) : from.filter((source) => members.has(source));
      if (sources.length) {
        lists.leaving.push([to, row, sources]);
        mark(to, "leaving");
      }
      if (members.has(to)) {
        lists.entering.push(...(everybody ? [["", row, [to]]] : from.map((source) => [source, row, [to]])));
        if (!everybody) for (const source of from) mark(source, "entering");
      }
    }
    for (const edge of edges) {
      const { from, to, does } = edge.dataset;
      const leaves = members.has(from), enters = members.has(to);
      if (!leaves && !enters) continue;
      if (does === "way") edge.classList.add(leaves ? "leaving" : "entering");
      else {
        edge.classList.add("touching");
        mark(leaves ? to : from, "touching");
        lists.touching.push([leaves ? to : from, leaves ? does : said(does), leaves ? from : to]);
      }
      edge.parentNode.append(edge);
    }
    show(id, members, lists);
    if (!node) return;
    if (reveal) node.scrollIntoView({ block: "center", inline: "center" });
    const below = node.getBoundingClientRect().bottom + 48 - panel.getBoundingClientRect().top;
    if (below > 0) scrollBy(0, below);
  }

  const said = (does) => ({ reads: "read by", writes: "written by", produces: "produced by", serves: "served by", "runs on": "runs" })[does];

  function mark(id, sort) {
    nodes.get(id)?.classList.add(sort);
  }

  function release() {
    chosen = null;
    map.classList.remove("choosing");
    document.body.classList.remove("choosing");
    for (const marked of all(".chosen, .leaving, .entering, .touching", map)) {
      marked.classList.remove("chosen", "leaving", "entering", "touching");
      if (marked.hasAttribute("aria-pressed")) marked.setAttribute("aria-pressed", "false");
    }
    panel.hidden = true;
  }

  function show(id, members, lists) {
    one("h2", panel).textContent = nameOf(id);
    const place = one(".lists", panel);
    place.replaceChildren();
    const many = members.size > 1;
    const way = ([other, row, ours]) => {
      const cells = row.cells;
      const whose = many ? ours.filter((our) => our !== other).map(nameOf).join(", ") : "";
      const why = all("div", cells[3]).map((cause) => cause.firstChild.textContent.trim()).join("; ");
      const ports = [...cells[2].childNodes].map((part) => part.textContent).filter(Boolean).join(", ");
      return item(other || null, other ? nameOf(other) : "every pod", whose ? `${ports} · ${whose}` : ports, why);
    };
    if (id.startsWith("talker ") || id.startsWith("segment ") || !nodes.has(id) || many) {
      list(place, "Can reach", "leaving", lists.leaving.map(way), "Nobody.");
      list(place, "Can be reached by", "entering", lists.entering.map(way), "Nobody.");
    }
    const touched = lists.touching.map(([other, does, ours]) => item(other, `${does} ${nameOf(other)}`, many ? nameOf(ours) : "", ""));
    if (touched.length || !id.startsWith("talker ")) list(place, "Data, models, GPUs", "touching", touched, "None.");
    const segment = id.startsWith("talker ") ? nameOf(id).split("/")[0] : id.startsWith("segment ") ? nameOf(id) : null;
    const people = all("#people tbody tr").filter((row) => segment && row.dataset.places.split("\n").includes(segment));
    if (people.length) {
      list(place, `People and tools in ${segment}`, "people", people.map((row) => {
        const why = all("div", row.cells[6]).map((cause) => cause.firstChild.textContent.trim()).join("; ");
        return item(null, row.cells[0].textContent, row.cells[2].textContent, why);
      }));
    }
    panel.hidden = false;
  }

  function list(place, title, sort, items, none) {
    const part = document.createElement("div"), heading = document.createElement("h3"), lines = document.createElement("ul");
    heading.textContent = items.length ? `${title} (${items.length})` : title;
    heading.className = sort;
    lines.className = sort;
    lines.append(...(items.length ? items : [item(null, none, "", "")]));
    part.append(heading, lines);
    place.append(part);
  }

  function item(id, name, detail, why) {
    const line = document.createElement("li"), text = document.createElement(id ? "button" : "span");
    text.textContent = name;
    if (id) {
      text.type = "button";
      text.className = "choice";
      text.dataset.choose = id;
      line.dataset.name = nameOf(id);
    }
    line.append(text);
    for (const [sort, said] of [["detail", detail], ["why", why]]) {
      if (!said) continue;
      const more = document.createElement("span");
      more.className = sort;
      more.textContent = said;
      line.append(" ", more);
    }
    return line;
  }

  document.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-choose]");
    const node = event.target.closest("[data-id]");
    if (choice) choose(choice.dataset.choose, { reveal: true });
    else if (node) {
      stop(node);
      if (chosen === node.dataset.id) release();
      else choose(node.dataset.id);
    } else if (event.target.closest(".canvas")) release();
  });
  one("#panel .top button").addEventListener("click", letGo);

  function letGo() {
    const last = nodes.get(chosen);
    release();
    (last ?? filter).focus();
  }

  // Keyboard: the map is one stop of the Tab key, arrows move within it.

  const columns = all(".column", map).map((column) => all("[data-id]", column));
  let at = columns.flat()[0];
  stop(at);

  function stop(node) {
    at?.setAttribute("tabindex", "-1");
    at = node;
    at?.setAttribute("tabindex", "0");
  }

  function middle(node) {
    const box = node.getBoundingClientRect();
    return box.top + box.height / 2;
  }

  map.addEventListener("keydown", (event) => {
    const column = columns.findIndex((nodes) => nodes.includes(at));
    const place = columns[column].indexOf(at);
    const beside = (step) => {
      const others = columns[column + step];
      return others?.reduce((best, node) => (Math.abs(middle(node) - middle(at)) < Math.abs(middle(best) - middle(at)) ? node : best));
    };
    const next = {
      ArrowUp: () => columns[column][place - 1],
      ArrowDown: () => columns[column][place + 1],
      ArrowLeft: () => beside(-1),
      ArrowRight: () => beside(1),
      Home: () => columns[column][0],
      End: () => columns[column].at(-1),
    }[event.key];
    if (next) {
      const node = next();
      if (node) {
        stop(node);
        node.focus();
      }
    } else if (event.key === "Enter" || event.key === " ") choose(at.dataset.id);
    else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && chosen !== null) letGo();
    else if (event.key === "/" && !event.target.matches("input")) {
      filter.focus();
      event.preventDefault();
    }
  });

  // Filter: every word must stand somewhere in the row.

  const sections = all("main section:not(#map)").map((section) => ({
    count: one("h2 .count", section),
    link: one(`nav a[href="#${section.id}"] .count`),
    rows: all("tbody tr", section).map((row) => ({ row, text: row.textContent.toLowerCase() })),
  }));
  const names = [...nodes].map(([id, node]) => ({ id, node, text: `${nameOf(id)} ${node.getAttribute("aria-label")}`.toLowerCase() }));

  function search() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (text) => words.every((word) => text.includes(word));
    let total = 0;
    for (const { count, link, rows } of sections) {
      let shown = 0;
      for (const { row, text } of rows) {
        row.hidden = !fits(text);
        shown += !row.hidden;
      }
      total += shown;
      for (const where of [count, link]) where.textContent = words.length ? `${shown} of ${rows.length}` : `${rows.length}`;
    }
    map.classList.toggle("filtering", words.length > 0);
    const hits = names.filter(({ node, text }) => {
      const hit = fits(text);
      node.classList.toggle("missed", !hit);
      return hit && node.matches(".row");
    });
    found.textContent = words.length ? `${total} rows, ${hits.length} on the map` : "";
    const exact = hits.find(({ id }) => nameOf(id) === filter.value.trim()) ?? (hits.length === 1 ? hits[0] : null);
    if (words.length && exact) choose(exact.id);
    else if (chosen !== null) release();
  }

  filter.addEventListener("input", search);
  filter.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      const first = names.find(({ node }) => node.matches(".row:not(.missed)"));
      if (filter.value.trim() && first) choose(first.id, { reveal: true });
    } else if (event.key === "Escape" && filter.value) {
      filter.value = "";
      search();
    }
  });

  // Light and dark, and paper.

  const dark = matchMedia("(prefers-color-scheme: dark)");
  one("#theme").addEventListener("click", () => {
    const now = document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
    document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
  });
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = all("details:not([open])");
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
  });
})();
