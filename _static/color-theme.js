// Sets the color theme before anything is painted. Stores nothing until the reader chooses.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const stored = () => {
    try { return localStorage.getItem("theme"); } catch { return null; }
  };
  const apply = () => {
    const theme = stored() ?? (dark.matches ? "dark" : "light");
    document.documentElement.dataset.theme = theme;
    document.documentElement.dataset.mode = theme;
  };
  dark.addEventListener("change", apply);
  apply();
})();
