/* The gate's pages do all this by plain forms; this spares the loads: keys that find a plate at once, and a word that
   stands there only while a finger (or the space bar) holds its button. */
(function () {
  "use strict";

  function plain(plate) { return plate.toUpperCase().replace(/[^A-Z0-9\u4E00-\u9FFF]/g, ""); }

  function find() {
    var form = document.querySelector("[data-find]"), list = document.querySelector(".gate-rows");
    if (!form) return;
    var wanted = plain(form.elements.tail.value), status = form.querySelector("[data-found]");
    var rows = list ? Array.from(list.children) : [];
    var hits = rows.filter(function (row) {
      var is = wanted !== "" && plain(row.dataset.plate || "").endsWith(wanted);
      row.classList.toggle("gate-hit", is);
      return is;
    });
    rows.sort(function (one, other) {
      return hits.includes(other) - hits.includes(one) || one.dataset.order - other.dataset.order;
    }).forEach(function (row) { list.appendChild(row); });
    status.textContent = "";
    if (!wanted) return;
    var said = document.createElement("p");
    said.className = hits.length ? "strong" : "urgent strong";
    said.textContent = hits.length ? status.dataset.found.replace("{n}", hits.length) : status.dataset.none;
    status.appendChild(said);
    hits.slice(0, 4).forEach(function (row) {
      var to = document.createElement("a"), name = document.createElement("b");
      to.className = "gate-to";
      to.href = "#" + row.id;
      name.textContent = row.dataset.name;
      to.append(name, " " + row.dataset.plate);
      status.appendChild(to);
    });
  }

  var board = ""; // which keys were asked for last

  function change() {
    document.querySelectorAll("[data-keys]").forEach(function (keys) {
      if (board) keys.hidden = keys.dataset.keys !== board;
    });
  }

  function press(key) {
    var form = document.querySelector("[data-find]"), tail = form.elements.tail;
    if (key === "letters" || key === "digits") {
      board = key;
      change();
      form.querySelector("[data-keys]:not([hidden]) button").focus();
      return;
    }
    tail.value = key === "back" ? tail.value.slice(0, -1) : (tail.value + key).slice(0, tail.maxLength);
    find();
  }

  var held = null;

  function show(button) {
    var form = button.form, box = form.parentNode.querySelector("[data-word]"), ask = form.parentNode.querySelector("[data-ask]");
    held = { box: box, ask: ask };
    var mine = held;
    fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "text/plain" } })
      .then(function (answer) { if (!answer.ok) throw new Error(answer.status); return answer.text(); })
      .catch(function () { return box.dataset.failed; })
      .then(function (said) {
        if (held !== mine) return;
        box.textContent = said;
        ask.hidden = true;
      });
  }

  function hide() {
    if (!held) return;
    held.box.textContent = "";
    held.ask.hidden = false;
    held = null;
  }

  function holder(event) { return event.target.closest ? event.target.closest("[data-hold] button") : null; }

  document.addEventListener("click", function (event) {
    var key = event.target.closest("[data-keys] button");
    if (key) { event.preventDefault(); press(key.value); }
    if (holder(event) && event.detail) event.preventDefault(); // a finger: the holding has shown it
    if (event.target.closest("[data-print]")) window.print();
  });
  document.addEventListener("input", function (event) { if (event.target.id === "tail") find(); });
  document.addEventListener("submit", function (event) {
    if (event.target.matches("[data-find]")) { event.preventDefault(); find(); }
  });
  document.addEventListener("pointerdown", function (event) {
    var button = holder(event);
    if (button && event.button === 0) show(button);
  });
  ["pointerup", "pointercancel", "blur", "visibilitychange"].forEach(function (name) {
    document.addEventListener(name, hide, true);
  });
  document.addEventListener("contextmenu", function (event) { if (holder(event)) event.preventDefault(); });
  document.addEventListener("keydown", function (event) {
    var button = event.key === " " && holder(event);
    if (!button) return;
    event.preventDefault();
    if (!event.repeat) show(button);
  });
  document.addEventListener("keyup", function (event) {
    if (event.key === " " && holder(event)) { event.preventDefault(); hide(); }
  });

  function prepare() {
    document.querySelectorAll("[data-hold]").forEach(function (form) {
      form.querySelector("[data-label]").textContent = form.dataset.hold;
      form.querySelector("button").classList.add("gate-press");
    });
    document.querySelectorAll("[data-print]").forEach(function (button) { button.hidden = false; });
  }

  prepare();
  document.addEventListener("swapped", function () { held = null; prepare(); change(); find(); }); // live.js has put a newer list there
})();
