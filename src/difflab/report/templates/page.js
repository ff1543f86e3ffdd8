// A slider's range moves the boundary between its two images; arrow keys do so too, since it is an input.
for (const slider of document.querySelectorAll(".slider")) {
  const range = slider.querySelector("input");
  const move = () => slider.style.setProperty("--cut", range.value + "%");
  range.addEventListener("input", move);
  move();
}

// The two strips under the slider of the recipes.
for (const select of document.querySelectorAll("select[data-side]")) {
  const image = document.getElementById(select.dataset.side);
  const show = () => {
    const strip = document.getElementById(select.value);
    image.src = strip.src;
    image.alt = strip.alt;
  };
  select.addEventListener("change", show);
  show();
}

// A figure at full size; Escape or another click closes it.
const dialog = document.querySelector("dialog");
for (const plate of document.querySelectorAll(".plate")) {
  plate.addEventListener("click", () => {
    const shown = plate.querySelector("img").cloneNode();
    dialog.replaceChildren(shown);
    dialog.showModal();
  });
}
dialog.addEventListener("click", () => dialog.close());

// A column's header sorts its table by that column, at a second click in the opposite direction; empty cells stay last.
const valueOf = (cell) => cell.dataset.value ?? cell.textContent.trim();
const isEmpty = (value) => value === "" || value === "–";
const compare = (a, b) => (isNaN(a) || isNaN(b) ? a.localeCompare(b, "en", { numeric: true }) : a - b);
for (const table of document.querySelectorAll("table.sortable")) {
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      const direction = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      for (const other of headers) other.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
      const rows = [...table.tBodies[0].rows].map((row) => [valueOf(row.cells[column]), row]);
      rows.sort(([a], [b]) => isEmpty(a) - isEmpty(b) || direction * compare(a, b));
      table.tBodies[0].append(...rows.map(([, row]) => row));
    });
  });
}

// On paper nothing is folded.
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const details of folded) details.open = true;
});
addEventListener("afterprint", () => {
  for (const details of folded) details.open = false;
});
