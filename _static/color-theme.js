// Sets the color theme before anything is painted; paper is light. Stores nothing until the reader chooses.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paper = matchMedia("print");
  const stored = () => {
    try { return localStorage.getItem("theme"); } catch { return null; }
  };
  const apply = () => {
    const theme = paper.matches ? "light" : stored() ?? (dark.matches ? "dark" : "light");
    document.documentElement.dataset.theme = theme;
    document.documentElement.dataset.mode = theme;
  };
  dark.addEventListener("change", apply);
  paper.addEventListener("change", apply);
  apply();
})();
