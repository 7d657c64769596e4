// One grid of thumbnails from one sheet. Cells are buttons in document order: one Tab stop, arrows move within.

function node(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text; // never innerHTML: labels and file names are other people's text
  return made;
}

function render({ model, el }) {
  const root = node("div", "cx-gallery");
  root.setAttribute("data-lm-suppress-shortcuts", "true"); // or JupyterLab takes Enter and moves the focus to its cell
  el.appendChild(root);
  let cells = [];
  let bitmap = null;
  let shown = null; // the bytes that `bitmap` was made of
  let pending = false;
  let gone = false;
  let hovered = -1;

  const tell = (name, value) => {
    if (gone || model.get(name) === value) return;
    model.set(name, value);
    model.save_changes();
  };
  const hover = (row) => {
    hovered = row;
    requestAnimationFrame(() => tell("hovered", hovered)); // leaving one cell for the next is one message
  };
  const open = (row, part = "") => model.send({ open: row, part });
  const pick = (row) => tell("picked", model.get("picked") === row ? -1 : row);

  function focusable(index, focus) {
    cells.forEach((cell, i) => (cell.tabIndex = i === index ? 0 : -1));
    if (focus) cells[index]?.focus();
  }

  function above(from, step) {
    const here = cells[from].getBoundingClientRect();
    const middle = here.left + here.width / 2;
    let best = -1, bestLine = 0, bestAside = 0;
    for (let i = from + step; i >= 0 && i < cells.length; i += step) {
      const box = cells[i].getBoundingClientRect();
      const line = Math.abs(box.top - here.top);
      if (line < here.height / 2) continue;
      if (best >= 0 && line > bestLine + 2) break;
      const aside = Math.abs(box.left + box.width / 2 - middle);
      if (best < 0 || aside < bestAside) [best, bestLine, bestAside] = [i, line, aside];
    }
    return best < 0 ? from : best;
  }

  root.addEventListener("keydown", (event) => {
    const at = cells.indexOf(document.activeElement);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = cells.length - 1;
    const to = {
      ArrowRight: Math.min(at + 1, last), ArrowLeft: Math.max(at - 1, 0), Home: 0, End: last,
      ArrowDown: event.key === "ArrowDown" ? above(at, 1) : 0, ArrowUp: event.key === "ArrowUp" ? above(at, -1) : 0,
    }[event.key];
    if (to !== undefined) focusable(to, true);
    else if (event.key === "Enter" || event.key === " ") open(Number(cells[at].dataset.row));
    else if (event.key === "t") open(Number(cells[at].dataset.row), "tags");
    else if (event.key === "m") pick(Number(cells[at].dataset.row));
    else if (event.key === "Escape") tell("picked", -1);
    else return;
    event.preventDefault();
    event.stopPropagation(); // a notebook would move to another of its cells
  });

  function paint(canvas) {
    const [width, height, columns] = model.get("tile");
    const tile = Number(canvas.dataset.tile);
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = Math.max(width, height) > 32; // small pictures keep their pixels
    context.imageSmoothingQuality = "high";
    const scale = Math.min(canvas.width / width, canvas.height / height);
    const [w, h] = [width * scale, height * scale];
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, (tile % columns) * width, Math.floor(tile / columns) * height, width, height,
      (canvas.width - w) / 2, (canvas.height - h) / 2, w, h);
  }

  // The words of a row: a text, its fields, or the lines that stand in for both.
  function card(cell) {
    const box = node("span", "cx-card-text");
    box.dataset.mayClip = ""; // the large view shows all
    if (cell.trouble) box.appendChild(node("span", "cx-lack", cell.trouble));
    if (cell.text) {
      const words = node("span", "cx-clamp", cell.text);
      words.dir = "auto";
      box.appendChild(words);
    } else if (cell.text === "" && !cell.trouble) {
      box.appendChild(node("span", "cx-note", "empty text"));
    }
    for (const [name, value] of cell.fields ?? []) {
      const line = node("span", "cx-pair-line");
      const shown = node("span", "", value);
      shown.dir = "auto";
      line.append(node("i", "", name), shown);
      box.appendChild(line);
    }
    (cell.card ?? []).forEach((line) => box.appendChild(node("span", "", line)));
    return box;
  }

  function make(cell, size) {
    const button = node("button", "cx-cell" + (cell.mark ? " cx-mark" : "") + (cell.off ? " cx-off" : ""));
    button.type = "button";
    button.tabIndex = -1;
    button.dataset.row = cell.row;
    button.dataset.alt = cell.alt;
    button.setAttribute("aria-haspopup", "dialog");
    button.setAttribute("aria-pressed", String(model.get("picked") === cell.row));
    if (cell.tile < 0) {
      button.classList.add("cx-card");
      button.appendChild(card(cell));
    } else {
      const canvas = node("canvas");
      canvas.width = canvas.height = Math.round(size * Math.max(devicePixelRatio, 1));
      canvas.style.width = canvas.style.height = size + "px";
      canvas.dataset.tile = cell.tile;
      button.appendChild(canvas);
    }
    if (cell.top || cell.sub) {
      const long = (cell.top ?? "").length + (cell.sub ?? "").length > 6; // 1944 ×44: the two would touch
      const under = node("span", "cx-under" + (long ? " cx-long" : ""));
      under.append(node("b", "", cell.top), node("span", "", cell.sub));
      button.appendChild(under);
    }
    button.addEventListener("mouseenter", () => hover(cell.row));
    button.addEventListener("mouseleave", () => hover(-1));
    button.addEventListener("focus", () => { focusable(cells.indexOf(button)); hover(cell.row); });
    button.addEventListener("blur", () => hover(-1));
    button.addEventListener("click", (event) => (event.shiftKey ? pick : open)(cell.row));
    return button;
  }

  const room = (cell) => (cell.tile >= 0 ? 0 : cell.fields ? 168 : cell.text === undefined ? 92 : 186);

  function build() {
    const active = cells.indexOf(document.activeElement);
    const size = model.get("size");
    root.replaceChildren();
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", model.get("label"));
    root.classList.toggle("cx-rows", model.get("sections").some((section) => section.label));
    cells = [];
    const head = model.get("head");
    if (head.length) {
      const line = node("div", "cx-section cx-gallery-head");
      const inLine = (_, i) => i > 1 || root.classList.contains("cx-rows"); // else each stands over its own cells
      const texts = head.map((text, i) => node("span", i < 2 ? "cx-h" : "cx-note", text)).filter(inLine);
      line.append(node("span"), ...texts);
      root.appendChild(line);
    }
    const every = model.get("sections").flatMap((section) => section.groups.flat());
    const wide = Math.max(size, ...every.map(room)) + 8;
    const most = Math.max(0, ...model.get("sections").map((section) => section.groups[0]?.length ?? 0));
    root.style.setProperty("--cx-cell", wide - 6 + "px");
    root.classList.toggle("cx-wide-cells", wide > 108);
    root.style.setProperty("--cx-first", most * wide <= 420 ? most * wide - 6 + "px" : "minmax(0, 1fr)");
    for (const section of model.get("sections")) {
      const row = node("div", "cx-section");
      if (section.label) {
        const label = node("div", "cx-section-label");
        const name = node("b");
        name.title = section.whole;
        const dot = node("i");
        dot.style.background = section.color;
        name.append(dot, node("span", "", section.label));
        label.append(name, node("span", "cx-note", section.note));
        row.appendChild(label);
      }
      for (const [i, group] of section.groups.entries()) {
        const box = node("div", "cx-group");
        if (head[i] && group.length && !root.classList.contains("cx-rows")) {
          row.classList.add("cx-headed");
          row.appendChild(node("div", "cx-h", head[i]));
        }
        for (const cell of group) {
          const button = make(cell, size);
          cells.push(button);
          box.appendChild(button);
        }
        row.appendChild(box);
      }
      root.appendChild(row);
    }
    mark();
    if (!cells.length) root.appendChild(node("div", "cx-note", model.get("empty")));
    focusable(Math.max(0, Math.min(active, cells.length - 1)), active >= 0);
  }

  // What a row was tagged with: under a card in words, on a picture as a dot; in both for a screen reader.
  function mark() {
    const tags = model.get("tags");
    for (const cell of cells) {
      const own = tags[cell.dataset.row] ?? [];
      const said = cell.dataset.alt + (own.length ? `, tagged ${own.join(", ")}` : "");
      cell.setAttribute("aria-label", said);
      cell.title = said;
      cell.querySelector(".cx-cell-tags")?.remove();
      if (!own.length) continue;
      const box = node("span", "cx-cell-tags");
      box.dataset.mayClip = "";
      own.forEach((tag) => box.appendChild(node("span", "", tag)));
      cell.appendChild(box);
    }
  }

  async function draw() {
    pending = false;
    const sheet = model.get("sheet");
    if (sheet !== shown) {
      const made = sheet?.byteLength ? await createImageBitmap(new Blob([sheet])) : null;
      if (gone) return;
      if (sheet !== model.get("sheet")) return soon(); // newer, or told again: its own draw may have come and gone
      bitmap?.close();
      [bitmap, shown] = [made, sheet];
    }
    build();
    if (bitmap) root.querySelectorAll("canvas").forEach(paint);
    root.dataset.drawn = model.get("serial");
  }
  const soon = () => {
    if (!pending) queueMicrotask(draw);
    pending = true;
  };
  const press = () => {
    const picked = model.get("picked");
    cells.forEach((cell) => cell.setAttribute("aria-pressed", String(Number(cell.dataset.row) === picked)));
  };
  model.on("change:serial", soon);
  model.on("change:picked", press);
  model.on("change:tags", mark);
  soon();

  return () => {
    gone = true;
    model.off("change:serial", soon);
    model.off("change:picked", press);
    model.off("change:tags", mark);
    bitmap?.close();
  };
}

export default { render };
