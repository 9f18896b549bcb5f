/* While the demonstration's clock walks to another hour: a newer picture every two seconds, and the focus stays. */
"use strict";

(() => {
  const main = document.getElementById("main");

  async function look() {
    let isGoing = true;
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      isGoing = Boolean(page.querySelector("[data-going]"));
      const field = document.activeElement;
      const isTyping = field.matches("input, select") && main.contains(field);
      if (answer.ok && !isTyping) {
        const places = () => [...main.querySelectorAll("a[href], button, summary")];
        const kept = places().indexOf(field);
        main.replaceChildren(...document.adoptNode(page.getElementById("main")).childNodes);
        if (kept >= 0) (places()[kept] || main).focus({ preventScroll: true });
      } else isGoing = true;
    } catch {
      /* nobody answers: the next look will see */
    }
    if (isGoing) setTimeout(look, 2000);
  }
  setTimeout(look, 2000);
})();
