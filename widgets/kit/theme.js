// Whether the page is dark, for what is told to the kernel: JupyterLab's word, VS Code's, the ground's color, or the wish.

function isDark() {
  const lab = document.body.dataset.jpThemeLight;
  if (lab) return lab === "false";
  const code = document.body.dataset.vscodeThemeKind;
  if (code) return !code.includes("light");
  const shade = getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g)?.map(Number);
  if (shade && (shade.length < 4 || shade[3] > 0)) return shade[0] + shade[1] + shade[2] < 384;
  return matchMedia("(prefers-color-scheme: dark)").matches;
}
