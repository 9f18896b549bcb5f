// Keeps taps while there is no signal and reports them when it is back. Without this file each tap is a plain form.
// The queue is [{uuid, leg, step, at}] in localStorage, by link; the server knows each uuid once, whatever comes twice.
(function () {
  var form = document.getElementById("next-tap");
  var left = document.getElementById("taps-left");
  var strip = document.getElementById("waiting");
  var address = form ? form.action : location.pathname.replace(/\/run\/.*$/, "/taps");
  var key = "taps:" + address;
  var loaded = Date.now();
  var rendered = form ? Date.parse(form.dataset.now) : loaded;

  function queue() {
    try { return JSON.parse(localStorage.getItem(key) || "[]"); } catch (unreadable) { return []; }
  }
  function keep(taps) { localStorage.setItem(key, JSON.stringify(taps)); show(taps.length); }
  function show(count) {
    if (!strip) return;
    strip.hidden = count === 0;
    strip.querySelector("[data-waiting]").textContent = count;
  }
  function send(taps) {
    return fetch(address, {
      method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json" }, body: JSON.stringify(taps)
    }).then(function (answer) {
      if (!answer.ok) throw new Error("later");
      return answer.json();
    });
  }
  // A signal that has just come back often fails once more: try again after 1, 2, 4 ... 20 seconds.
  var sending = false, wait = 1000, again;
  function flush() {
    var taps = queue();
    if (!taps.length || sending) return;
    sending = true;
    send(taps).then(function (answered) {
      var known = answered.map(function (tap) { return tap.uuid; });
      keep(queue().filter(function (tap) { return known.indexOf(tap.uuid) < 0; }));
      location.reload();
    }).catch(function () {
      show(queue().length);
      clearTimeout(again);
      again = setTimeout(flush, wait);
      wait = Math.min(wait * 2, 20000);
    }).then(function () { sending = false; });
  }
  function advance() {
    left.removeChild(left.firstElementChild);
    var next = left.firstElementChild;
    if (!next) { form.parentNode.hidden = true; return; }
    form.querySelector("button span").textContent = next.textContent;
  }
  if (form && left && "fetch" in window && "localStorage" in window) {
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      var tap = left.firstElementChild;
      var legs = tap.dataset.legs.split(" "), uuids = tap.dataset.uuids.split(" ");
      var at = new Date(rendered + Date.now() - loaded).toISOString();
      var taps = legs.map(function (leg, i) { return { uuid: uuids[i], leg: Number(leg), step: tap.dataset.step, at: at }; });
      keep(queue().concat(taps));
      advance();
      flush();
    });
  }
  show(queue().length);
  flush();
  window.addEventListener("online", flush);
  document.addEventListener("visibilitychange", function () {
    if (document.hidden) return;
    if (queue().length) flush(); else if (Date.now() - loaded > 60000) location.reload();
  });
  var trouble = document.querySelector("a[href='#trouble']");
  if (trouble) trouble.addEventListener("click", function () { document.getElementById("trouble").open = true; });
})();
