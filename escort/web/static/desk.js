/* Small comforts on top of pages that work without them: copying a text, and the live verdict of a new child. */
"use strict";

function offerCopies() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-copy][hidden]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.classList.add("button-bare");
      button.setAttribute("aria-live", "polite");
      button.append(" ✓");
    });
  }
}
offerCopies();
document.addEventListener("swapped", offerCopies); // live.js has shown a newer picture

const form = document.querySelector("form[data-verdict]");
const verdict = document.getElementById("verdict");
if (form && verdict) {
  let waiting = 0;
  let latest = 0;
  form.addEventListener("change", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const mine = ++latest;
      const answer = await fetch(form.dataset.verdict, { method: "POST", body: new FormData(form) });
      const html = await answer.text();
      if (answer.ok && mine === latest) verdict.innerHTML = html;
    }, 300);
  });
}

/* What takes a moment longer is fetched when the page stands, by the link that leads to it without this. */
for (const place of document.querySelectorAll("[data-load]")) {
  fetch(place.querySelector("a").href).then(async (answer) => {
    const whole = new DOMParser().parseFromString(await answer.text(), "text/html");
    const part = whole.getElementById(place.dataset.load);
    if (answer.ok && part) place.replaceWith(part);
  }).catch(() => { /* the link stays */ });
}
