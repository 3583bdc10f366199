"use strict";
// Charts, menus that filter charts and tables alike, and tables that sort; the page reads without any of it.
const ALL = "all";
const HEADINGS = {
  dataset: ["Dataset"],
  classifier: ["Classifier"],
  imbalance_ratio: ["Imbalance ratio", "Ratio"],
  balancer: ["Balancer", "Method", "GAN"],
};
const chosen = Object.fromEntries(Object.keys(HEADINGS).map((name) => [name, ALL]));
const charts = [];

async function drawCharts() {
  const options = {
    renderer: "svg",
    actions: { export: true, source: false, compiled: false, editor: false },
    tooltip: { theme: "custom" },
  };
  for (const holder of document.querySelectorAll("script[type='application/json'][data-chart]")) {
    const target = document.getElementById(holder.dataset.chart);
    const chart = { target, specification: JSON.parse(holder.textContent), options };
    charts.push(chart);
    await draw(chart);
  }
}

// A specification at this width: panels side by side, and columns of maps, as far as they find room, and what is
// different on a phone; `plots/chart.py` does the same for files.
const NARROWEST_PANEL = 200;
const PHONE_PIXELS = 480;
function layout({ panels, blocks }, pixels) {
  if (panels) {
    const room = pixels - panels.left;
    const columns = Math.max(1, Math.min(panels.columns, Math.floor(room / (NARROWEST_PANEL + panels.around))));
    return { columns, values: { panel_width: Math.floor(room / columns) - panels.around } };
  }
  if (blocks) {
    const room = pixels - blocks.left;
    const number = Math.ceil(blocks.columns / Math.max(1, Math.floor(room / blocks.cell)));
    return { columns: 1, values: { panel_width: room, block: Math.ceil(blocks.columns / number) } };
  }
  return null;
}

function fitted(specification, pixels) {
  const found = structuredClone(specification);
  const meta = found.usermeta ?? {};
  if (pixels < PHONE_PIXELS) {
    for (const { path, value } of meta.phone ?? []) {
      path.slice(0, -1).reduce((part, key) => part[key], found)[path.at(-1)] = value;
    }
  }
  const laidOut = layout(meta, pixels);
  if (!laidOut) return found;
  found.columns = laidOut.columns;
  for (const each of found.params) each.value = laidOut.values[each.name] ?? each.value;
  for (const each of found.concat ?? [found.spec]) each.width = laidOut.values.panel_width;
  return found;
}

async function draw(chart) {
  const { target, specification, options } = chart;
  chart.pixels = target.clientWidth || document.querySelector("main").clientWidth;
  const { view } = await vegaEmbed(target, fitted(specification, chart.pixels), options);
  chart.view?.finalize();
  chart.view = view;
  await Promise.all(Object.entries(chosen).map(([name, value]) => view.signal(`pick_${name}`, value)));
  await view.runAsync();
  const caption = target.closest("figure").querySelector("figcaption").textContent;
  target.querySelector("summary")?.setAttribute("aria-label", `Save the chart: ${caption}`);
  target.dataset.drawn = "yes";
}

// Charts follow the window by themselves, but for those with panels, and between a phone and a larger window.
let waiting;
window.addEventListener("resize", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const moved = ({ target: { clientWidth }, specification: { usermeta }, pixels }) =>
      clientWidth && clientWidth !== pixels &&
      (layout(usermeta ?? {}, clientWidth) || (clientWidth < PHONE_PIXELS) !== (pixels < PHONE_PIXELS));
    charts.filter(moved).forEach(draw);
  }, 100);
});

function headingsOf(table) {
  return [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
}

function filterTable(table) {
  const headings = headingsOf(table);
  const limits = Object.entries(chosen)
    .map(([name, value]) => [headings.findIndex((heading) => HEADINGS[name].includes(heading)), value])
    .filter(([column, value]) => column >= 0 && value !== ALL);
  for (const row of table.tBodies[0].rows) {
    row.hidden = limits.some(([column, value]) => row.cells[column].textContent.trim() !== value);
  }
}

function choose(name, value) {
  chosen[name] = value;
  document.querySelectorAll("main .table table").forEach(filterTable);
  return Promise.all(charts.map(({ view }) => view?.signal(`pick_${name}`, value).runAsync()));
}

function sortKey(row, column) {
  const text = row.cells[column].textContent.trim();
  const number = parseFloat(text.replace("\u2212", "-").replace(/^[+<\s]+/, ""));
  return Number.isNaN(number) ? text : number;
}

function compare(a, b) {
  if (typeof a === typeof b) return typeof a === "number" ? a - b : a.localeCompare(b);
  return typeof a === "number" ? -1 : 1;
}

function sortBy(table, column) {
  const heads = table.tHead.rows[0].cells;
  const descends = heads[column].getAttribute("aria-sort") === "ascending";
  for (const head of heads) head.removeAttribute("aria-sort");
  heads[column].setAttribute("aria-sort", descends ? "descending" : "ascending");
  const rows = [...table.tBodies[0].rows].map((row) => [sortKey(row, column), row]);
  rows.sort(([a], [b]) => (descends ? -1 : 1) * compare(a, b));
  table.tBodies[0].append(...rows.map(([, row]) => row));
}

function makeSortable(table) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Sort";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sortBy(table, column));
    head.append(button);
  });
}

document.querySelectorAll("main .table table").forEach(makeSortable);
document.querySelectorAll("#filters select").forEach((select) => {
  select.addEventListener("change", () => choose(select.name, select.value));
});

// A chart in a closed part has no width until it opens.
document.querySelectorAll("details.charts").forEach((part) => {
  part.addEventListener("toggle", () => window.dispatchEvent(new Event("resize")));
});

function enlarge(image) {
  const dialog = document.createElement("dialog");
  const large = image.cloneNode();
  dialog.setAttribute("aria-label", image.alt);
  dialog.append(large);
  dialog.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

document.querySelectorAll(".enlargeable img").forEach((image) => {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "enlarge";
  button.setAttribute("aria-label", `Enlarge: ${image.alt}`);
  image.replaceWith(button);
  button.append(image);
  button.addEventListener("click", () => enlarge(image));
});

// What a link leads to may stand in a closed part.
function openTarget() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
  if (target) target.scrollIntoView();
}
window.addEventListener("hashchange", openTarget);
openTarget();
drawCharts();
