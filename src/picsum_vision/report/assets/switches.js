// Language, light or dark, and which of the two views is shown.

const darkWanted = matchMedia("(prefers-color-scheme: dark)");

function isDark() {
  const theme = document.documentElement.dataset.theme;
  return theme ? theme === "dark" : darkWanted.matches;
}

function setUpTheme() {
  const button = byId("theme");
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  const chosen = remembered("theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    remember("theme", theme);
    show();
  });
  darkWanted.addEventListener("change", show);
  show();
}

function setUpLanguage() {
  const select = byId("language");
  select.addEventListener("change", () => { remember("language", select.value); setLanguage(select.value); });
  setLanguage(remembered("language") ?? (navigator.language.startsWith("it") ? "it" : "en"));
  select.value = language;
}

const tabs = [...document.querySelectorAll('[role="tab"]')];

function showTab(name) {
  for (const tab of tabs) {
    const chosen = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    byId(tab.getAttribute("aria-controls")).hidden = !chosen;
  }
}

function setUpTabs() {
  tabs.forEach((tab, place) => {
    tab.addEventListener("click", () => showTab(tab.id.slice("tab-".length)));
    tab.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
      const other = tabs[(place + 1) % tabs.length];
      other.click();
      other.focus();
      event.stopPropagation();
    });
  });
}
