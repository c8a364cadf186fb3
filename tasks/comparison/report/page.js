"use strict";
for (const grid of document.querySelectorAll(".grid")) {
  const body = grid.querySelector("tbody");
  const filter = grid.querySelector(".filter");
  const choice = grid.querySelector(".choice");
  const count = grid.querySelector(".count");
  const heads = [...grid.querySelectorAll("thead th")];
  const rows = [...body.rows];
  const texts = rows.map((row) => row.textContent.toLowerCase());

  const show = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const states = choice && choice.value ? choice.value.split(" ") : null;
    let shown = 0;
    rows.forEach((row, index) => {
      const fits = words.every((word) => texts[index].includes(word));
      row.hidden = !fits || (states !== null && !states.includes(row.dataset.state));
      shown += row.hidden ? 0 : 1;
    });
    count.value = shown === rows.length ? `${shown} rows` : `${shown} of ${rows.length} rows`;
    grid.querySelector(".none").hidden = shown > 0 || rows.length === 0;
  };

  const sort = (column) => {
    const head = heads[column];
    const figure = "figure" in head.dataset;
    // Figures start with the largest, names with the first; the next click turns them round.
    const now = head.getAttribute("aria-sort");
    const down = now ? now === "ascending" : figure;
    heads.forEach((it) => it.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const keyed = rows.map((row, index) => {
      const cell = row.cells[column];
      const key = figure
        ? ("sort" in cell.dataset ? Number(cell.dataset.sort) : null)
        : cell.textContent.toLowerCase();
      return { row, key, index };
    });
    keyed.sort((a, b) => {
      if (a.key === null || b.key === null) {
        return (a.key === null) - (b.key === null) || a.index - b.index;
      }
      const order = a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
      return (down ? -order : order) || a.index - b.index;
    });
    body.append(...keyed.map((it) => it.row));
  };

  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => sort(column));
  });
  filter.addEventListener("input", show);
  if (choice) choice.addEventListener("change", show);
  grid.querySelector(".controls").hidden = false;
  show();
}
