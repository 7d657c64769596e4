// What widgets do not tell those who hear the page or use its keys: names, states, values, Escape, and a kept focus.

const words = (node) => (node?.textContent ?? "").trim().replace(/\s+/g, " ");
const say = (node, name, value) => {
  if (node && value && node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
};
const hidden = (node) => !node || node.closest(".cx-hidden") !== null;
// of this panel and not of another one that is open below it
const own = (root, what) => [...root.querySelectorAll(what)].filter((one) => one.closest(".cx") === root);

function nameFields(root) {
  for (const field of own(root, ".cx-field")) {
    const label = words(field.querySelector(":scope > .widget-html"));
    field.querySelectorAll("select, input, .noUi-handle").forEach((one) => say(one, "aria-label", label));
    const group = field.querySelector(".widget-toggle-buttons");
    say(group, "role", "group");
    say(group, "aria-label", label);
  }
  for (const one of own(root, "input[placeholder]")) // one that stands alone is named by what it asks for
    if (!one.closest(".cx-field")) say(one, "aria-label", one.placeholder);
  for (const button of own(root, "button[title]")) // an icon is no name
    if (words(button).length < 3) say(button, "aria-label", button.title);
  say(own(root, ".cx-fold")[0], "aria-expanded", String(!root.classList.contains("cx-folded")));
}

function sayStates(root) {
  for (const button of own(root, ".widget-toggle-button"))
    if (!button.closest(".cx-tabs")) say(button, "aria-pressed", String(button.classList.contains("mod-active")));
  const tabs = own(root, ".cx-tabs .widget-toggle-button");
  say(tabs[0]?.parentElement, "role", "tablist");
  for (const tab of tabs) {
    const open = tab.classList.contains("mod-active");
    say(tab, "role", "tab");
    say(tab, "aria-selected", String(open));
    tab.tabIndex = open ? 0 : -1;
    if (!open) continue;
    for (const view of own(root, ".cx-view:not(.cx-hidden)")) {
      say(view, "role", "tabpanel");
      say(view, "aria-label", words(tab));
    }
  }
  const header = own(root, ".cx-header")[0];
  pops(header).forEach(([pop, button]) => {
    say(button, "aria-expanded", String(!hidden(pop)));
    say(pop, "role", "dialog");
    say(pop, "aria-label", words(button));
  });
}

function sayValues(root) {
  for (const budget of own(root, ".cx-budget")) {
    const [points, share] = [budget.parentElement?.querySelector("input")?.value, words(budget)];
    const handle = budget.closest(".cx-stays, .cx-section-box")?.querySelector(".noUi-handle");
    say(handle, "aria-valuetext", `${points} points, ${share}`);
  }
  for (const step of own(root, ".cx-step")) say(step.parentElement?.querySelector(".noUi-handle"), "aria-valuetext", words(step));
  for (const plot of own(root, ".cx-plot")) {
    const about = plot.closest(".cx-map-plot, .cx-compare-plot, .cx-side-map");
    const [canvas, ...layers] = plot.querySelectorAll("canvas");
    say(canvas, "role", "img");
    say(canvas, "aria-label", `Map: ${words(about?.querySelector(".cx-caption, .cx-caption-box, p, .cx-h"))}`);
    layers.forEach((layer) => say(layer, "aria-hidden", "true"));
  }
}

// the header's popovers, each with the button that opens and closes it
function pops(header) {
  const [made, buttons] = [".cx-pop", "button"].map((what) => [...(header?.querySelectorAll(`:scope > ${what}`) ?? [])]);
  return made.map((pop, i) => [pop, buttons[i]]);
}

function accessible(root) {
  let pending = 0;
  let held = null; // where the focus was last, in this panel
  const look = () => {
    pending = 0;
    nameFields(root);
    sayStates(root);
    sayValues(root);
    const lost = held && (document.activeElement === document.body || root.contains(document.activeElement));
    if (lost && held.isConnected && hidden(held)) {
      held = null;
      own(root, '.cx-tabs [aria-selected="true"]')[0]?.focus({ preventScroll: true }); // its tab was left
    }
  };
  const soon = () => (pending ||= requestAnimationFrame(look));
  const changes = new MutationObserver(soon);
  const watched = ["class", "aria-valuenow", "title"];
  changes.observe(root, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: watched });
  soon();

  const keys = (event) => {
    const tab = event.target.closest?.('[role="tab"]');
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (tab && step) {
      const all = [...tab.parentElement.querySelectorAll('[role="tab"]')];
      const next = all[(all.indexOf(tab) + step + all.length) % all.length];
      next.click();
      next.focus();
    } else if (event.key === "Escape") {
      const open = pops(own(root, ".cx-header")[0]).find(([pop]) => !hidden(pop));
      if (!open) return;
      open[1].click();
      open[1].focus();
    } else return;
    event.preventDefault();
    event.stopPropagation(); // a notebook would move among its cells
  };
  // A notebook takes single letters for commands: m makes the cell a text and drops the panel, dd deletes it. Ours are
  // ours; Ctrl and Shift+Enter stay the notebook's. On the window, since the notebook may listen before the panel.
  const plain = (event) => {
    if (!root.contains(event.target)) return;
    const theirs = event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && event.key === "Enter");
    event.target.toggleAttribute("data-lm-suppress-shortcuts", !theirs); // looked for from here upwards
  };
  const focused = (event) => (held = event.target);
  window.addEventListener("keydown", plain, true);
  root.addEventListener("keydown", keys);
  root.addEventListener("focusin", focused);
  return () => {
    cancelAnimationFrame(pending);
    changes.disconnect();
    window.removeEventListener("keydown", plain, true);
    root.removeEventListener("keydown", keys);
    root.removeEventListener("focusin", focused);
  };
}
