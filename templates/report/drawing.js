// The drawing: calls of layers as boxes, modules that hold others as boxes that open and close.

const SVG = "http://www.w3.org/2000/svg", IN = "in", OUT = "out";
const HEIGHT = 34, MANY = 32, LONGEST = 28;

class Drawing {
  // facts: what the page's data says; canvas: where to draw.
  constructor(facts, canvas) {
    this.canvas = canvas;
    this.groups = new Map([["", { path: "", title: "", parent: null, children: [], edges: new Map(), layers: 0, open: true }]]);
    for (const [path, title] of facts.modules) {
      const parent = this.groups.get(this.nearest(path.slice(0, Math.max(0, path.lastIndexOf(".")))));
      const group = { path, title, parent, children: [], edges: new Map(), layers: 0, open: false, key: "g" + path };
      this.groups.set(path, group);
    }
    this.calls = new Map();
    facts.layers.forEach((layer, number) => layer.calls.forEach((call, i) => {
      if (!layer.drawn) return;
      this.calls.set(call.number, { ...call, layer, number, key: "c" + call.number, repeat: i, id: call.number });
    }));
    for (const call of this.calls.values()) {
      const lost = !call.places.length && call.inputs.length && this.calls.get(call.inputs[0]);
      call.parent = lost && lost.parent ? lost.parent : this.groups.get(this.nearest(call.module));
      call.parent.children.push(call);
      for (let group = call.parent; group; group = group.parent) group.layers++;
    }
    for (const group of this.groups.values()) if (group.parent && group.layers) group.parent.children.push(group);
    for (const call of this.calls.values()) for (const source of call.inputs) this.connect(this.calls.get(source), call);
    for (const group of this.groups.values()) group.children.sort((a, b) => first(a) - first(b));
    this.openSome();
  }

  // The module that holds what is at a path.
  nearest(path) {
    while (path && !this.groups.has(path)) path = path.slice(0, Math.max(0, path.lastIndexOf(".")));
    return path;
  }

  // Note an edge in each group that it is a part of, between that group's children or its borders.
  connect(from, to) {
    if (!from) return;
    const above = new Set();
    for (let group = from.parent; group; group = group.parent) above.add(group);
    let common = to.parent, below = to;
    const entered = [];
    while (!above.has(common)) { entered.push([common, below]); below = common; common = common.parent; }
    let inside = from, group = from.parent;
    while (group !== common) { note(group, inside.key, OUT, ""); inside = group; group = group.parent; }
    note(common, inside.key, below.key, from.shapes[0] || "");
    for (const [entry, child] of entered) note(entry, IN, child.key, "");
  }

  // Open what fits on a page, from the outside.
  openSome() {
    let shown = this.groups.get("").children.length, level = this.groups.get("").children;
    while (level.length) {
      const groups = level.filter(child => child.children);
      const more = groups.reduce((sum, group) => sum + group.children.length, 0);
      if (shown + more > MANY) break;
      for (const group of groups) group.open = true;
      shown += more;
      level = groups.flatMap(group => group.children);
    }
  }

  openAll(open) {
    for (const group of this.groups.values()) if (group.path) group.open = open;
    this.draw();
  }

  // Open all that a layer is inside of.
  reveal(number) {
    let changed = false;
    for (const call of this.calls.values()) {
      if (call.number !== number) continue;
      for (let group = call.parent; group; group = group.parent) { changed = changed || !group.open; group.open = true; }
    }
    if (changed) this.draw();
  }

  draw() {
    const root = this.groups.get("");
    this.arrange(root);
    const svg = make("svg", { width: Math.ceil(root.width + 32), height: Math.ceil(root.height + 32), role: "img", "aria-label": "The model's layers and what they read" });
    svg.setAttribute("viewBox", `-16 -16 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`);
    this.paint(svg, root, 0, 0);
    this.canvas.replaceChildren(svg);
  }

  arrange(group) {
    const boxes = group.children.map(child => {
      if (child.children && child.open) { this.arrange(child); return child; }
      const [title, sub] = labels(child);
      child.width = Math.min(230, Math.max(96, title.length * 6.7 + 24, sub.length * 5.6 + 24));
      child.height = HEIGHT;
      child.entry = child.port = 0;
      return child;
    });
    const ends = group.path ? [IN, OUT].map(key => ({ key, width: 1, height: 0 })) : [];
    const used = [...group.edges.values()];
    const shown = [...boxes, ...ends.filter(end => used.some(edge => edge.from === end.key || edge.to === end.key))];
    const first = shown.findIndex(box => box.key === IN);
    if (first > 0) shown.unshift(...shown.splice(first, 1));
    group.drawn = used;
    const { width, height, routes } = layered(shown, used);
    const [side, top] = group.path ? [22, 4] : [0, 0];
    const title = group.path ? labels(group)[0].length * 7 + group.title.length * 5.8 + 50 : 0;
    group.inside = [side + Math.max(0, title - width - 2 * side) / 2, top];
    group.routes = routes;
    group.width = Math.max(width + 2 * side, title);
    group.height = height + top + (group.path ? 10 : 0);
    const [entry, port] = [IN, OUT].map(key => shown.find(box => box.key === key));
    group.entry = entry ? entry.x + group.inside[0] - group.width / 2 : 0;
    group.port = port ? port.x + group.inside[0] - group.width / 2 : 0;
    group.ends = { entry, port };
  }

  paint(parent, group, x, y) {
    const [dx, dy] = group.inside;
    const said = new Set();
    group.drawn.forEach((edge, i) => {
      const points = group.routes[i].map(([px, py]) => [px + x + dx, py + y + dy]);
      if (edge.from === IN) points[0][1] = y + 20;
      if (edge.to === OUT) points[points.length - 1][1] = y + group.height;
      parent.append(make("path", { class: "edge", d: curve(points) }));
      if (edge.shape && !said.has(edge.from)) {
        said.add(edge.from);
        parent.append(text(edge.shape, points[0][0] + 5, points[0][1] + 12, "size"));
      }
    });
    for (const child of group.children) {
      const [left, top] = [child.x + x + dx, child.y + y + dy];
      if (child.children) this.paintGroup(parent, child, left, top);
      else parent.append(this.node(child, left, top));
    }
  }

  paintGroup(parent, group, x, y) {
    const element = make("g", { class: "group", "data-group": group.path, tabindex: 0, role: "button", "aria-expanded": String(group.open) });
    const [title, sub] = labels(group);
    element.append(hint(`${title}: ${sub}`));
    if (!group.open) {
      element.append(make("rect", { class: "stack", x: x + 4, y: y + 4, width: group.width, height: HEIGHT, rx: 6 }));
      element.append(make("rect", { class: "box", x, y, width: group.width, height: HEIGHT, rx: 6 }));
      element.append(text(cut(title), x + 11, y + 15), text(cut(sub, 36), x + 11, y + 27, "sub"), text("+", x + group.width - 15, y + 17, "sign"));
      parent.append(element);
      return;
    }
    element.append(make("rect", { class: "area", x, y, width: group.width, height: group.height, rx: 8 }));
    element.append(text(title, x + 11, y + 16), text(group.title, x + 18 + title.length * 7, y + 16, "sub"), text("−", x + group.width - 16, y + 17, "sign"));
    parent.append(element);
    this.paint(parent, group, x, y);
  }

  node(call, x, y) {
    const element = make("g", { class: call.layer.parts ? "node parts" : "node", "data-layer": call.number, tabindex: 0, role: "button" });
    const [title, sub] = labels(call);
    element.append(hint(`${call.layer.path} (${call.layer.class})`));
    element.append(make("rect", { class: "box", x, y, width: call.width, height: HEIGHT, rx: 6 }));
    element.append(make("rect", { class: "mark f-" + call.layer.kind, x, y: y + 6, width: 3, height: HEIGHT - 12, rx: 1.5 }));
    element.append(text(cut(title), x + 12, y + 15), text(cut(sub, 36), x + 12, y + 27, "sub"));
    return element;
  }
}

function note(group, from, to, shape) {
  group.edges.set(from + " " + to, { from, to, shape });
}

function first(child) {
  if (!child.children) return child.id;
  if (child.least === undefined) child.least = Math.min(...child.children.map(first));
  return child.least;
}

// What stands in a box: its name, and what it is.
function labels(child) {
  if (!child.children) return [cut(child.layer.path.split("/").pop() + (child.repeat ? ` (call ${child.repeat + 1})` : "")), child.layer.class];
  const inner = child.children.filter(part => part.children);
  const what = child.title === "nn.Sequential" && inner.length ? `${inner.length} × ${inner[0].title}` : child.title;
  const parts = child.path.split("."), count = child.parent.title === "nn.Sequential" ? 2 : 1;
  return [parts.slice(-count).join("."), `${what}, ${child.layers} layers`];
}

function cut(words, length = LONGEST) {
  return words.length > length ? words.slice(0, length - 1) + "…" : words;
}

// A line through points that leaves and enters upright.
function curve(points) {
  let path = `M${points[0][0].toFixed(1)} ${points[0][1].toFixed(1)}`;
  for (let i = 1; i < points.length; i++) {
    const [[x1, y1], [x2, y2]] = [points[i - 1], points[i]], middle = (y1 + y2) / 2;
    path += Math.abs(x1 - x2) < 0.5
      ? `L${x2.toFixed(1)} ${y2.toFixed(1)}`
      : `C${x1.toFixed(1)} ${middle.toFixed(1)} ${x2.toFixed(1)} ${middle.toFixed(1)} ${x2.toFixed(1)} ${y2.toFixed(1)}`;
  }
  return path;
}

function make(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function text(words, x, y, kind = "") {
  const element = make("text", { x, y, class: kind });
  element.textContent = words;
  return element;
}

function hint(words) {
  const element = make("title", {});
  element.textContent = words;
  return element;
}
