/* Charts drawn from the specifications that stand in the page, in the page's colours and width, as they come near the view.

   What is drawn replaces the image, which stays where no script runs. Expressions are interpreted, not compiled, so that
   the page's policy need not allow evaluation. */

const NARROW = 560;
const WIDE = 920;
const LEAST_PLOT = 110;
const NAMES_SHARE = 0.45; // of a phone's width, to names beside rows
const RIGHT_MARGIN = 5;
const LETTER = 6.5; // pixels, of a label
const DARK_COLOURS = {
  black: "#e8eaed",
  white: "#1b1f24",
  "#5f6368": "#a8b0b9",
  "#e6e8eb": "#30363d",
  "#dfe2e6": "#3a424b",
  "#543005": "#9c6a3c",
  "#bf812d": "#f0c27a",
  "#0072B2": "#3b8ede",
  "#56B4E9": "#a5dbfb",
  "#D55E00": "#ee7f33",
  "#009E73": "#2fc79b",
  "#332288": "#8f83e0",
  "#882255": "#d0699b",
  "#253494": "#6b7be0",
  "#2c7fb8": "#56a9dd",
  "#8c510a": "#c08440",
  "#4d4d4d": "#8f959c",
};
const DARK_CONFIG = {
  background: "transparent",
  title: { color: "#e8eaed", subtitleColor: "#a8b0b9" },
  axis: { labelColor: "#c9d1d9", titleColor: "#c9d1d9", gridColor: "#30363d", domainColor: "#8b949e", tickColor: "#8b949e" },
  legend: { labelColor: "#c9d1d9", titleColor: "#c9d1d9", symbolBaseFillColor: "#c9d1d9", symbolBaseStrokeColor: "#c9d1d9" },
  header: { labelColor: "#c9d1d9", titleColor: "#c9d1d9" },
  rule: { color: "#e8eaed" },
  text: { color: "#e8eaed" },
  tick: { color: "#e8eaed" },
};

/* A copy of a specification with every part but the data passed through `change`. */
function changed(part, change) {
  if (Array.isArray(part)) return part.map((inner) => changed(inner, change));
  if (part === null || typeof part !== "object") return change(part);
  const copy = {};
  for (const [name, inner] of Object.entries(part)) {
    copy[name] = name === "values" || name === "datasets" ? inner : changed(inner, change);
  }
  return change(copy);
}

function inDark(specification) {
  const coloured = changed(specification, (part) => (typeof part === "string" && DARK_COLOURS[part]) || part);
  const config = { ...coloured.config };
  for (const [name, own] of Object.entries(DARK_CONFIG)) {
    config[name] = typeof own === "string" ? own : { ...config[name], ...own };
  }
  return { ...coloured, config };
}

function plotWidth(part) {
  if (part.hconcat) return part.hconcat.reduce((sum, inner) => sum + plotWidth(inner), 0);
  if (part.vconcat) return Math.max(...part.vconcat.map(plotWidth));
  return part.width || (part.spec ? plotWidth(part.spec) : 0);
}

function wrapped(text, length) {
  const lines = [""];
  for (const word of [].concat(text).join(" ").split(" ")) {
    const line = lines[lines.length - 1];
    if (line && line.length + word.length >= length) lines.push(word);
    else lines[lines.length - 1] = line ? `${line} ${word}` : word;
  }
  return lines;
}

/* Pixels that the labels of a nominal axis take beside each other. */
function labelsWidth(channel, specification) {
  const rows = Object.values(specification.datasets ?? {}).flat();
  const labels = [...new Set(rows.map((row) => row[channel.field]).filter((label) => label !== undefined))];
  return labels.length * Math.max(0, ...labels.map((label) => String(label).length)) * LETTER + labels.length * LETTER;
}

/* Panels below each other, texts wrapped and labels short: for a phone. */
function stacked(specification, width) {
  const narrow = changed(specification, (part) => {
    if (part === null || typeof part !== "object" || Array.isArray(part)) return part;
    if (part.hconcat) {
      const { hconcat, ...rest } = part;
      part = { ...rest, vconcat: hconcat };
    }
    if (part.labels === false) part = { ...part, labels: true, ticks: true }; // no panel beside it names its rows now
    if (part.labelLimit) part = { ...part, labelLimit: Math.min(part.labelLimit, width * NAMES_SHARE) };
    if (part.axis?.labelAngle === 0 && labelsWidth(part, specification) > width) {
      part = { ...part, axis: { ...part.axis, labelAngle: -35, labelAlign: "right" } };
    }
    if (part.legend) {
      const columns = part.legend.orient === "bottom" ? Math.max(1, Math.floor(width / 120)) : 1;
      part = { ...part, legend: { ...part.legend, orient: "bottom", columns, labelLimit: width / columns } };
    } else if (part.field && part.scale?.range && part.legend === undefined) {
      part = { ...part, legend: { orient: "bottom", columns: 1, labelLimit: width } };
    }
    if (typeof part.title === "string" && (part.layer || part.mark)) part = { ...part, title: { text: part.title } };
    if (part.title?.text) {
      const title = { ...part.title, text: wrapped(part.title.text, width / 8.8) };
      if (title.subtitle) title.subtitle = wrapped(title.subtitle, width / 6.5);
      part = { ...part, title };
    }
    return part;
  });
  const legend = { ...narrow.config?.legend, layout: { bottom: { direction: "vertical", anchor: "start" } } };
  const inLines = (row) => (Array.isArray(row.text) ? { ...row, text: wrapped(row.text, width / 7) } : row);
  const datasets = Object.fromEntries(Object.entries(narrow.datasets ?? {}).map(([name, rows]) => [name, rows.map(inLines)]));
  return { ...narrow, datasets, config: { ...narrow.config, legend } };
}

function scaled(specification, factor) {
  const scale = (part) =>
    part && typeof part === "object" && !Array.isArray(part) && typeof part.width === "number" && !part.mark?.width
      ? { ...part, width: Math.max(LEAST_PLOT, Math.round(part.width * factor)) }
      : part;
  const walk = (part) => {
    const own = scale(part);
    for (const name of ["hconcat", "vconcat", "concat"]) if (own[name]) own[name] = own[name].map(walk);
    if (own.spec) own.spec = walk(own.spec);
    return own;
  };
  return walk(structuredClone(specification));
}

/* Of all, where it is too wide; else from the left edge to the right end of the widest panel: beside a wider title it may grow. */
function drawnWidth(place, limit) {
  const svg = place.querySelector("svg");
  const natural = Number(svg.getAttribute("width"));
  if (natural > limit) return natural;
  const whole = svg.getBoundingClientRect();
  const panels = [...place.querySelectorAll("g.mark-group.role-scope, g.mark-group.role-legend")];
  const ends = panels.map((panel) => panel.getBoundingClientRect().right - whole.left);
  return Math.max(0, ...ends) + RIGHT_MARGIN;
}

async function draw(figure) {
  const box = figure.querySelector(".drawing");
  const room = box.clientWidth;
  let specification = JSON.parse(figure.querySelector("script").textContent);
  if (isDark()) specification = inDark(specification);
  if (room < NARROW) specification = stacked(specification, room);
  const options = { ast: true, renderer: "svg", actions: false, tooltip: { theme: isDark() ? "dark" : "light" }, logLevel: 1 };
  const place = document.createElement("div");
  place.className = "vega";
  box.append(place);
  figure.room = room;
  figure.view?.finalize();
  for (let attempt = 0; attempt < 3; attempt++) {
    figure.view = (await window.vegaEmbed(place, specification, options)).view;
    const limit = Math.min(room, WIDE);
    const excess = drawnWidth(place, limit) - limit;
    const plot = plotWidth(specification);
    if ((excess <= 0 && excess > -20) || plot <= LEAST_PLOT) break;
    specification = scaled(specification, Math.max(0.3, (plot - excess - 2) / plot));
  }
  const image = box.querySelector("img");
  for (const other of box.querySelectorAll(".vega")) if (other !== place) other.remove();
  image.hidden = true;
  linkModels(figure.view, specification);
  await wakeLegends(figure.view);
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", image.alt);
}

/* Vega hears the second change of a legend's signal, not the first: so that a reader's first click counts, this is the first. */
async function wakeLegends(view) {
  const names = Object.keys(view.getState({ signals: (name) => name.endsWith("_legend"), data: () => false }).signals);
  for (const name of names) view.signal(name, null, { force: true });
  await view.runAsync();
}

/* Models clicked in a chart, or within a range swept over, are marked in the page's tables too. */
function linkModels(view, specification) {
  const rows = Object.values(specification.datasets).flat().filter((row) => row.model);
  const chosen = { model: null, brush: null };
  const mark = () => {
    for (const row of document.querySelectorAll("tbody tr")) {
      const name = row.cells[0].textContent.trim();
      const selections = [chosen.model, chosen.brush].filter((names) => names !== null);
      row.classList.toggle("chosen", selections.length > 0 && selections.every((names) => names.has(name)));
    }
  };
  const listen = (signal, names) => {
    try {
      view.addSignalListener(signal, (_, value) => {
        chosen[signal] = names(value ?? {});
        mark();
      });
    } catch {
      // a chart without this selection
    }
  };
  listen("model", ({ model }) => (model ? new Set(model) : null));
  listen("brush", (range) => {
    const [field, ends] = Object.entries(range)[0] ?? [];
    if (!ends) return null;
    const [low, high] = [Math.min(...ends), Math.max(...ends)];
    return new Set(rows.filter((row) => row[field] >= low && row[field] <= high).map((row) => row.model));
  });
}

let drawings = Promise.resolve();

/* Draw charts one after another, with a pause before each in which the page answers to its reader. */
function drawInTurn(figure) {
  const pause = () => new Promise((resolve) => setTimeout(resolve));
  drawings = drawings
    .then(pause)
    .then(() => draw(figure))
    .catch((error) => console.error(error));
}

function drawNearCharts(figures) {
  const near = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting || target.drawn) continue;
        target.drawn = true;
        drawInTurn(target);
      }
    },
    { rootMargin: "400px" },
  );
  for (const figure of figures) near.observe(figure);
  const redraw = (which) => {
    for (const figure of figures) if (figure.drawn && which(figure)) drawInTurn(figure);
  };
  document.addEventListener("themechange", () => redraw(() => true));
  let waiting;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => redraw((figure) => Math.abs(figure.querySelector(".drawing").clientWidth - figure.room) > 8), 200);
  });
}

const VEGA = new URL("vega.js", document.currentScript.src);

/* Vega is read once the page stands and answers: that takes longer than all the rest. */
window.addEventListener("load", () => {
  const figures = [...document.querySelectorAll("figure.chart")];
  if (figures.length === 0) return;
  const script = document.createElement("script");
  script.src = VEGA;
  script.addEventListener("load", () => drawNearCharts(figures));
  setTimeout(() => document.body.append(script));
});
