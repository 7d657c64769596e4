// What the page says of itself: theme, the panel's width, the height that it is seen in, and which views show the panel.

// px of the part of the page that scrolls the panel: JupyterLab's notebook has bars above and below
function frame(el) {
  return el.closest(".jp-WindowedPanel-outer, .jp-Notebook")?.clientHeight || innerHeight;
}

// scroll to the panel that has been opened below this one, once it is there
function below(root, left = 100) {
  const there = root?.querySelector(".cx-below:has(.cx-header) > .cx-below-bar");
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (there) there.scrollIntoView({ block: "start", behavior: still ? "auto" : "smooth" });
  else if (left > 0) setTimeout(below, 50, root, left - 1);
}

function render({ model, el }) {
  const view = Math.random().toString(36).slice(2);
  let gone = false;
  const tell = (name, value) => {
    if (gone || model.get(name) === value) return;
    model.set(name, value);
    model.save_changes();
  };

  // -- who shows the panel: a roll call is answered by every view that is left -------------------------------------
  const here = () => model.send({ kind: "here", view });
  const heard = (message) => {
    if (message.kind === "who") here();
    if (message.kind === "below") below(el.closest(".cx"));
  };
  model.on("msg:custom", heard);
  here();

  // -- theme and sizes ----------------------------------------------------------------------------------------------
  const theme = () => tell("theme", isDark() ? "dark" : "light");
  // a closed notebook's views are taken off the page without a word, and what they say then is heard by nobody
  const attachedOnly = (call) => () => el.isConnected && call();
  const themes = new MutationObserver(attachedOnly(theme));
  themes.observe(document.body, { attributes: true });
  theme();
  let later = 0;
  const height = () => tell("height", Math.round(Math.min(innerHeight, frame(el))));
  const resized = () => {
    clearTimeout(later);
    later = setTimeout(attachedOnly(height), 250); // once the window stands still
  };
  addEventListener("resize", resized);
  const widths = new ResizeObserver(([entry]) => {
    const width = Math.round(entry.contentRect.width);
    if (width > 0) tell("width", width);
  });
  let forget = () => {};
  const attached = requestAnimationFrame(() => {
    height();
    widths.observe(el.closest(".cx") ?? el);
    forget = accessible(el.closest(".cx") ?? el);
  });

  return () => {
    model.send({ kind: "bye", view });
    gone = true;
    cancelAnimationFrame(attached);
    clearTimeout(later);
    forget();
    themes.disconnect();
    widths.disconnect();
    removeEventListener("resize", resized);
    model.off("msg:custom", heard);
  };
}

export default { render };
