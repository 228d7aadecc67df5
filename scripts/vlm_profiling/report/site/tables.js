/* Tables that sort by a click on a head and show only the rows that hold some words; definitions for fingers and keys. */

/* A number sorts by the value that its cell carries, whatever unit it is printed in. */
function sortValue(cell) {
  return { text: cell.textContent.trim(), number: parseFloat(cell.dataset.value) };
}

function sortTable(table, column, head) {
  const up = head.getAttribute("aria-sort") !== "ascending";
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => ({ row, ...sortValue(row.cells[column]) }));
  const numeric = head.classList.contains("figure");
  rows.sort((a, b) => {
    if (!numeric) return (up ? 1 : -1) * a.text.localeCompare(b.text, undefined, { numeric: true });
    const [aMissing, bMissing] = [Number.isNaN(a.number), Number.isNaN(b.number)];
    if (aMissing || bMissing) return aMissing - bMissing; // no figure is neither small nor large: always last
    return (up ? 1 : -1) * (a.number - b.number);
  });
  for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  body.append(...rows.map(({ row }) => row));
}

function makeSortable(table) {
  for (const [column, head] of [...table.tHead.rows[0].cells].entries()) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...head.childNodes);
    for (const defined of button.querySelectorAll("abbr")) {
      button.title = defined.title; // one stop for the keyboard: the button
      defined.removeAttribute("tabindex");
    }
    button.addEventListener("click", () => sortTable(table, column, head));
    head.append(button);
  }
}

function makeFilterable(table, box) {
  const input = document.createElement("input");
  input.type = "search";
  input.className = "filter";
  input.placeholder = "Filter rows";
  input.setAttribute("aria-label", "Show only rows that hold these words");
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/);
    for (const row of table.tBodies[0].rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  });
  box.before(input);
}

document.addEventListener("DOMContentLoaded", () => {
  for (const box of document.querySelectorAll(".table")) {
    const table = box.querySelector("table");
    if (!("sortable" in box.dataset)) continue;
    makeSortable(table);
    if ("filter" in box.dataset) makeFilterable(table, box);
  }
  const bubble = document.createElement("div");
  bubble.className = "bubble";
  bubble.setAttribute("role", "status");
  document.body.append(bubble);
  const close = () => bubble.classList.remove("shown");
  document.addEventListener("focusin", (event) => {
    const defined = event.target.closest("abbr[title]");
    if (!defined) return close();
    const place = defined.getBoundingClientRect();
    bubble.textContent = defined.title;
    bubble.classList.add("shown");
    bubble.style.top = `${place.bottom + scrollY + 6}px`;
    bubble.style.left = `${Math.max(8, Math.min(place.left, document.documentElement.clientWidth - bubble.offsetWidth - 8))}px`;
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && close());
  document.addEventListener("focusout", close);
});

