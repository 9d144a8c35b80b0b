"use strict";
// The pictures of one image: side by side, two of them below a slider, and its figures over the last runs.
const parts = (() => {
  // Every node is made here, from text: nothing in the data is ever parsed as markup.
  function make(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === false || value === null || value === undefined) continue;
      if (name === "class") node.className = value;
      else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
    return node;
  }

  function svg(tag, attributes, ...children) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, text] of Object.entries(attributes)) node.setAttribute(name, text);
    node.append(...children);
    return node;
  }

  // A picture as high as the window allows; its proportions are known once it is there.
  function sized(node, box) {
    const tell = () => box.style.setProperty("--ratio", String(node.naturalWidth / node.naturalHeight));
    if (node.naturalWidth) tell();
    node.addEventListener("load", tell);
    return box;
  }

  function slider(before, after, [left, right]) {
    const base = after(), over = before();
    over.className = "over";
    const stack = make("div", { class: "stack" }, base, over);
    const range = make("input", { type: "range", min: 0, max: 100, value: 50, "aria-label": `${left} on the left, ${right} on the right` });
    const cut = () => stack.style.setProperty("--cut", `${range.value}%`);
    range.addEventListener("input", cut);
    cut();
    return sized(base, make("div", { class: "slider" }, stack, range,
      make("div", { class: "ends" }, make("span", {}, left), make("span", {}, right))));
  }

  // All pictures side by side, or two of them below a slider. `draw(number, label)` makes a picture, or says why not.
  function gallery(figures, pairs, draw) {
    const aside = () => make("div", { class: figures.length > 1 ? "pictures several" : "pictures" }, figures.map(([label, number]) => {
      const node = draw(number, label);
      return make("figure", {}, node.tagName === "IMG" ? sized(node, node) : node, make("figcaption", {}, label));
    }));
    const shown = make("div", {}, aside());
    const usable = pairs.filter(([[one], [two]]) => [one, two].every((number) => draw(number, "").tagName === "IMG"));
    if (!usable.length) return shown;
    const views = [["Side by side", aside], ...usable.map(([[one, left], [two, right]]) =>
      [`${left} / ${right.toLowerCase()}`, () => slider(() => draw(one, left), () => draw(two, right), [left, right])])];
    return make("div", {},
      make("fieldset", { class: "views" }, make("legend", { class: "hidden" }, "View"), views.map(([name, view], at) =>
        make("label", { class: "choice" },
          make("input", { type: "radio", name: "view", checked: at === 0, onchange: () => shown.replaceChildren(view()) }), make("span", {}, name)))),
      shown);
  }

  // Figures of one image over runs, oldest first: a line on a scale, and a table that says the same.
  function history(runs, [low, high], digits) {
    const width = 100 * Math.max(runs.length - 1, 1), known = runs.map((run) => run.figure).filter((value) => value !== null);
    const x = (at) => (runs.length > 1 ? (at * width) / (runs.length - 1) : width / 2);
    const y = (value) => 92 - (84 * (value - low)) / (high - low);
    const points = runs.flatMap((run, at) => (run.figure === null ? [] : [[x(at), y(run.figure)]]));
    const chart = svg("svg", { class: "history", viewBox: `-8 0 ${width + 16} 100`, preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" },
      ...[low, (low + high) / 2, high].map((value) => svg("line", { class: "rule", x1: 0, x2: width, y1: y(value), y2: y(value) })),
      svg("polyline", { points: points.map((point) => point.join(",")).join(" ") }),
      ...points.map(([across, up]) => svg("line", { class: "point", x1: across, x2: across, y1: up, y2: up })));
    return make("div", {},
      known.length > 1 ? chart : null,
      make("table", { class: "small runs" },
        make("thead", {}, make("tr", {}, ["Run", "Commit", "Score", "Outcome"].map((name) => make("th", { scope: "col", class: name === "Score" ? "number" : "" }, name)))),
        make("tbody", {}, [...runs].reverse().map((run) => make("tr", {},
          make("th", { scope: "row" }, run.name), make("td", {}, run.commit),
          make("td", { class: "number" }, run.figure === null ? "none" : run.figure.toFixed(digits)),
          make("td", { class: run.outcome === "failed" || run.outcome === "error" ? "bad" : "" }, run.outcome === "error" ? "not judged" : run.outcome))))));
  }

  return { make, svg, gallery, history };
})();
