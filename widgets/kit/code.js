// Lines of code with a button that copies them; where the page may not write to the clipboard, it selects them.

function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "cx-code";
  const pre = document.createElement("pre");
  pre.tabIndex = 0;
  const line = document.createElement("div");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "cx-button";
  button.textContent = "Copy";
  const told = document.createElement("span");
  told.className = "cx-note";
  told.setAttribute("role", "status");
  line.append(button, told);
  root.append(pre, line);
  el.appendChild(root);

  const draw = () => {
    pre.textContent = model.get("text");
    told.textContent = "";
  };
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(model.get("text"));
      told.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(pre);
      told.textContent = document.execCommand("copy") ? "Copied" : "Selected: press Ctrl+C";
    }
  });
  model.on("change:text", draw);
  draw();
  return () => model.off("change:text", draw);
}

export default { render };
