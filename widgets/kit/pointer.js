// Which dot the mouse is on, by what is seen: the topmost whose disc holds the pointer. The view beside us draws the
// points and hands its handle to the DOM (`api` on the canvas's container); sizes, order and camera are asked there.

const SLACK = 4; // pixels beside a dot that still mean it, where the pointer is on none
const STILL = 4; // pixels the mouse may move between down and up of a click
const REST = 90; // milliseconds after the last drawing until what it moved is pointed at anew
const FRESH = 400; // milliseconds for which the view's order, filter and selection count as known
const SIDE = 192; // cells a side of the grid over [-1, 1]
const ZOOM = [0.4, 60];
const GAP = 14; // pixels between the pointer and its card

// A grid over the points: for each cell, its points one after the other.
function gridOf(points) {
  const cell = new Int32Array(points.length);
  const start = new Int32Array(SIDE * SIDE + 1);
  for (let i = 0; i < points.length; i++) {
    cell[i] = place(points[i][1]) * SIDE + place(points[i][0]);
    start[cell[i] + 1]++;
  }
  for (let c = 0; c < SIDE * SIDE; c++) start[c + 1] += start[c];
  const next = start.slice(0, -1);
  const rows = new Int32Array(points.length);
  for (let i = 0; i < points.length; i++) rows[next[cell[i]]++] = i;
  return { start, rows };
}

const place = (v) => Math.min(SIDE - 1, Math.max(0, Math.floor(((v + 1) / 2) * SIDE)));

// The view as it is drawn now: where a point is on the screen, and how large.
class Scene {
  constructor(api, canvas) {
    this.api = api;
    this.canvas = canvas;
    this.asked = -Infinity;
  }

  update() {
    const points = this.api.get("points") ?? [];
    const now = performance.now();
    if (points === this.points && now - this.asked < FRESH) return;
    if (points !== this.points) this.grid = gridOf(points);
    this.points = points;
    this.asked = now;
    this.rank = new Int32Array(points.length);
    const order = this.api.get("pointOrder");
    for (let i = 0; i < points.length; i++) this.rank[order ? order[i] : i] = i;
    this.shown = null;
    const kept = this.api.get("filteredPoints");
    if (kept.length < points.length) {
      this.shown = new Uint8Array(points.length);
      for (const row of kept) this.shown[row] = 1;
    }
    this.extra = null; // of a selection: drawn over all others, the first on top, and a little larger
    const picked = this.api.get("selectedPoints");
    if (picked.length) {
      this.extra = new Uint8Array(points.length);
      picked.forEach((row, i) => {
        this.extra[row] = 1;
        this.rank[row] = 2 * points.length - i;
      });
    }
    this.wider = this.api.get("pointSizeSelected");
  }

  // x = a·X + b, y = c·Y + d in pixels of the canvas
  look() {
    const box = this.canvas.getBoundingClientRect();
    const view = this.api.get("cameraView");
    const half = box.height / 2;
    this.box = box;
    this.scale = view[0];
    this.at = (x, y) => [
      box.width / 2 + half * (view[0] * x + view[4] * y + view[12]),
      half - half * (view[1] * x + view[5] * y + view[13]),
    ];
    this.back = (px, py) => {
      const u = (px - box.width / 2) / half - view[12];
      const v = (half - py) / half - view[13];
      const det = view[0] * view[5] - view[1] * view[4];
      return [(view[5] * u - view[4] * v) / det, (view[0] * v - view[1] * u) / det];
    };
    const s = this.api.get("camera").scaling[0];
    this.grow = s > 1 ? Math.asinh(s) / Math.asinh(1) : s;
    const size = this.api.get("pointSize");
    this.sizes = Array.isArray(size) ? size : [size];
    const by = { valueZ: 2, valueW: 3, category: 2, value: 3 }[this.api.get("sizeBy")];
    this.sizeOf = (row) => {
      const code = by === undefined ? 0 : Math.round(this.points[row][by]);
      return (this.sizes[code] ?? this.sizes[0]) * this.grow + (this.extra?.[row] ? this.wider : 0);
    };
  }

  // The row under a place of the canvas, -1 for none.
  under(px, py) {
    this.update();
    if (!this.points.length) return -1;
    this.look();
    const reach = (Math.max(...this.sizes) * this.grow + (this.extra ? this.wider : 0)) / 2 + SLACK;
    const [x, y] = this.back(px, py);
    const wide = reach / ((this.box.height / 2) * this.scale);
    let best = -1, top = -1, near = SLACK, beside = -1;
    for (let cy = place(y - wide); cy <= place(y + wide); cy++) {
      for (let cx = place(x - wide); cx <= place(x + wide); cx++) {
        const cell = cy * SIDE + cx;
        for (let i = this.grid.start[cell]; i < this.grid.start[cell + 1]; i++) {
          const row = this.grid.rows[i];
          if (this.shown && !this.shown[row]) continue;
          const [qx, qy] = this.at(this.points[row][0], this.points[row][1]);
          const edge = Math.hypot(qx - px, qy - py) - this.sizeOf(row) / 2;
          if (edge <= 0) {
            if (this.rank[row] > top) [best, top] = [row, this.rank[row]];
          } else if (edge < near) [beside, near] = [row, edge];
        }
      }
    }
    return best >= 0 ? best : beside;
  }

  // Where a row is drawn: [x, y, diameter], or null where it is not in view.
  spot(row) {
    this.update();
    const point = this.points[row];
    if (!point || (this.shown && !this.shown[row])) return null;
    this.look();
    const [x, y] = this.at(point[0], point[1]);
    const seen = x > 0 && y > 0 && x < this.box.width && y < this.box.height;
    return seen ? [x, y, this.sizeOf(row)] : null;
  }
}

function render({ model, el }) {
  const off = new AbortController();
  const rings = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  rings.setAttribute("class", "cx-rings");
  rings.setAttribute("aria-hidden", "true");
  const tip = document.createElement("div");
  tip.className = "cx-tip";
  tip.hidden = true;
  const inside = document.createElement("div");
  const close = document.createElement("button");
  close.type = "button";
  close.className = "cx-tip-close";
  close.textContent = "×";
  close.setAttribute("aria-label", "Close this card");
  tip.append(inside, close);
  el.classList.add("cx-pointer");
  el.append(rings, tip);

  let plot = null, scene = null, frame = 0, mouse = null;
  let row = -1; // under the mouse
  let down = null, moved = 0, clicks = model.get("clicked")[1], opens = model.get("opened")[1];
  let where = null; // where the card's corner points to, on the canvas

  const seen = () => {
    const canvas = plot?.querySelector("canvas");
    let holder = canvas;
    while (holder && holder !== plot && !holder.api) holder = holder.parentElement;
    const api = holder?.api;
    if (!api || !canvas.clientHeight || !api.get("isPointsDrawn")) return null;
    if (scene?.api !== api) {
      scene = new Scene(api, canvas);
      api.subscribe("view", follow);
      api.subscribe("draw", drawn);
    }
    return scene;
  };

  // What is drawn anew may move or hide what the mouse rests on, or what is pinned.
  let resting = 0;
  function drawn() {
    clearTimeout(resting);
    resting = setTimeout(() => {
      if (off.signal.aborted) return;
      if (scene) scene.asked = -Infinity;
      look();
    }, REST);
  }

  const circle = (spot, name) => {
    const ring = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    ring.setAttribute("class", name);
    ring.setAttribute("cx", spot[0]);
    ring.setAttribute("cy", spot[1]);
    ring.setAttribute("r", Math.max(spot[2] / 2 + 2, 4.5));
    rings.append(ring);
  };

  const pinned = () => model.get("pinned");
  const current = () => {
    const told = model.get("pointed"); // a thumbnail under the mouse shows its card for as long as it is there
    if (pinned() >= 0) return told >= 0 && !mouse ? told : pinned();
    return row >= 0 ? row : told;
  };

  function follow() {
    rings.replaceChildren();
    if (!seen()) return;
    for (const one of model.get("halo")) {
      const spot = scene.spot(one);
      if (spot) circle(spot, "cx-halo");
    }
    for (const one of new Set([current(), row])) {
      const spot = one >= 0 ? scene.spot(one) : null;
      if (spot) circle(spot, "cx-ring");
      if (one === current() && (one !== row || one === pinned())) where = spot;
    }
    put();
  }

  // Beside the pointer, whole within the panel and the window.
  function put() {
    const card = model.get("card"), wanted = current();
    const show = wanted >= 0 && where && card.row === wanted && card.html && !(down && pinned() < 0);
    tip.hidden = !show;
    if (!show) return;
    if (inside.dataset.html !== card.html) {
      inside.innerHTML = card.html;
      inside.dataset.html = card.html;
    }
    tip.dataset.row = wanted;
    tip.classList.toggle("cx-pinned", wanted === pinned());
    const base = el.getBoundingClientRect();
    const panel = (el.closest(".cx") ?? document.body).getBoundingClientRect();
    const room = {
      left: Math.max(panel.left, 0) + 4,
      top: Math.max(panel.top, 0) + 4,
      right: Math.min(panel.right, innerWidth) - 4,
      bottom: Math.min(panel.bottom, innerHeight) - 4,
    };
    for (let up = plot.parentElement; up; up = up.parentElement) {
      if (!/auto|scroll/.test(getComputedStyle(up).overflowY)) continue;
      const box = up.getBoundingClientRect();
      room.left = Math.max(room.left, box.left);
      room.top = Math.max(room.top, box.top);
      room.right = Math.min(room.right, box.right);
      room.bottom = Math.min(room.bottom, box.bottom);
    }
    const [wide, high] = [tip.offsetWidth, tip.offsetHeight];
    const canvas = scene.canvas.getBoundingClientRect();
    const x = canvas.left + where[0], y = canvas.top + where[1];
    if (y < room.top || y > room.bottom || x < room.left || x > room.right) { // scrolled away: it would point at nothing
      tip.hidden = true;
      return;
    }
    let left = x + GAP, top = y + GAP;
    if (left + wide > room.right) left = x - GAP - wide;
    const above = y - GAP - high; // where there is room for it, rather than over what stands below the map
    if (top + high > room.bottom || (top + high > canvas.bottom && above >= room.top)) top = above;
    left = Math.max(room.left, Math.min(left, room.right - wide));
    top = Math.max(room.top, Math.min(top, room.bottom - high));
    tip.style.left = `${left - base.left}px`;
    tip.style.top = `${top - base.top}px`;
  }

  const hover = (found) => {
    row = found;
    const said = pinned() < 0 ? row : mouse ? pinned() : -1; // a card that stays is not replaced
    if (said !== model.get("hovered")) {
      model.set("hovered", said);
      model.save_changes();
    }
    follow();
  };

  const look = () => {
    frame = 0;
    if (!mouse || down || !seen()) return hover(-1);
    const box = scene.canvas.getBoundingClientRect();
    const x = mouse.clientX - box.left, y = mouse.clientY - box.top;
    const found = x < 0 || y < 0 || x > box.width || y > box.height ? -1 : scene.under(x, y);
    if (found >= 0 && pinned() < 0) where = [x, y];
    plot.style.cursor = found >= 0 ? "pointer" : "";
    plot.dataset.row = found;
    hover(found);
  };
  const soon = () => (frame ||= requestAnimationFrame(look));

  const unpin = () => {
    model.set("pinned", -1);
    model.save_changes();
    soon();
  };

  function attach(stage) {
    plot = stage.querySelector(".cx-plot");
    const on = (name, heard, options = {}) => plot.addEventListener(name, heard, { signal: off.signal, ...options });
    plot.tabIndex = 0;
    plot.setAttribute("role", "group"); // the canvas in it is the picture
    const name = () => plot.setAttribute("aria-label", model.get("label"));
    model.on("change:label", name);
    name();
    on("mousemove", (event) => {
      mouse = event;
      if (down) moved = Math.max(moved, Math.hypot(event.clientX - down[0], event.clientY - down[1]));
      soon();
    });
    on("mouseleave", () => {
      mouse = null;
      soon();
    });
    on("mousedown", (event) => {
      if (event.button !== 0) return;
      down = [event.clientX, event.clientY];
      moved = 0;
      // The view moves its camera by what the mouse went since the last frame, if a button is down now: a hand that
      // arrives and presses within one frame would have dragged the map all the way. What a tick finds is told once.
      const camera = seen()?.api.get("camera");
      if (camera?.tick()) camera.pan([0, 0]);
      plot.focus({ preventScroll: true });
      soon();
    }, { capture: true });
    window.addEventListener("mouseup", () => {
      down = null;
    }, { capture: true, signal: off.signal });
    // what scrolls moves the map under a mouse that stands still
    window.addEventListener("scroll", soon, { capture: true, passive: true, signal: off.signal });
    on("click", (event) => {
      if (moved > STILL || !seen()) return;
      const box = scene.canvas.getBoundingClientRect();
      const found = scene.under(event.clientX - box.left, event.clientY - box.top);
      mouse = event;
      model.set("pinned", found);
      model.set("clicked", [found, ++clicks]);
      model.save_changes();
      soon();
    });
    // The page scrolls, unless the map was clicked or Ctrl is held; and there is an end to zooming.
    let pending = 0;
    on("wheel", (event) => {
      const ours = event.ctrlKey || event.metaKey || document.activeElement === plot;
      if (!ours || !seen()) return event.stopPropagation();
      const turn = (event.deltaMode === 1 ? 12 : 1) * (event.deltaY || event.deltaX || 0);
      const after = scene.api.get("camera").scaling[0] * Math.exp(-(pending + turn) / scene.canvas.clientHeight);
      if ((turn > 0 && after < ZOOM[0]) || (turn < 0 && after > ZOOM[1])) {
        event.preventDefault();
        return event.stopPropagation();
      }
      pending += turn;
      requestAnimationFrame(() => requestAnimationFrame(() => { pending = 0; }));
    }, { capture: true, passive: false });
    const sized = new ResizeObserver(() => {
      if (plot.clientHeight) return follow();
      // a view that is hidden goes on believing that the mouse is over it, and throws; and that it is held down, and
      // moves its camera by a share of no height: to nowhere, from where it never comes back
      if (down) window.dispatchEvent(new MouseEvent("mouseup"));
      plot.querySelector("canvas")?.dispatchEvent(new MouseEvent("mouseleave"));
    });
    sized.observe(plot);
    off.signal.addEventListener("abort", () => sized.disconnect());
    plot.parentElement.addEventListener("keydown", (event) => {
      if (event.key === "Escape") unpin();
    }, { signal: off.signal });
  }

  close.addEventListener("click", unpin);
  inside.addEventListener("click", () => {
    if (pinned() < 0) return;
    model.set("opened", [pinned(), ++opens]);
    model.save_changes();
  });
  const told = () => follow();
  for (const name of ["card", "halo", "pointed", "pinned"]) model.on(`change:${name}`, told);
  const wait = () => {
    const stage = el.isConnected && el.closest(".cx-stage");
    if (stage && stage.querySelector(".cx-plot")) attach(stage);
    else if (!off.signal.aborted) setTimeout(wait, 60);
  };
  wait();
  return () => {
    off.abort();
    cancelAnimationFrame(frame);
    clearTimeout(resting);
    for (const name of ["card", "halo", "pointed", "pinned"]) model.off(`change:${name}`, told);
    el.replaceChildren(); // its listeners hold the scene, and so all points
    plot = scene = null;
  };
}

export default { render };
