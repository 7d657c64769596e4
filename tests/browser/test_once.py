"""The module that stands in for a large one, by itself: a page without a kernel plays the models."""

from widgets.kit.once import LOADER

LATE = """export default {
  initialize() { cxLate.push('made'); return () => cxLate.push('stopped'); },
  render() { cxLate.push('drawn'); },
}
export const changed = () => cxLate.push('told')"""
PLAY = """async ([loader, late]) => {
  const url = URL.createObjectURL(new Blob([loader], {type: 'text/javascript'}));
  const one = (await import(url)).default();
  const told = globalThis.cxLate = [];
  let give;
  const holder = new Promise(resolve => { give = resolve; });
  const model = {
    get: name => name === 'module' ? 'late' : 'IPY_MODEL_1',
    widget_manager: {get_model: () => holder},
    heard: new Set(),
    on(name, call) { this.heard.add(call); },
    off(name, call) { this.heard.delete(call); },
  };
  const stop = one.initialize({model});
  const drawn = one.render({model, el: document.body});
  told.push(typeof stop);
  give({get: () => late});
  const close = await drawn;
  for (const call of model.heard) call();
  await close?.();
  for (const call of model.heard) call();
  await stop();
  return told;
}"""


def test_a_model_is_there_before_its_module_is_loaded_which_may_take_longer_than_anywidget_waits(page):
    page.goto("about:blank")
    assert page.evaluate(PLAY, [LOADER, LATE]) == ["function", "made", "drawn", "told", "told", "stopped"], (
        "when it is drawn, and when its model changes"
    )


def test_a_module_that_cannot_be_loaded_is_said_where_it_is_drawn(page):
    page.goto("about:blank")
    failed = PLAY.replace("await drawn;", "null; told.push(await drawn.catch(error => error.name));")
    assert page.evaluate(failed, [LOADER, "no module"]) == ["function", "SyntaxError"]
