// The big button says how many turns a yes covers. Without this file the same form works.
(function () {
  document.querySelectorAll("[data-ask]").forEach(function (ask) {
    var label = ask.querySelector("[data-yes]");
    var boxes = ask.querySelectorAll("input[name=no]");
    var note = ask.querySelector("[data-without-script]");
    if (note) note.hidden = true;
    if (!label || !boxes.length) return;
    var yes = label.closest("button");
    function tell() {
      var off = 0;
      boxes.forEach(function (box) {
        box.closest(".turn").classList.toggle("turn-off", box.checked);
        if (box.checked) off += 1;
      });
      var left = Number(label.dataset.count) - off;
      label.textContent = off ? label.dataset.some.replace("{n}", left) : label.dataset.all;
      yes.disabled = left === 0;
    }
    boxes.forEach(function (box) { box.addEventListener("change", tell); });
    tell();
  });
})();
