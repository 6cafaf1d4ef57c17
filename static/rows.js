// Rows of fields: one more is a copy of the last, which is empty when the page comes. Comes after app.js. The page works without this file.
"use strict";

{
  const RENAMED = ["id", "name", "for", "aria-describedby"];

  /** Makes a copy's fields those of a row of its own, with what stands in an empty one. */
  const renumber = (row, number) => {
    const was = row.dataset.row;
    const now = was.replace(/\d+_$/, `${number}_`);
    row.dataset.row = now;
    for (const element of row.querySelectorAll("*")) {
      for (const name of RENAMED) {
        const value = element.getAttribute(name);
        if (value?.startsWith(was)) element.setAttribute(name, value.replace(was, now));
      }
    }
    row.querySelector("legend").textContent = row.querySelector("legend").textContent.replace(/\d+$/, number + 1);
    for (const input of row.querySelectorAll("input")) {
      input.value = input.defaultValue;
      input.checked = input.defaultChecked;
    }
    for (const select of row.querySelectorAll("select")) select.selectedIndex = 0;
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-adds-to]");
    if (!button) return;
    const rows = document.getElementById(button.dataset.addsTo);
    const count = rows.children.length;
    if (count >= Number(rows.dataset.rowsMax)) {
      announce(`There are ${count} rows already, and no more are possible.`);
      return;
    }
    const row = rows.lastElementChild.cloneNode(true);
    renumber(row, count);
    rows.append(row);
    row.querySelector("input").focus();
  });
}
