// Light, dark, or as the system says.

const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

/** Whether the page is dark now. */
export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : systemIsDark.matches;
}

/** Changes to the other theme, and remembers it unless it is the system's. */
export function toggleTheme() {
  const wanted = isDark() ? "light" : "dark";
  const isSystems = (wanted === "dark") === systemIsDark.matches;
  if (isSystems) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = wanted;
  remember(isSystems ? null : wanted);
  dispatchEvent(new Event("themechange"));
}

/** Calls when the theme changes: what is drawn on a canvas does not follow the style sheet by itself. Returns how to end that. */
export function onThemeChange(listener) {
  addEventListener("themechange", listener);
  systemIsDark.addEventListener("change", listener);
  return () => {
    removeEventListener("themechange", listener);
    systemIsDark.removeEventListener("change", listener);
  };
}

function remember(theme) {
  try {
    if (theme === null) localStorage.removeItem("theme");
    else localStorage.setItem("theme", theme);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}
