// The three views of a layer, linked: its box in the drawing, its row in the table, its lines in the source.

const facts = JSON.parse(document.getElementById("data").textContent);
const byId = id => document.getElementById(id);
const bench = byId("bench"), canvas = byId("canvas"), search = byId("search"), classes = byId("class");
const rows = [...document.querySelectorAll(".row")], weights = [...document.querySelectorAll(".weight")];
const drawing = new Drawing(facts, canvas);
let chosen = -1, hovered = -1, detail = null;

// ---------------------------------------------------------------- which lines are whose

const lines = new Map(); // number of a line -> {own: layers that it is about, near: layers inside what it calls}
facts.layers.forEach((layer, number) => {
  for (const call of layer.calls) for (const [from, to, own] of call.places) for (let n = from; n <= to; n++) {
    if (!lines.has(n)) lines.set(n, { own: new Set(), near: new Set() });
    lines.get(n)[own ? "own" : "near"].add(number);
  }
});
for (const n of lines.keys()) { const line = byId("L" + n); if (line) line.classList.add("linked"); }

function layersOf(n) {
  const found = lines.get(n);
  return found ? [...(found.own.size ? found.own : found.near)] : [];
}

// ---------------------------------------------------------------- marks

function mark(numbers, kind) {
  for (const element of document.querySelectorAll("." + kind)) element.classList.remove(kind);
  for (const number of numbers) {
    if (rows[number]) rows[number].classList.add(kind);
    for (const box of canvas.querySelectorAll(`[data-layer="${number}"]`)) box.classList.add(kind);
    const own = [], near = [];
    for (const call of facts.layers[number].calls) for (const [from, to, is] of call.places) (is ? own : near).push([from, to]);
    for (const [list, name] of [[own, kind], [near, "warm"]]) for (const [from, to] of list) {
      for (let n = from; n <= to; n++) { const line = byId("L" + n); if (line && (name !== "warm" || kind === "hot")) line.classList.add(name); }
    }
  }
}

function show() {
  const number = hovered >= 0 ? hovered : chosen;
  for (const element of document.querySelectorAll(".warm")) element.classList.remove("warm");
  mark(number >= 0 ? [number] : [], "hot");
  mark(chosen >= 0 ? [chosen] : [], "chosen");
}

function hover(number) {
  if (number === hovered) return;
  hovered = number;
  show();
}

// ---------------------------------------------------------------- choosing

function choose(number, from) {
  chosen = number;
  hovered = -1;
  if (detail) { detail.remove(); detail = null; }
  if (number < 0) { show(); history.replaceState(null, "", location.pathname + location.search); return; }
  const layer = facts.layers[number], row = rows[number];
  if (row.hidden) { search.value = ""; classes.value = ""; filter(); }
  drawing.reveal(number);
  detail = describe(layer, number);
  row.after(detail);
  show();
  if (from !== "layers") into(row, byId("layers").querySelector(".scroll"));
  const box = canvas.querySelector(`[data-layer="${number}"]`);
  if (box && from !== "drawing") into(box, canvas);
  const place = layer.calls[0].places.find(p => p[2] && p[3] === "forward") || layer.calls[0].places.find(p => p[2]);
  if (place && from !== "source") into(byId("L" + place[0]), document.querySelector("#source .scroll"));
  byId("here").textContent = place && place[4] ? "in " + place[4] : "";
  history.replaceState(null, "", "#" + encodeURIComponent(layer.path));
}

// Scroll one view so that an element stands in its upper third; the page itself stays.
function into(element, view) {
  if (!element || !view.clientHeight) return;
  const [inner, outer] = [element.getBoundingClientRect(), view.getBoundingClientRect()];
  view.scrollTop += inner.top - outer.top - view.clientHeight / 3;
  if (inner.left < outer.left || inner.right > outer.right) view.scrollLeft += inner.left - outer.left - (view.clientWidth - inner.width) / 2;
}

function describe(layer, number) {
  const row = element("tr", "detail"), cell = element("td"), list = element("dl");
  cell.colSpan = rows[number].cells.length;
  const put = (name, ...parts) => { const value = element("dd"); value.append(...parts); list.append(element("dt", "", name), value); };
  put("Class", layer.class + (layer.dtype !== "float32" ? `, ${layer.dtype}` : ""));
  if (layer.names.length) { put("In torch", layer.names.join(", ")); list.lastChild.className = "mono"; }
  if (layer.numbers) { put("Numbers", layer.numbers); if (layer.parts) list.lastChild.className = "bad"; }
  const places = layer.calls.flatMap(call => call.places).filter(place => place[2]);
  const known = new Set();
  const buttons = places.filter(([from]) => !known.has(from) && known.add(from)).map(([from, to]) => {
    const button = element("button", "", from === to ? `line ${from}` : `lines ${from}–${to}`);
    button.type = "button";
    button.addEventListener("click", event => { event.stopPropagation(); view("source"); into(byId("L" + from), document.querySelector("#source .scroll")); });
    return button;
  });
  put("Source", ...(buttons.length ? buttons : ["nothing: it computes nothing in a finished model"]));
  const sources = layer.calls.flatMap(call => call.inputs).map(id => drawing.calls.get(id)).filter(Boolean).map(call => call.number);
  const readers = [...drawing.calls.values()].filter(call => call.inputs.some(id => layer.calls.some(own => own.number === id))).map(call => call.number);
  for (const [name, numbers] of [["Reads", sources], ["Read by", readers]]) if (numbers.length) put(name, ...[...new Set(numbers)].slice(0, 12).map(link));
  layer.calls.forEach((call, i) => { if (call.shapes.length) put(layer.calls.length > 1 ? `Output ${i + 1}` : "Output", call.shapes.join(", ")); });
  for (const [name, value] of Object.entries(layer.options)) put(name, value);
  cell.append(list);
  const own = weights.filter(weight => Number(weight.dataset.of) === number);
  if (own.length) cell.append(numbersOf(own));
  row.append(cell);
  return row;
}

function link(number) {
  const button = element("button", "", facts.layers[number].path);
  button.type = "button";
  button.addEventListener("click", event => { event.stopPropagation(); choose(number, ""); });
  return button;
}

// A short form of a layer's rows in the table of weights.
function numbersOf(own) {
  const table = element("table");
  for (const weight of own) {
    const row = table.insertRow(), cells = [...weight.cells];
    const name = cells[0].lastChild.nodeName === "#text" ? cells[0].lastChild.textContent : cells[0].textContent.slice(cells[0].firstChild.textContent.length);
    row.insertCell().textContent = name.trim();
    row.insertCell().textContent = cells[1].textContent;
    if (cells.length < 9) continue;
    row.append(cells[3].cloneNode(true));
    row.insertCell().textContent = `${cells[4].textContent} ± ${cells[5].textContent}`;
  }
  return table;
}

function element(name, kind = "", words = "") {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  if (words) made.textContent = words;
  return made;
}

// ---------------------------------------------------------------- search

const haystacks = facts.layers.map(layer => [layer.path, layer.class, ...layer.names, ...Object.entries(layer.options).map(pair => pair.join(" "))].join("\n").toLowerCase());

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean), wanted = classes.value;
  let count = 0;
  const hidden = new Set();
  rows.forEach((row, number) => {
    const fits = words.every(word => haystacks[number].includes(word)) && (!wanted || facts.layers[number].class === wanted);
    row.hidden = !fits;
    if (fits) count++; else hidden.add(number);
  });
  if (detail) detail.hidden = hidden.has(chosen);
  weights.forEach(weight => { weight.hidden = hidden.has(Number(weight.dataset.of)); });
  byId("none").hidden = count > 0;
  dim(hidden);
}

function dim(hidden) {
  for (const box of canvas.querySelectorAll(".node")) box.classList.toggle("dim", hidden.has(Number(box.dataset.layer)));
}

function redraw() {
  show();
  dim(new Set(rows.map((row, number) => (row.hidden ? number : -1)).filter(number => number >= 0)));
}

// ---------------------------------------------------------------- events

function layerAt(target) {
  const found = target.closest && target.closest("[data-layer]");
  return found ? Number(found.dataset.layer) : -1;
}

function lineAt(target) {
  const line = target.closest && target.closest(".line");
  return line ? Number(line.id.slice(1)) : 0;
}

function toggle(target) {
  const box = target.closest("[data-group]");
  if (!box) return false;
  const group = drawing.groups.get(box.dataset.group);
  group.open = !group.open;
  drawing.draw();
  redraw();
  return true;
}

canvas.addEventListener("click", event => {
  const number = layerAt(event.target);
  if (number >= 0) choose(number === chosen ? -1 : number, "drawing"); else toggle(event.target);
});
canvas.addEventListener("keydown", event => {
  if (event.key !== "Enter" && event.key !== " ") return;
  event.preventDefault();
  const number = layerAt(event.target);
  if (number >= 0) choose(number, "drawing"); else toggle(event.target);
});
byId("layers").addEventListener("click", event => {
  const row = event.target.closest(".row");
  if (row) { const number = Number(row.dataset.layer); choose(number === chosen ? -1 : number, "layers"); }
});
byId("source").addEventListener("click", event => {
  const found = layersOf(lineAt(event.target));
  if (!found.length || String(getSelection())) return;
  choose(found[(found.indexOf(chosen) + 1) % found.length], "source");
  if (found.length > 1) byId("here").textContent = `${found.indexOf(chosen) + 1} of ${found.length} layers that this line is about`;
});
for (const view of [canvas, byId("layers")]) {
  view.addEventListener("mouseover", event => hover(layerAt(event.target)));
  view.addEventListener("mouseleave", () => hover(-1));
}
byId("source").addEventListener("mouseover", event => {
  const found = layersOf(lineAt(event.target));
  hover(found.includes(chosen) || !found.length ? -1 : found[0]);
});
byId("source").addEventListener("mouseleave", () => hover(-1));
byId("open").addEventListener("click", () => { drawing.openAll(true); redraw(); });
byId("fold").addEventListener("click", () => { drawing.openAll(false); redraw(); });
search.addEventListener("input", filter);
classes.addEventListener("change", filter);
document.addEventListener("keydown", event => {
  const typing = /INPUT|SELECT/.test(document.activeElement.tagName);
  if (event.key === "/" && !typing) { event.preventDefault(); view("layers"); search.focus(); }
  if (event.key === "Escape") { if (typing) { search.value = ""; filter(); search.blur(); } else choose(-1, ""); }
  if ((event.key === "ArrowDown" || event.key === "ArrowUp") && chosen >= 0 && !typing) {
    const shown = rows.map((row, number) => number).filter(number => !rows[number].hidden);
    const next = shown[shown.indexOf(chosen) + (event.key === "ArrowDown" ? 1 : -1)];
    event.preventDefault();
    if (next !== undefined) choose(next, "");
  }
});

function view(name) {
  bench.dataset.view = name;
  for (const tab of document.querySelectorAll(".tabs button")) tab.classList.toggle("on", tab.dataset.view === name);
}
for (const tab of document.querySelectorAll(".tabs button")) tab.addEventListener("click", () => view(tab.dataset.view));

drawing.draw();
const asked = facts.layers.findIndex(layer => "#" + encodeURIComponent(layer.path) === location.hash);
if (asked >= 0) choose(asked, "");
