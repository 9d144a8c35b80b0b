"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const read = (id) => JSON.parse($(id).textContent);
  const { tree, entries, fingerprints } = read("data");
  const pictures = read("pictures"); // of one that can't be shown a list with the reason
  let answers = null; // parsed when the first image is opened

  const { make, svg, gallery, history: runs } = parts;

  // The tree by position: [L1], [L1, L2], [L1, L2, L3], and where its figures stand in an entry's lists.
  const places = new Map();
  let second = 0, third = 0;
  tree.forEach(([one, twos], i) => {
    places.set(`${i}`, { names: [one], level: "level1", at: i });
    twos.forEach(([two, threes], j) => {
      places.set(`${i}/${j}`, { names: [one, two], level: "level2", at: second++ });
      threes.forEach((three, k) => places.set(`${i}/${j}/${k}`, { names: [one, two, three], level: "level3", at: third++ }));
    });
  });
  const keyOf = new Map([...places].map(([key, place]) => [JSON.stringify(place.names), key]));
  const MAPPED = { 0: 0, 1: 60, 2: 100 };
  const RAW = { 0: "fail", 1: "pass", 2: "excel" };
  const OUTCOME = { passed: "✓ passed", failed: "✗ failed", error: "✗ not judged", scored: "scored" };
  const MORE_OF = { excused: ", excused", again: ", judged again" }; // by group, by which filter it is found

  const badge = (entry) => make("span", { class: `badge ${entry.group in MORE_OF ? "" : entry.test_failed ? "failed" : entry.group}` },
    (entry.test_failed ? "✗ " : "") + OUTCOME[entry.outcome] + (MORE_OF[entry.group] || (entry.test_failed ? ", test failed" : "")));

  // A number, or why there is none: "N/A", "unreadable", "not asked".
  function figure(entry, key) {
    if (!key) return entry.total;
    if (!entry.level1) return "not asked";
    const { level, at } = places.get(key);
    const found = entry[level] ? entry[level][at] : null; // a baseline has no facets
    if (level !== "level3") return found;
    if (!Array.isArray(found)) return found;
    return found[0] in MAPPED ? MAPPED[found[0]] : "N/A";
  }
  const isNumber = (value) => typeof value === "number";
  const show = (value, entry) =>
    isNumber(value) ? value.toFixed(entry && entry.kind === "edit" ? 2 : 1) : value === null ? "N/A" : value;
  const share = (entry, value) => (isNumber(value) ? (entry.kind === "edit" ? (100 * (value - entry.scale[0])) / (entry.scale[1] - entry.scale[0]) : value) : null);
  const within = (key, path) => path === key || path === "" || path.startsWith(key + "/") || key.startsWith(path + "/");

  // The dimensions

  const table = $("dimensions");
  if (table) {
    const rows = [...table.tBodies[0].rows].map((row) => ({ row, path: JSON.parse(row.dataset.path), open: false }));
    const isChild = (inner, outer) => inner.path.length === outer.path.length + 1 && outer.path.every((name, i) => inner.path[i] === name);
    const update = () => {
      const open = new Set(rows.filter((each) => each.open).map((each) => JSON.stringify(each.path)));
      for (const each of rows) {
        each.row.hidden = each.path.some((_, i) => i > 0 && !open.has(JSON.stringify(each.path.slice(0, i))));
      }
    };
    for (const each of rows) {
      if (each.path.length > 0 && each.path.length < 3 && rows.some((other) => isChild(other, each))) {
        each.open = each.path.length === 0 || rows.some((other) => isChild(other, each) && other.row.dataset.trouble === "1");
        const name = each.row.querySelector(".name");
        const toggle = make("button", { type: "button", class: "toggle", "aria-expanded": String(each.open) }, name.textContent);
        toggle.addEventListener("click", () => {
          each.open = !each.open;
          toggle.setAttribute("aria-expanded", String(each.open));
          update();
        });
        name.replaceWith(toggle);
      }
      for (const button of each.row.querySelectorAll(".show button")) {
        button.addEventListener("click", () => {
          select(keyOf.get(JSON.stringify(each.path)) || "", button.dataset.failed ? "broken" : "");
          $("images").scrollIntoView();
          $("images").focus({ preventScroll: true });
        });
      }
    }
    update();
  }

  // The grid

  const controls = $("controls"), grid = $("grid"), more = $("more"), count = $("count");
  const CHUNK = 24, MORE = 120; // the figures stand below what failed, and are not to be out of reach
  let chosen = entries.map((_, number) => number);
  let drawn = 0;
  let remark = ""; // beside the count
  let broken = false; // only what went wrong in the chosen dimension

  const dimension = $("dimension");
  const applies = (key) => entries.some((entry) => entry.level1 && figure(entry, key) !== "not asked" && figure(entry, key) !== "N/A");
  tree.forEach(([one, twos], i) => {
    if (!applies(`${i}`)) return;
    const group = make("optgroup", { label: one }, make("option", { value: `${i}` }, one));
    twos.forEach(([two, threes], j) => {
      if (!applies(`${i}/${j}`)) return;
      group.append(make("option", { value: `${i}/${j}` }, `\u2003${two}`));
      threes.forEach((three, k) => {
        if (applies(`${i}/${j}/${k}`)) group.append(make("option", { value: `${i}/${j}/${k}` }, `\u2003\u2003${three}`));
      });
    });
    dimension.append(group);
  });
  controls.hidden = entries.length < 2; // nothing to choose from
  if (dimension.options.length === 1) dimension.closest("label").hidden = true;

  if (entries.some((entry) => entry.before)) {
    controls.elements.sort.append(make("option", { value: "drop" }, "largest drop first"));
  }

  const haystacks = entries.map((entry) =>
    [entry.title, entry.prompt, entry.headline, ...entry.facts.map((fact) => fact[1])].join("\n").toLowerCase());

  function chooseOutcome(value) { // not by the group's own value: in Chromium 156 setting that to "" changes nothing
    const radios = [...controls.elements.outcome];
    (radios.find((radio) => radio.value === value) || radios[0]).checked = true;
  }

  function select(key, outcome) {
    broken = outcome === "broken";
    chooseOutcome("");
    controls.elements.text.value = "";
    dimension.value = key;
    refresh();
    remember(null);
  }

  function refresh() {
    const outcome = controls.elements.outcome.value;
    const words = controls.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const key = dimension.value;
    let unread = 0; // of those that are chosen, without a figure in the dimension
    chosen = [];
    entries.forEach((entry, number) => {
      let lost = false;
      if (outcome && entry.group !== outcome && !(outcome === "failed" && entry.group === "test-failed")) return;
      if (key || broken) {
        if (entry.group === "again" && outcome !== "again") return; // no figure below counts it
        const wrong = entry.paths.some((path) => (key ? within(key, path) && path !== "" && !(key.startsWith(path + "/")) : path === ""));
        lost = entry.outcome === "error" && (!key || figure(entry, key) === "unreadable");
        if (broken ? !(entry.paths.includes(key) || lost) : !(isNumber(figure(entry, key)) || lost)) return;
        if (outcome === "failed" && key && !wrong && !entry.test_failed) return;
      }
      if (!words.every((word) => haystacks[number].includes(word))) return;
      chosen.push(number);
      unread += lost;
    });
    const order = controls.elements.sort.value;
    const drop = (number) => {
      const { before, total } = entries[number];
      return before && isNumber(before.total) && isNumber(total) ? share(entries[number], total) - share(entries[number], before.total) : null;
    };
    const RANK = { failed: 0, "test-failed": 0, error: 1, excused: 2, passed: 3, scored: 3, again: 4 };
    const rankOf = (number) => RANK[entries[number].group];
    const score = (number) => {
      const entry = entries[number];
      const value = share(entry, figure(entry, entry.kind === "edit" ? "" : key));
      if (value !== null || key || !entry.level1) return value;
      const ones = entry.level1.filter(isNumber); // a judge without a total: its lowest dimension
      return ones.length ? Math.min(...ones) : null;
    };
    if (order !== "run") {
      const scores = new Map(chosen.map((number) => [number, order === "drop" ? drop(number) : score(number)]));
      chosen.sort((a, b) => {
        if (order === "worst") {
          const rank = rankOf(a) - rankOf(b);
          if (rank) return rank;
        }
        const [x, y] = [scores.get(a), scores.get(b)];
        if (x === null || y === null) return (x === null) - (y === null) || a - b; // what has no score comes last
        return (order === "high" ? y - x : x - y) || a - b;
      });
    }
    const place = key ? places.get(key).names.join(" / ") : "";
    const known = `${chosen.length - unread} ${broken ? "failed in" : "with a figure of"} ${place}`;
    remark = "";
    if (key && (broken || unread)) remark = `: ${known}${unread ? `, ${unread} not judged there` : ""}`;
    else if (broken) remark = " (what failed)";
    if (!chosen.length && entries.length) remark += "; nothing fits these filters";
    grid.replaceChildren();
    drawn = 0;
    draw();
  }

  function draw() {
    const key = dimension.value;
    const end = Math.min(drawn + (drawn ? MORE : CHUNK), chosen.length);
    const part = document.createDocumentFragment();
    for (; drawn < end; drawn++) part.append(make("li", {}, card(chosen[drawn], key)));
    grid.append(part);
    const [fit, all] = [chosen.length, entries.length];
    const shown = fit === all ? (drawn < fit ? `${drawn} of ${all} shown` : `${all} shown`)
      : drawn < fit ? `${drawn} shown, ${fit} of ${all} fit` : `${fit} of ${all} shown`;
    count.textContent = shown + remark;
    more.hidden = drawn >= chosen.length;
    more.textContent = chosen.length - drawn > MORE ? `Show ${MORE} more (of ${chosen.length - drawn})` : `Show more (${chosen.length - drawn})`;
  }

  function picture(number, text, attributes) {
    if (number === null || number === undefined) return make("span", { class: "none" }, "no picture");
    const found = pictures[number];
    if (Array.isArray(found)) return make("span", { class: "none" }, found[0] || "no picture");
    return make("img", { src: found, alt: text, ...attributes });
  }

  function card(number, key) {
    const entry = entries[number];
    const value = figure(entry, entry.kind === "edit" ? "" : key);
    const [, at] = entry.pictures[entry.cover];
    return make("a", { class: "card", href: `#${address(number)}`, "data-number": number },
      make("span", { class: "picture" }, picture(at, "")),
      make("span", { class: "words" },
        make("span", { class: "row" },
          badge(entry),
          make("span", { class: "score" }, value === null ? "" : show(value, entry) + (isNumber(value) && entry.kind === "edit" ? `/${entry.scale[1]}` : ""))),
        make("span", { class: "title" }, entry.title),
        entry.headline ? make("span", { class: "why" }, entry.headline) : null,
        make("span", { class: "prompt" }, entry.prompt)));
  }

  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.addEventListener("input", () => { broken = false; refresh(); remember(null); });
  more.addEventListener("click", draw);

  // One image

  const page = $("page"), article = $("article");
  let current = -1;

  const isNotZero = (key, bound) => key.split("/").length === 3 && bound > 0 && bound <= 60; // of a raw score, 0, 1 or 2

  function bar(value, bound, missed) {
    const node = svg("svg", { class: missed ? "bar missed" : "bar", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" });
    node.append(svg("rect", { class: "track", width: 100, height: 8, rx: 1 }), svg("rect", { class: "fill", width: value, height: 8, rx: 1 }));
    if (bound !== undefined) node.append(svg("line", { class: "bound", x1: bound, x2: bound, y1: 0, y2: 8 }));
    return node;
  }

  function change(before, after, digits) {
    if (!isNumber(before)) return null;
    if (!isNumber(after)) return make("span", {}, before.toFixed(digits));
    const by = Number((after - before).toFixed(digits));
    return make("span", { class: by < 0 ? "down" : by > 0 ? "up" : "" },
      before.toFixed(digits) + (by ? ` (${by < 0 ? "−" : "+"}${Math.abs(by).toFixed(digits)})` : ""));
  }

  function sheet(entry) {
    const bounds = new Map((entry.bounds || []).map(([path, bound]) => [path.join("/"), bound]));
    if (entry.bound !== null && entry.bound !== undefined) bounds.set("", entry.bound);
    const before = entry.before && entry.before.level1 ? entry.before : null;
    const head = ["Dimension", "Score", "", ...(bounds.size ? ["Bound"] : []), ...(before ? ["Before"] : []), "Raw"];
    const body = make("tbody");
    // facets that have a figure, a bound or a reason why they do not apply
    const told = (key) => {
      const facet = entry.level3[places.get(key).at];
      return bounds.has(key) || (Array.isArray(facet) && Boolean(facet[1]));
    };
    const line = (key, depth, name) => {
      const lost = !key && entry.total === null && entry.unreadable.length;
      const value = lost ? "unreadable" : figure(entry, key), bound = bounds.get(key);
      const place = places.get(key);
      const facet = depth === 3 ? entry.level3[place.at] : null;
      const raw = Array.isArray(facet) && facet[0] in RAW
        ? make("span", { class: facet[0] === 0 ? "bad" : "" }, `${facet[0]} ${RAW[facet[0]]}`) : null;
      const missed = isNumber(value) && bound !== undefined && value < bound;
      body.append(make("tr", { class: `level${depth}${isNumber(value) || value === "unreadable" ? "" : " quiet"}` },
        make("th", { scope: "row" }, name),
        make("td", { class: `number${missed || value === "unreadable" ? " bad" : ""}` }, show(value)),
        make("td", { class: "bars" }, isNumber(value) ? bar(value, isNotZero(key, bound) ? undefined : bound, missed) : null),
        bounds.size ? make("td", { class: "number", "data-name": "bound" }, bound === undefined ? "" : isNotZero(key, bound) ? "not 0" : String(bound)) : null,
        before ? make("td", { class: "number", "data-name": "before" }, change(figure(before, key), value, 1)) : null,
        make("td", { class: "raw" }, raw)));
      if (Array.isArray(facet) && facet[1]) { // the judge's words, across the table
        body.append(make("tr", { class: isNumber(value) ? "said" : "said quiet" }, make("td", { class: "evidence words", colspan: head.length }, facet[1])));
      }
    };
    line("", 0, "Total");
    tree.forEach(([one, twos], i) => {
      line(`${i}`, 1, one);
      if (!isNumber(figure(entry, `${i}`)) && twos.every((_, j) => !isNumber(figure(entry, `${i}/${j}`)))
        && twos.every(([, threes], j) => threes.every((_, k) => !isNumber(figure(entry, `${i}/${j}/${k}`)) && !told(`${i}/${j}/${k}`)))) return;
      twos.forEach(([two, threes], j) => {
        line(`${i}/${j}`, 2, two);
        const absent = figure(entry, `${i}/${j}`) === "N/A";
        threes.forEach((three, k) => { if (!absent || told(`${i}/${j}/${k}`)) line(`${i}/${j}/${k}`, 3, three); });
      });
    });
    return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Scores" },
      make("table", { class: "tree stacked" },
        make("thead", {}, make("tr", {}, head.map((name) =>
          make("th", { scope: "col", class: name === "" ? "bars" : ["Score", "Bound", "Before"].includes(name) ? "number" : "" },
            name || make("span", { class: "hidden" }, "Bar"))))),
        body));
  }

  async function inflate(packed) {
    const bytes = Uint8Array.from(atob(packed), (char) => char.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  }

  async function words(number, into) {
    answers = answers || read("answers");
    if (typeof answers[number] === "string") {
      try {
        answers[number] = await inflate(answers[number]);
      } catch (error) {
        into.append(make("p", { class: "warning" }, "This browser can't unpack the answers; they are in the JSON report."));
        return;
      }
      if (number !== current) return;
    }
    for (const [name, text] of Object.entries(answers[number])) {
      const end = text.lastIndexOf("</think>");
      const open = text.indexOf("<think>");
      const thinking = end >= 0 ? text.slice(0, end).replace("<think>", "").trim() : open >= 0 ? text.slice(open + 7).trim() : "";
      into.append(make("h3", {}, name));
      if (thinking) into.append(make("details", {}, make("summary", {}, "Reasoning"), make("p", { class: "text" }, thinking)));
      into.append(make("details", {}, make("summary", {}, "Raw answer"), make("pre", { tabindex: 0 }, text)));
    }
    if (!Object.keys(answers[number]).length) into.append(make("p", { class: "note" }, "There is no answer."));
  }

  const facts = (list) => make("dl", { class: "sheet" }, list.map(([name, value, file]) =>
    [make("dt", {}, name), make("dd", {}, file ? make("a", { href: file }, value) : value)]));

  function open(number) {
    const entry = entries[number];
    current = number;
    const position = chosen.indexOf(number);
    $("position").textContent = position < 0 ? "" : `${position + 1} of ${chosen.length}`;
    $("previous").disabled = position <= 0;
    $("next").disabled = position < 0 || position >= chosen.length - 1;
    const edit = entry.kind === "edit";
    const figures = entry.pictures.map(([label, at]) => [label, at]);
    const now = figures[entry.cover], then = entry.before && !entry.before.same && entry.before.picture !== null ? ["Baseline", entry.before.picture] : null;
    const pairs = edit ? [[[figures[0][1], "Source"], [now[1], "Edited"]]] : [];
    if (then) {
      pairs.push([[then[1], "Baseline"], [now[1], "Now"]]);
      now[0] = edit ? "Edited, now" : "Now";
      figures.splice(edit ? 1 : 0, 0, edit ? ["Edited, baseline", then[1]] : then);
    } else if (entry.before && entry.before.same) now[0] += " (the same as in the baseline)";
    const alt = (label) => (edit || entry.before ? label : `Image for the prompt: ${entry.prompt.slice(0, 200)}`);
    const decided = Object.entries(fingerprints[entry.fingerprint]);
    const judged = !entry.error || Boolean(entry.level3 && entry.level3.some(Array.isArray));
    const text = make("div");
    const judged_words = [
      entry.error ? make("div", { class: "breach" }, make("p", {}, `Not judged: ${entry.error}`)) : null,
      ...entry.unreadable.map(([place, said]) => make("div", { class: "breach" },
        make("p", {}, make("strong", {}, `Unreadable: ${place}`), said ? `: “${said}”` : ""))),
      ...entry.found.filter(([, failed]) => failed).map(([said]) => make("div", { class: "breach" }, make("p", {}, said))),
      entry.headline && !entry.breaches.length && !entry.error && !entry.unreadable.length && !entry.found.some(([, failed]) => failed) ? make("div", { class: "breach" }, make("p", {}, entry.headline)) : null,
      ...entry.breaches.map((breach) => make("div", { class: "breach" },
        make("p", {}, make("strong", {}, `${breach.place}: ${breach.score}`), `, ${breach.bound}`),
        breach.causes.length ? make("ul", {}, breach.causes.map(([place, raw, said, quoted]) =>
          make("li", {}, make("strong", {}, `${place}: ${raw}`), said ? (quoted ? `: “${said}”` : `: ${said}`) : "")),
          breach.more ? make("li", {}, breach.more) : null) : null)),
      ...entry.found.filter(([, failed]) => !failed).map(([said]) => make("div", { class: "note" }, make("p", {}, said))),
      entry.advice ? make("p", { class: "note" }, entry.advice) : null,
    ];
    const scores = edit ? (entry.aspects.length || entry.words ? facts([
      ...(entry.words ? [["Score", entry.words]] : []),
      ...entry.aspects.map(([name, value, said, bound]) => [name, `${isNumber(value) ? value.toFixed(2) : "N/A"}${bound ? ` (${bound})` : ""}${said ? `: ${said}` : ""}`])]) : null)
      : judged && entry.level1.some((value) => value !== "not asked") ? sheet(entry) : make("p", { class: "note" }, "Nothing was judged.");
    article.className = then ? "compared" : "";
    article.replaceChildren(
      make("div", { class: "top" },
        make("h2", { id: "page-title", tabindex: -1 }, entry.title),
        make("p", {},
          badge(entry), " ",
          make("strong", {}, isNumber(entry.total) ? (edit ? `score ${show(entry.total, entry)} of ${entry.scale[1]}${entry.bound ? ` (${entry.bound})` : ""}` : `total ${show(entry.total)}`) : ""), " ",
          entry.before && isNumber(entry.before.total) ? make("span", {}, "before: ", change(entry.before.total, entry.total, edit ? 2 : 1)) : null, " ",
          entry.stored ? make("span", { class: "badge" }, `cached, judged ${entry.stored}`) : null)),
      make("div", { class: "side" }, gallery(figures, pairs, (at, label) => picture(at, alt(label)))),
      make("div", { class: "rest" }, [
        ...judged_words,
        make("h3", {}, edit ? "Instruction" : "Prompt"),
        make("p", { class: "text prompt-full", tabindex: 0 }, entry.prompt),
        edit && !scores ? null : make("h3", {}, "Scores"), scores,
        entry.history ? make("h3", {}, `Over the last ${entry.history.length} runs`) : null,
        entry.history ? runs(entry.history, edit ? entry.scale : [0, 100], edit ? 2 : 1) : null,
        entry.problems.length ? make("h3", {}, "Problems with the answer") : null,
        entry.problems.length ? make("ul", {}, entry.problems.map(([place, kind, detail]) =>
          make("li", {}, make("strong", {}, kind), place ? ` in ${place}` : "", detail ? `: ${detail}` : ""))) : null,
        make("h3", {}, "In the judge's words"), text,
        make("h3", {}, "Where it comes from"), facts(entry.facts),
        make("details", { class: "prints" }, make("summary", {}, "Key and fingerprint"),
          facts([...entry.prints, ...decided.map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)])])),
      ].filter((node) => node !== null)));
    words(number, text);
    if (!page.open) page.showModal();
    page.scrollTop = 0;
    $("page-title").focus({ preventScroll: true });
  }

  // The address: which image is open, and which filters and which order are set.

  const nameOf = (key) => places.get(key).names.join(" / ");

  function address(number) {
    const { outcome, sort, text } = controls.elements;
    const said = { outcome: outcome.value, dimension: dimension.value && nameOf(dimension.value), sort: sort.value === "worst" ? "" : sort.value,
      find: text.value, only: broken ? "failed" : "" };
    const words = new URLSearchParams(Object.entries(said).filter(([, value]) => value)).toString();
    return [number === null ? "" : `image-${number}`, words].filter(Boolean).join("&");
  }

  function remember(number) {
    const hash = address(number);
    history.replaceState(null, "", location.pathname + location.search + (hash ? `#${hash}` : ""));
  }

  function route() {
    const hash = location.hash.slice(1);
    const found = /^image-(\d+)(?:&|$)/.exec(hash);
    if (hash && !found && !hash.includes("=")) return; // a place on the page
    const words = new URLSearchParams(found ? hash.slice(found[0].length) : hash);
    const choose = (control, value, otherwise) => { control.value = value || otherwise; if (control.value !== (value || otherwise)) control.value = otherwise; };
    chooseOutcome(words.get("outcome") || "");
    choose(dimension, [...places.keys()].find((key) => nameOf(key) === words.get("dimension")), "");
    choose(controls.elements.sort, words.get("sort"), "worst");
    controls.elements.text.value = words.get("find") || "";
    broken = words.get("only") === "failed";
    refresh();
    if (found && Number(found[1]) < entries.length) open(Number(found[1]));
    else if (page.open) page.close();
  }

  function step(by) {
    const next = chosen[chosen.indexOf(current) + by];
    if (next === undefined || !chosen.includes(current)) return;
    remember(next);
    open(next);
  }

  $("previous").addEventListener("click", () => step(-1));
  $("next").addEventListener("click", () => step(1));
  $("close").addEventListener("click", () => page.close());
  page.addEventListener("click", (event) => { if (event.target === page) page.close(); });
  page.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("pre, .scroll, .prompt-full, input")) return;
    if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
  });
  page.addEventListener("close", () => {
    if (location.hash.startsWith("#image-")) remember(null);
    const link = grid.querySelector(`a[data-number="${current}"]`);
    if (link) link.focus();
  });
  addEventListener("hashchange", route);
  for (const link of document.querySelectorAll(".jump a")) { // the address keeps the filters
    link.addEventListener("click", (event) => {
      event.preventDefault();
      document.querySelector(link.hash).scrollIntoView();
    });
  }

  refresh();
  route();
})();
