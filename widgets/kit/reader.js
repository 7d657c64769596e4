// One row, whole, in a dialog over the page: its picture large, its text and fields to the end, its tags.
// The browser's own dialog keeps the focus inside, closes on Escape and gives the focus back.

function node(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text; // never innerHTML: texts, columns and file names are other people's
  return made;
}

function render({ model, el }) {
  const dialog = node("dialog", "cx-reader");
  dialog.setAttribute("data-lm-suppress-shortcuts", "true"); // or JupyterLab takes Enter, arrows and letters
  el.appendChild(dialog);
  let address = "";
  let row = -1;
  let left = -1; // the row that was closed here: what was on its way to it opens nothing

  const button = (text, name, press) => {
    const made = node("button", "cx-button", text);
    made.type = "button";
    if (name) {
      made.setAttribute("aria-label", name);
      made.title = name;
    }
    made.addEventListener("click", press);
    return made;
  };

  const go = (to) => {
    if (to === undefined) return;
    model.set("row", to);
    model.save_changes();
  };
  const step = (by) => {
    const rows = model.get("whole").rows ?? [];
    go(rows[rows.indexOf(row) + by]);
  };

  function table(pairs, className) {
    const made = node("table", className);
    for (const [name, value] of pairs) {
      const line = node("tr");
      const head = node("th", "", name);
      head.scope = "row";
      const cell = node("td", "", value);
      cell.dir = "auto";
      line.append(head, cell);
      made.appendChild(line);
    }
    return made;
  }

  function tags(whole) {
    const box = node("div", "cx-tags");
    for (const tag of whole.tags) {
      const chip = node("span", "cx-tag", tag);
      chip.appendChild(button("×", `Remove the tag ${tag}`, () => model.send({ tag, on: false, row })));
      box.appendChild(chip);
    }
    const form = node("form");
    const field = node("input");
    const known = node("datalist");
    known.id = `cx-tags-${Math.random().toString(36).slice(2)}`;
    whole.known.filter((tag) => !whole.tags.includes(tag)).forEach((tag) => {
      const option = node("option");
      option.value = tag;
      known.appendChild(option);
    });
    field.setAttribute("list", known.id);
    field.setAttribute("aria-label", "Add a tag");
    field.placeholder = "add a tag (t)";
    field.maxLength = 60;
    field.value = whole.part === "tags" ? whole.last : "";
    form.append(field, known);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const tag = field.value.trim();
      if (tag) model.send({ tag, on: true, row });
      if (whole.part === "tags") dialog.close(); // t, Enter: tagged, and back in the grid
    });
    box.appendChild(form);
    return box;
  }

  function build(whole) {
    const at = whole.rows.indexOf(whole.row);
    const head = node("div", "cx-reader-head");
    const back = button("←", "Previous row", () => step(-1));
    const on = button("→", "Next row", () => step(1));
    back.disabled = at < 1;
    on.disabled = at < 0 || at >= whole.rows.length - 1;
    const title = node("b", "", whole.title);
    const place = node("span", "cx-note", at < 0 ? "" : `${at + 1} of ${whole.rows.length} shown`);
    head.append(title, place);
    if (whole.rows.length > 1) head.append(back, on);
    head.append(button("×", "Close", () => dialog.close()));

    const body = node("div", "cx-reader-body");
    if (whole.trouble) body.appendChild(node("div", "cx-lack", whole.trouble));
    const large = model.get("large");
    if (large?.byteLength) {
      if (address) URL.revokeObjectURL(address);
      address = URL.createObjectURL(new Blob([large]));
      const image = node("img", whole.exact ? "cx-exact" : "");
      image.alt = whole.title;
      image.src = address;
      body.appendChild(image);
    }
    if (whole.text !== null) {
      const words = node("div", "cx-reader-text", whole.text || "empty text");
      if (!whole.text) words.classList.add("cx-note");
      words.dir = "auto";
      words.tabIndex = 0; // so that arrow keys scroll it
      body.appendChild(words);
    }
    if (whole.facts.length) body.appendChild(table(whole.facts, "cx-reader-table cx-facts"));
    body.appendChild(tags(whole));
    if (whole.fields.length) body.appendChild(table(whole.fields, "cx-reader-table"));
    const foot = node("div", "cx-reader-foot");
    if (whole.action) foot.appendChild(button(whole.action, "", () => { model.send({ act: row }); dialog.close(); }));
    dialog.replaceChildren(head, body, foot);
    dialog.setAttribute("aria-label", whole.title);
  }

  function show() {
    const whole = model.get("whole");
    if (!whole || !(whole.row >= 0)) {
      left = -1;
      if (dialog.open) dialog.close();
      return;
    }
    if (whole.row === left && !dialog.open) return;
    const before = dialog.open && dialog.contains(document.activeElement)
      ? document.activeElement.getAttribute("aria-label") : null;
    row = whole.row;
    build(whole);
    if (!dialog.open) dialog.showModal();
    const names = [...dialog.querySelectorAll("[aria-label]")];
    const field = dialog.querySelector(".cx-tags input");
    const same = names.find((one) => before && one.getAttribute("aria-label") === before && !one.disabled);
    if (whole.part === "tags") field.select();
    (whole.part === "tags" ? field : same ?? dialog.querySelector('[aria-label="Close"]')).focus();
    dialog.dataset.row = row;
  }

  dialog.addEventListener("close", () => {
    [left, row] = [row, -1];
    if (address) URL.revokeObjectURL(address);
    address = "";
    dialog.replaceChildren();
    go(-1);
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // beside the box
  });
  dialog.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.target.tagName === "INPUT" || event.ctrlKey || event.metaKey || event.altKey) return;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) step(by);
    else if (event.key === "t") dialog.querySelector(".cx-tags input")?.focus();
    else return;
    event.preventDefault();
  });
  model.on("change:serial", show);
  return () => {
    model.off("change:serial", show);
    if (address) URL.revokeObjectURL(address);
  };
}

export default { render };
