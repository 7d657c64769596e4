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

export default () => {
  let made;
  return {
    async initialize(context) {
      made = widget(context.model);
      return (await made).initialize?.(context);
    },
    async render(context) {
      return (await (made ??= widget(context.model))).render(context);
    },
  };
};
