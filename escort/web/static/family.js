// Reads the page aloud, slowly, where the phone can; everything else works without this file.
(function () {
  var button = document.getElementById("read-aloud");
  var loaded = Date.now();
  document.addEventListener("visibilitychange", function () {
    if (!document.hidden && Date.now() - loaded > 60000) location.reload();
  });
  if (!button || !("speechSynthesis" in window)) return;
  button.hidden = false;
  button.addEventListener("click", function () {
    var words = Array.prototype.map.call(document.querySelectorAll("[data-say]"), function (part) {
      return part.getAttribute("data-say").replace(/\s+/g, " ");
    });
    var speech = new SpeechSynthesisUtterance(words.join(" "));
    // 繁體 is read in the district's own tongue too: a phone here has no other Chinese voice
    speech.lang = document.documentElement.lang === "en" ? "en-GB" : "zh-CN";
    speech.rate = 0.85;
    speechSynthesis.cancel();
    speechSynthesis.speak(speech);
  });
})();
