// Stands in for a large widget module, so that a page loads it once, however many widgets are made of it: its text
// comes with a model of its own (`source`, "IPY_MODEL_…"), and what it exports is kept on the page by name.
const kept = (globalThis.coresetExploreModules ??= new Map());

async function load(model) {
  const id = model.get("source").slice("IPY_MODEL_".length);
  const holder = await model.widget_manager.get_model(id);
  const url = URL.createObjectURL(new Blob([holder.get("text")], { type: "text/javascript" }));
  try {
    return (await import(url)).default;
  } finally {
    URL.revokeObjectURL(url);
  }
}

async function widget(model) {
  const name = model.get("module");
  if (!kept.has(name)) kept.set(name, load(model));
  try {
    const found = await kept.get(name);
    return typeof found === "function" ? await found() : found;
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
    const found = await widget(context.model);
    return { found, stop: await found.initialize?.(context) };
  };
  return {
    initialize(context) {
      made = begin(context);
      made.catch(() => {}); // said where it is drawn
      return () => made.then(({ stop }) => stop?.(), () => {});
    },
    async render(context) {
      return (await made).found.render(context);
    },
  };
};
