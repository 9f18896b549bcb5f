/* The desk by keyboard: the week is one Tab stop with arrows inside, and single keys press what the page shows.
   Single keys can be turned off (WCAG 2.1.4), and are never taken from a field that is being typed in. */
"use strict";

(() => {
  const grid = document.querySelector("[data-grid]");
  const OFF = "dujuan-keys-off";
  const LAST = "dujuan-cell";
  let isOff = false;
  try { isOff = localStorage.getItem(OFF) === "1"; } catch { /* a browser that keeps nothing */ }

  const offer = () => {
    const hint = document.querySelector("[data-keys]");
    if (!hint) return;
    const button = hint.querySelector("button");
    const say = () => {
      button.textContent = isOff ? button.dataset.off : button.dataset.on;
      hint.querySelector("span").hidden = isOff;
    };
    button.addEventListener("click", () => {
      isOff = !isOff;
      try { localStorage.setItem(OFF, isOff ? "1" : ""); } catch { /* then until the page is left */ }
      say();
    });
    hint.hidden = false;
    say();
  };
  offer();
  document.addEventListener("swapped", offer); // live.js has shown a newer picture

  /* Rows of places; a place is what can have the focus in a column. A school's row has one, over all columns. */
  let rows = [];
  let column = 0;

  function readGrid() {
    grid.setAttribute("role", "grid");
    rows = [...grid.querySelectorAll("tbody tr")].map((row) =>
      [...row.cells].flatMap((cell) => {
        const place = cell.querySelector("a, .cell");
        return place ? [{ column: cell.cellIndex, place }] : [];
      }),
    ).filter((row) => row.length);
    for (const { place } of rows.flat()) place.tabIndex = -1;
  }

  const current = () => grid.querySelector('tbody [tabindex="0"]');
  const address = (place) => place.getAttribute("href") || "";

  function at(place) {
    for (const [row, places] of rows.entries()) {
      const found = places.findIndex((one) => one.place === place);
      if (found >= 0) return { row, found };
    }
    return null;
  }

  function rove(place, isFocused) {
    const before = current();
    if (before) before.tabIndex = -1;
    place.tabIndex = 0;
    try { sessionStorage.setItem(LAST, address(place)); } catch { /* then the first one next time */ }
    if (!isFocused) return;
    place.focus();
    place.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  function nearest(row) {
    return row.reduce((best, one) => (Math.abs(one.column - column) < Math.abs(best.column - column) ? one : best));
  }

  function walk(key) {
    const here = at(document.activeElement);
    if (!here) return false;
    const row = rows[here.row];
    let target = null;
    if (key === "ArrowRight") target = row[here.found + 1];
    if (key === "ArrowLeft") target = row[here.found - 1];
    if (key === "Home") target = row[0];
    if (key === "End") target = row[row.length - 1];
    if (key === "ArrowUp" && rows[here.row - 1]) target = nearest(rows[here.row - 1]);
    if (key === "ArrowDown" && rows[here.row + 1]) target = nearest(rows[here.row + 1]);
    if (!target) return key.startsWith("Arrow") || key === "Home" || key === "End";
    if (!key.endsWith("Up") && !key.endsWith("Down")) column = target.column;
    rove(target.place, true);
    return true;
  }

  function nextHole() {
    const places = rows.flat().map((one) => one.place);
    const holes = places.filter((place) => place.classList.contains("cell-hole"));
    const from = places.indexOf(document.activeElement);
    const next = holes.find((hole) => places.indexOf(hole) > from) || holes[0];
    if (!next) return;
    column = rows.flat().find((one) => one.place === next).column;
    rove(next, true);
  }

  /* A driver is carried from one cell to another, or a candidate to a cell: the page then says what it would cost.
     Nothing is done by letting go. Links can be dragged as they are; M lifts and sets down by keyboard. */
  let carried = "";
  const run = (link) => (/^\/rota\/runs\/(\d+)/.exec(link) || [])[1];
  const person = (link) => (/^\/volunteers\/(\d+)/.exec(link) || [])[1];
  const path = (link) => new URL(link, location.href).pathname;

  function tryOn(cell, link) {
    const target = run(address(cell));
    const from = run(link);
    const who = person(link);
    if (!target || (!from && !who) || from === target) return false;
    location.href = `/rota/runs/${target}?${who ? `try=${who}` : `from_run=${from}`}#panel`;
    return true;
  }

  function carry() {
    const cell = document.activeElement;
    if (!cell.matches(".cell[href]")) return false;
    const lifted = carried;
    for (const one of grid.querySelectorAll(".is-carried")) one.classList.remove("is-carried");
    carried = "";
    if (lifted && tryOn(cell, lifted)) return true;
    if (lifted === address(cell) || cell.classList.contains("cell-hole")) return true; // set down where it was
    carried = address(cell);
    cell.classList.add("is-carried");
    return true;
  }

  if (grid) {
    let over = null;
    const mark = (cell) => {
      if (over) over.classList.remove("is-over");
      over = cell;
      if (over) over.classList.add("is-over");
    };
    const cellAt = (event) => event.target.closest && event.target.closest(".cell[href]");
    grid.addEventListener("dragover", (event) => {
      mark(cellAt(event));
      if (over) event.preventDefault();
    });
    grid.addEventListener("dragleave", (event) => { if (!grid.contains(event.relatedTarget)) mark(null); });
    grid.addEventListener("drop", (event) => {
      const cell = cellAt(event);
      const link = event.dataTransfer.getData("text/uri-list") || event.dataTransfer.getData("text/plain");
      mark(null);
      if (!cell || !link) return;
      event.preventDefault();
      tryOn(cell, path(link));
    });
  }

  if (grid) {
    readGrid();
    let kept = "";
    try { kept = sessionStorage.getItem(LAST) || ""; } catch { /* nothing kept */ }
    const places = rows.flat().map((one) => one.place);
    const chosen = grid.querySelector('.cell[aria-current="true"]');
    const start = chosen || places.find((place) => kept && address(place) === kept) || places[0];
    if (start) {
      column = rows.flat().find((one) => one.place === start).column;
      rove(start, Boolean(chosen) || (kept && address(start) === kept));
    }
    grid.addEventListener("focusin", (event) => {
      const here = at(event.target);
      if (here && event.target.tabIndex !== 0) {
        column = rows[here.row][here.found].column;
        rove(event.target, false);
      }
    });
  }

  const press = (element) => {
    if (element) element.click();
    return Boolean(element);
  };

  function single(key) {
    if (/^[1-9]$/.test(key)) {
      if (press(document.querySelectorAll(".candidate button")[Number(key) - 1])) return true;
      const row = document.querySelectorAll(".case[data-row]")[Number(key) - 1];
      return press(row && row.querySelector(".case-acts .button"));
    }
    if (key === "u") return press(document.querySelector("[data-undo] button"));
    if (key === "n" && grid) return nextHole() || true;
    if (key === "m" && grid) return carry();
    const search = document.querySelector("#q");
    if (key === "/" && search) {
      search.focus();
      search.select();
      return true;
    }
    return false;
  }

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const field = event.target;
    const isTyping = field.matches("input:not([type=checkbox]):not([type=radio]), textarea, select");
    let isTaken = false;
    if (event.key === "Escape") {
      if (isTyping && grid) {
        isTaken = Boolean(current());
        if (isTaken) current().focus();
      } else isTaken = press(document.querySelector("[data-back]"));
    } else if (isTyping) return;
    else if (grid && grid.contains(field) && walk(event.key)) isTaken = true;
    else if (!isOff) isTaken = single(event.key.toLowerCase());
    if (isTaken) event.preventDefault();
  });

  /* What has just been done can be undone for ten seconds; later it stands in the list of the day. */
  const fade = () => {
    for (const toast of document.querySelectorAll("[data-fades]")) {
      setTimeout(() => toast.remove(), 10000);
    }
    const url = new URL(location.href);
    for (const name of ["asked", "told", "did", "n", "undo", "undo_run"]) url.searchParams.delete(name);
    if (url.href !== location.href) history.replaceState(null, "", url);
  };
  fade();
})();
