// Goes before jupyter-scatter's module, in its scope: how often it draws, and on how large a canvas.
//
// regl asks for sixty frames a second as long as the page lives, of which nearly none shows anything new, and each costs
// the page a turn of its own: a map that nobody touches took a seventh of a processor. Here frames come at once while the
// mouse is on a map, what is shown is changed or drawn, and seldom otherwise: what nobody told of is seen that soon.
const MOVING = 500; // milliseconds for which frames go on after the last sign of life
const SELDOM = 200; // milliseconds between two frames at rest
let awake = 0, resting = 0, held = null;

// In this scope for `window.requestAnimationFrame`, which regl's loop, known by its name, asks for each next frame.
const requestAnimationFrame = (callback) => {
  if (callback.name !== "handleRAF" || performance.now() < awake) return window.requestAnimationFrame(callback);
  held = callback;
  return (resting = setTimeout(release, SELDOM));
};

function release() {
  clearTimeout(resting);
  if (held) window.requestAnimationFrame(held);
  held = null;
}

function wake() {
  awake = performance.now() + MOVING;
  release();
}

const touched = (event) => {
  if (event.buttons || event.target?.localName === "canvas") wake();
};
for (const name of ["mousemove", "mousedown", "mouseup", "wheel"])
  window.addEventListener(name, touched, { capture: true, passive: true });

// jupyter-scatter draws all views of a page on one canvas as large as the window, and copies the middle of it into each.
// Here it has the size of the view that is drawn: where a processor draws, time goes by the canvas, 80 or 20 ms a frame.
function fit() {
  const renderer = window.jupyterScatter?.renderer; // there once a view is drawn
  if (!renderer || renderer.fitted) return;
  renderer.fitted = true;
  const plain = renderer.render;
  renderer.render = (draw, view) => {
    wake();
    const { canvas } = renderer;
    if (view.width && view.height && (canvas.width !== view.width || canvas.height !== view.height)) {
      const side = (pixels) => (pixels + 0.5) / devicePixelRatio; // multiplied and cut off there
      renderer.resize(side(view.width), side(view.height));
      renderer.refresh();
    }
    plain(draw, view);
  };
}

// A view was made, or its model changed.
export function changed() {
  fit();
  wake();
}

