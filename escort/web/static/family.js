// Reads the page aloud, slowly, where the phone can; everything else works without this file.
(function () {
  var button = document.getElementById("read-aloud");
  if (!button || !("speechSynthesis" in window)) return;
  button.hidden = false;
  button.addEventListener("click", function () {
    var words = Array.prototype.map.call(document.querySelectorAll("[data-read]"), function (part) {
      return part.innerText.replace(/\n+/g, "。");
    });
    var speech = new SpeechSynthesisUtterance(words.join("。"));
    speech.lang = document.documentElement.lang === "en" ? "en-GB" : "zh-CN";
    speech.rate = 0.85;
    speechSynthesis.cancel();
    speechSynthesis.speak(speech);
  });
  document.addEventListener("visibilitychange", function () {
    if (!document.hidden && Date.now() - loaded > 60000) location.reload();
  });
  var loaded = Date.now();
})();
