// Stands in for a large widget module, so that a page loads it once, however many widgets are made of it: its text
// comes with a model of its own (`source`, "IPY_MODEL_…"), and what it exports is kept on the page by name. One that
// exports `changed` is told when a view of it was made, and when a model changes.
const kept = (globalThis.coresetExploreModules ??= new Map());

async function load(model) {
  const id = model.get("source").slice("IPY_MODEL_".length);
  const holder = await model.widget_manager.get_model(id);
  const url = URL.createObjectURL(new Blob([holder.get("text")], { type: "text/javascript" }));
  try {
    return await import(url);
  } finally {
    URL.revokeObjectURL(url);
  }
}

async function widget(model) {
  const name = model.get("module");
  if (!kept.has(name)) kept.set(name, load(model));
  try {
    const { default: found, changed } = await kept.get(name);
    return { found: typeof found === "function" ? await found() : found, changed };
  } catch (error) {
    kept.delete(name); // a page that lost its kernel meanwhile tries again
    throw error;
  }
}

// A model that is not initialized after two seconds is given up by anywidget, and a slow page loads for longer than
// that: what the module itself initializes is waited for by what is drawn of it.
export default () => {
  let made;
  const begin = async (context) => {
    const { found, changed } = await widget(context.model);
    return { found, changed, stop: await found.initialize?.(context) };
  };
  return {
    initialize(context) {
      made = begin(context);
      made.catch(() => {}); // said where it is drawn
      return () => made.then(({ stop }) => stop?.(), () => {});
    },
    // A kernel's connection keeps every comm that was closed, and so the element of what was shown by it: what hangs
    // in there, drawn maps with all their points, is let go.
    async render(context) {
      const { found, changed } = await made;
      const stop = await found.render(context);
      const tell = () => changed?.();
      context.model.on("change", tell);
      tell();
      return async () => {
        context.model.off("change", tell);
        await stop?.();
        context.el.replaceChildren();
      };
    },
  };
};
