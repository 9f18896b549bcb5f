/* A page that keeps itself up to date: it fetches itself when the stream says that there is something newer, and at
   most twice a second. Nothing moves under a hand: while somebody points, types or scrolls, the new picture waits. */
"use strict";

(() => {
  const frame = document.getElementById("live");
  if (!frame) return;
  const part = (name) => document.getElementById("live-" + name);
  const main = document.getElementById("main");
  const SILENT = 40000; // without a word for so long, the stream counts as lost
  const POLL = 15000; // then the page asks by itself
  const IDLE = 3000; // so long after the last touch a row may move
  const APART = 500; // between two fetches
  const HIDDEN = 60000; // a tab that nobody sees lets go of its stream

  let stream = null;
  let heardAt = Date.now(); // of the stream
  let freshAt = Date.now(); // the picture was right
  let touchedAt = 0;
  let wasUsed = false; // since the last fetch: only then does fetching count as being there
  let fetchedAt = 0;
  let isFetching = false;
  let isWanted = false; // another fetch, as soon as it may be
  let isOut = false;
  let waiting = null; // a picture that is not shown yet

  function heard(event) {
    heardAt = Date.now();
    if (event.lastEventId === frame.dataset.mark) fresh();
    else fetchSoon();
  }

  function fresh() {
    freshAt = Date.now();
    part("stale").hidden = true;
    sign();
  }

  /* The small word beside the time: live, or not connected. Part of the page, so each new picture brings a new one. */
  function sign() {
    const word = part("sign");
    if (!word) return;
    const isFresh = part("stale").hidden && !isOut;
    word.textContent = isFresh ? word.dataset.live : word.dataset.stale;
    word.classList.toggle("live-sign-stale", !isFresh);
    word.hidden = false;
  }

  function connect() {
    if (stream || isOut || !window.EventSource) return;
    stream = new EventSource(frame.dataset.stream);
    stream.addEventListener("change", heard);
    stream.addEventListener("beat", heard);
    stream.addEventListener("error", () => {
      if (stream && stream.readyState === EventSource.CLOSED) {
        disconnect();
        fetchSoon(); // refused: the page itself will say why
      }
    });
  }

  function disconnect() {
    if (stream) stream.close();
    stream = null;
  }

  function fetchSoon() {
    if (isFetching || isOut) {
      isWanted = true;
      return;
    }
    isFetching = true;
    setTimeout(fetchPage, Math.max(0, fetchedAt + APART - Date.now()));
  }

  async function fetchPage() {
    isWanted = false;
    fetchedAt = Date.now();
    const patience = new AbortController();
    const limit = setTimeout(() => patience.abort(), 10000);
    try {
      const headers = wasUsed ? {} : { "X-By-Itself": "1" };
      const answer = await fetch(location.href, { headers, cache: "no-store", signal: patience.signal });
      wasUsed = false;
      if (answer.redirected || answer.status === 401 || answer.status === 403) return signedOut();
      const text = answer.ok ? await answer.text() : "";
      const page = new DOMParser().parseFromString(text, "text/html");
      if (page.getElementById("live")) arrived(page);
    } catch {
      /* nobody answers: the strip says so when it is time */
    } finally {
      clearTimeout(limit);
      isFetching = false;
      if (isWanted) fetchSoon();
    }
  }

  function signedOut() {
    isOut = true;
    disconnect();
    part("out").hidden = false;
    part("stale").hidden = true;
    sign();
  }

  function arrived(page) {
    frame.dataset.mark = page.getElementById("live").dataset.mark;
    fresh();
    announce(page);
    waiting = page;
    if (isIdle()) show();
    else sayThatMoreWaits();
  }

  function isIdle() {
    const field = document.activeElement;
    const isTyping = main.contains(field) && field.matches("input[type=text], textarea") && field.value !== field.defaultValue;
    const isShowingWord = main.querySelector("[data-word]:not(:empty)");
    return Date.now() - touchedAt >= IDLE && !isTyping && !isShowingWord;
  }

  function keys(place, chosen) {
    return new Set([...place.querySelectorAll(chosen || "[data-row]")].map((row) => row.dataset.row));
  }

  function sayThatMoreWaits() {
    const here = keys(main);
    const fresh = [...keys(waiting.getElementById("main"))].filter((key) => !here.has(key)).length;
    const button = part("more");
    button.textContent = fresh ? button.dataset.words.replace("{n}", fresh) : button.dataset.other;
    button.hidden = false;
  }

  /* Only the number, politely; what is urgent and new at once; never the whole list. */
  function announce(page) {
    const count = page.querySelector("[data-count]");
    const known = document.querySelector("[data-count]");
    if (count && known && count.textContent !== known.textContent) part("count").textContent = count.textContent;
    const here = keys(main, "[data-row].case-urgent");
    const first = [...page.querySelectorAll("[data-row].case-urgent")].find((row) => !here.has(row.dataset.row));
    if (first) part("urgent").textContent = first.querySelector("h3").textContent;
  }

  function show() {
    const page = waiting;
    waiting = null;
    part("more").hidden = true;
    const kept = whatIsOpen();
    for (const name of ["stale", "out"]) {
      part(name).querySelector("span").textContent = page.getElementById("live-" + name).querySelector("span").textContent;
    }
    main.replaceChildren(...document.adoptNode(page.getElementById("main")).childNodes);
    open(kept);
    sign();
    document.dispatchEvent(new Event("swapped"));
  }

  const FOCUSABLE = "a[href], button, summary, input:not([type=hidden]), select, textarea, [tabindex]";
  const place = (element) => element.closest("[data-row]") || main;
  const nth = (element, chosen) => [...place(element).querySelectorAll(chosen)].indexOf(element);
  const again = (kept, chosen) => {
    const row = kept.row ? main.querySelector(`[data-row="${CSS.escape(kept.row)}"]`) : main;
    return row && row.querySelectorAll(chosen)[kept.nth];
  };

  function whatIsOpen() {
    const of = (element, chosen) => ({ row: place(element).dataset.row, nth: nth(element, chosen) });
    const field = document.activeElement;
    return {
      boxes: [...main.querySelectorAll("details[open]")].map((box) => of(box, "details")),
      fields: [...main.querySelectorAll("input[type=text], textarea")]
        .filter((typed) => typed.value !== typed.defaultValue)
        .map((typed) => ({ ...of(typed, "input[type=text], textarea"), value: typed.value })),
      focus: main.contains(field) && field !== main ? of(field, FOCUSABLE) : null,
    };
  }

  function open(kept) {
    for (const box of kept.boxes) {
      const found = again(box, "details");
      if (found) found.open = true;
    }
    for (const typed of kept.fields) {
      const found = again(typed, "input[type=text], textarea");
      if (found) found.value = typed.value;
    }
    if (kept.focus) (again(kept.focus, FOCUSABLE) || main).focus({ preventScroll: true });
  }

  for (const kind of ["pointermove", "pointerdown", "keydown", "wheel", "touchmove"]) {
    addEventListener(kind, () => {
      touchedAt = Date.now();
      wasUsed = true;
    }, { passive: true });
  }
  part("more").addEventListener("click", () => {
    show();
    main.focus({ preventScroll: true });
  });

  setInterval(() => {
    if (isOut || document.hidden) return;
    if (waiting && isIdle()) show();
    const now = Date.now();
    if (now - heardAt >= SILENT && now - fetchedAt >= POLL) {
      disconnect(); // one that is silent is no stream: a fresh one may come through
      connect();
      fetchSoon();
    }
    if (now - freshAt >= SILENT) {
      part("stale").hidden = false;
      sign();
    }
  }, 500);

  let letGo = 0;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(letGo);
    if (document.hidden) letGo = setTimeout(disconnect, HIDDEN);
    else {
      connect();
      fetchSoon();
    }
  });
  addEventListener("pageshow", (event) => { if (event.persisted) fetchSoon(); });
  connect();
})();
