"use strict";
/* The colours: as the system has them until the reader chooses; the choice lasts as long as the browser keeps it. */

const darkSystem = matchMedia("(prefers-color-scheme: dark)");

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : darkSystem.matches;
}

function remembered() {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null; // a browser that keeps nothing for files
  }
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  document.dispatchEvent(new Event("themechange"));
}

if (remembered()) document.documentElement.dataset.theme = remembered();
darkSystem.addEventListener("change", () => document.dispatchEvent(new Event("themechange")));

document.addEventListener("DOMContentLoaded", () => {
  const button = document.querySelector("button.theme");
  const tell = () => (button.textContent = isDark() ? "Light" : "Dark");
  button.hidden = false;
  tell();
  document.addEventListener("themechange", tell);
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // kept for this page alone
    }
    setTheme(theme);
  });
  // A menu that stands open beside the text on a desk would hide it on a phone.
  if (matchMedia("(max-width: 899px)").matches) document.querySelector(".menu").open = false;
});

