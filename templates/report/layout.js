"use strict";
// Layered layout of one graph: boxes in ranks from top to bottom, each edge as a line from box to box.

const RANK_GAP = 30, BOX_GAP = 18, LINE_GAP = 10, SWEEPS = 6;

// Place boxes {key, width, height} that edges {from, to} connect; sets x and y of each (its upper left corner).
// Returns {width, height, routes}: for each edge the points [x, y] through which it goes.
function layered(boxes, edges) {
  const index = new Map(boxes.map((box, i) => [box.key, i]));
  const pairs = edges.map(edge => [index.get(edge.from), index.get(edge.to)]);
  const rank = ranks(boxes.length, pairs);
  const cells = boxes.map((box, i) => ({ rank: rank[i], width: box.width, height: box.height, box, up: [], down: [] }));
  const chains = pairs.map(([from, to]) => chain(cells, from, to));
  const lines = straightLines(cells);
  const rows = [];
  for (const cell of cells) (rows[cell.rank] = rows[cell.rank] || []).push(cell);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    sortRows(rows, sweep % 2 === 0);
  }
  placeRows(rows);
  for (let pass = 0; pass < 4; pass++) for (const line of lines) straighten(line, rows);
  let top = 0;
  for (const row of rows) {
    const height = Math.max(...row.map(cell => cell.height));
    for (const cell of row) { cell.y = top; cell.bottom = top + height; }
    top += height + RANK_GAP;
  }
  const left = Math.min(...cells.map(cell => cell.x - cell.width / 2));
  const right = Math.max(...cells.map(cell => cell.x + cell.width / 2));
  for (const cell of cells) {
    cell.x -= left;
    if (cell.box) { cell.box.x = cell.x - cell.width / 2; cell.box.y = cell.y; }
  }
  return { width: right - left, height: top - RANK_GAP, routes: chains.map(route) };
}

// The longest way to each box; an edge that closes a circle does not count.
function ranks(count, pairs) {
  const after = Array.from({ length: count }, () => []);
  const missing = new Array(count).fill(0), rank = new Array(count).fill(0);
  for (const [from, to] of pairs) if (from < to || !pairs.some(p => p[0] === to && p[1] === from)) { after[from].push(to); missing[to]++; }
  const ready = [], done = new Array(count).fill(false);
  for (let i = 0; i < count; i++) if (!missing[i]) ready.push(i);
  for (let seen = 0; seen < count; seen++) {
    let next = ready.shift();
    if (next === undefined) next = done.indexOf(false);
    if (done[next]) { seen--; continue; }
    done[next] = true;
    for (const other of after[next]) {
      if (done[other]) continue;
      rank[other] = Math.max(rank[other], rank[next] + 1);
      if (--missing[other] === 0) ready.push(other);
    }
  }
  return rank;
}

// The cells of an edge, with one in each rank between its ends.
function chain(cells, from, to) {
  const found = [cells[from]], end = cells[to], step = end.rank >= cells[from].rank ? 1 : -1;
  for (let r = cells[from].rank + step; r !== end.rank && step * (end.rank - r) > 0; r += step) {
    const cell = { rank: r, width: LINE_GAP, height: 0, up: [], down: [] };
    cells.push(cell);
    found.push(cell);
  }
  found.push(end);
  for (let i = 1; i < found.length; i++) {
    const [a, b] = step > 0 ? [found[i - 1], found[i]] : [found[i], found[i - 1]];
    a.down.push(b);
    b.up.push(a);
  }
  return found;
}

// Cells that follow one another alone; they take the same room, so that they can stand in a straight line.
function straightLines(cells) {
  const next = cell => (cell.down.length === 1 && cell.down[0].up.length === 1 ? cell.down[0] : null);
  const lines = [];
  for (const cell of cells) {
    if (cell.up.length === 1 && cell.up[0].down.length === 1) continue;
    const line = [];
    for (let other = cell; other; other = next(other)) line.push(other);
    const room = Math.max(...line.map(other => other.width));
    for (const other of line) other.room = room;
    lines.push(line);
  }
  return lines;
}

// Move a line to the middle of what it hangs on, as far as the cells beside it allow.
function straighten(line, rows) {
  let least = -Infinity, most = Infinity;
  for (const cell of line) {
    const row = rows[cell.rank], before = row[cell.place - 1], behind = row[cell.place + 1];
    if (before) least = Math.max(least, before.x + (before.room + cell.room) / 2 + BOX_GAP);
    if (behind) most = Math.min(most, behind.x - (behind.room + cell.room) / 2 - BOX_GAP);
  }
  if (least > most) return;
  const ends = [...line[0].up, ...line[line.length - 1].down];
  const held = ends.length ? ends : line;
  const wish = held.reduce((sum, cell) => sum + cell.x, 0) / held.length;
  for (const cell of line) cell.x = Math.min(Math.max(wish, least), most);
}

// Order each row by the middle of its neighbours' places in the row before.
function sortRows(rows, downwards) {
  const order = downwards ? rows : rows.slice().reverse();
  for (const row of order) row.forEach((cell, i) => { cell.place = i; });
  for (const row of order) {
    const middles = new Map(row.map(cell => {
      const others = downwards ? cell.up : cell.down;
      const sum = others.reduce((total, other) => total + other.place, 0);
      return [cell, others.length ? sum / others.length : cell.place];
    }));
    row.sort((a, b) => middles.get(a) - middles.get(b) || a.place - b.place);
    row.forEach((cell, i) => { cell.place = i; });
  }
}

// Centre each cell over its neighbours as far as the row allows.
function placeRows(rows) {
  for (const row of rows) {
    let x = 0;
    for (const cell of row) { cell.x = x + cell.room / 2; x += cell.room + BOX_GAP; }
    for (const cell of row) cell.x -= (x - BOX_GAP) / 2;
  }
  for (const row of rows) row.forEach((cell, i) => { cell.place = i; });
  for (let sweep = 0; sweep < 16; sweep++) {
    const order = sweep % 2 ? rows.slice().reverse() : rows;
    for (const row of order) settle(row, sweep % 2 ? "down" : "up", sweep > 11);
  }
}

// Least squares to the wished places with the gaps kept: neighbours that collide move as one block.
function settle(row, side, both) {
  const blocks = [];
  let offset = 0;
  row.forEach((cell, i) => {
    if (i) offset += (row[i - 1].room + cell.room) / 2 + BOX_GAP;
    const others = both ? [...cell.up, ...cell.down] : cell[side];
    const wish = others.length ? others.reduce((sum, other) => sum + other.x, 0) / others.length : cell.x;
    const weight = cell.box ? 1 : 4;
    blocks.push({ sum: (wish - offset) * weight, weight, cells: [[cell, offset]] });
    while (blocks.length > 1) {
      const last = blocks[blocks.length - 1], before = blocks[blocks.length - 2];
      if (before.sum / before.weight <= last.sum / last.weight) break;
      before.sum += last.sum;
      before.weight += last.weight;
      before.cells.push(...last.cells);
      blocks.pop();
    }
  });
  for (const block of blocks) for (const [cell, shift] of block.cells) cell.x = block.sum / block.weight + shift;
}

// The points of an edge, from the lower border of a box to the upper one of another.
function route(cells) {
  const points = [], [first, last] = [cells[0], cells[cells.length - 1]];
  points.push([first.x + (first.box.port || 0), first.y + first.height]);
  for (const cell of cells.slice(1, -1)) points.push([cell.x, cell.y], [cell.x, cell.bottom]);
  points.push([last.x + (last.box.entry || 0), last.y]);
  return points;
}
