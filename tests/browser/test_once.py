"""The module that stands in for a large one, by itself: a page without a kernel plays the models."""

from widgets.kit.once import LOADER

LATE = """export default {
  initialize() { cxLate.push('made'); return () => cxLate.push('stopped'); },
  render() { cxLate.push('drawn'); },
}"""
PLAY = """async ([loader, late]) => {
  const url = URL.createObjectURL(new Blob([loader], {type: 'text/javascript'}));
  const one = (await import(url)).default();
  const told = globalThis.cxLate = [];
  let give;
  const holder = new Promise(resolve => { give = resolve; });
  const model = {
    get: name => name === 'module' ? 'late' : 'IPY_MODEL_1',
    widget_manager: {get_model: () => holder},
  };
  const stop = one.initialize({model});
  const drawn = one.render({model});
  told.push(typeof stop);
  give({get: () => late});
  await drawn;
  await stop();
  return told;
}"""


def test_a_model_is_there_before_its_module_is_loaded_which_may_take_longer_than_anywidget_waits(page):
    page.goto("about:blank")
    assert page.evaluate(PLAY, [LOADER, LATE]) == ["function", "made", "drawn", "stopped"]


def test_a_module_that_cannot_be_loaded_is_said_where_it_is_drawn(page):
    page.goto("about:blank")
    failed = PLAY.replace("await drawn;", "told.push(await drawn.catch(error => error.name));")
    assert page.evaluate(failed, [LOADER, "no module"]) == ["function", "SyntaxError"]
