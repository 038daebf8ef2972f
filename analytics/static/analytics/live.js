// Keeps an open page up to date without reloading it. Loaded by base.html; a template needs nothing but
//
//   {% load live %} … {% live "name" %}what may change{% endlive %}
//
// Every ten seconds the page's own address is asked for its marked parts; the server answers 304 where none has changed
// (devices/pages/live.py). A part is replaced only where its content differs, and then sends the event "live", which bubbles:
// plots.js draws its figures anew on it. Open <details>, scroll positions and the focus are kept, and a part in which
// somebody writes or selects waits. A page with other parts than before is loaded as a whole.
//
// A script that has changed something sends the event "stale" to the document, and the page asks at once.
//
// In a hidden tab nothing is asked; shown again, it asks at once. While the server is away the page keeps what it has,
// says since when, and asks more and more seldom, up to every two and a half minutes.
"use strict";

(() => {
  const EVERY = 10_000; // milliseconds, as all times here
  const MOST_SELDOM = 160_000;
  const PATIENCE = 30_000;
  const AT_REST = "a[href], button, summary, [tabindex]";

  const away = document.getElementById("away");
  let etag = "";
  let wait = EVERY;
  let timer = 0;
  let heard = new Date();

  const parts = (root) => [...root.querySelectorAll("[data-live]")];

  function inUse(part) {
    const active = document.activeElement;
    const selection = getSelection();
    const writing = part.contains(active) && active.matches("input, select, textarea");
    return writing || (!selection.isCollapsed && selection.containsNode(part, true));
  }

  // What the reader did to a part stays: the n-th element of a kind takes over from the n-th before.
  function swap(part, fresh) {
    const scrolled = [...part.querySelectorAll(".scroll")].map((box) => [box.scrollLeft, box.scrollTop]);
    const open = [...part.querySelectorAll("details")].map((box) => box.open);
    const focused = [...part.querySelectorAll(AT_REST)].indexOf(document.activeElement);
    part.replaceChildren(...fresh.childNodes);
    part.dataset.live = fresh.dataset.live;
    part.querySelectorAll("details").forEach((box, place) => (box.open = open[place] ?? box.open));
    part.querySelectorAll(".scroll").forEach((box, place) => box.scrollTo(...(scrolled[place] ?? [0, 0])));
    if (focused >= 0) part.querySelectorAll(AT_REST)[focused]?.focus({ preventScroll: true });
    part.dispatchEvent(new Event("live", { bubbles: true }));
  }

  function take(page) {
    const shown = new Map(parts(document).map((part) => [part.id, part]));
    const fresh = parts(page);
    if (fresh.length !== shown.size || !fresh.every((part) => shown.has(part.id))) return location.reload();
    for (const part of fresh.filter((each) => each.dataset.live !== shown.get(each.id).dataset.live)) {
      if (inUse(shown.get(part.id))) etag = ""; // to be asked for again
      else swap(shown.get(part.id), part);
    }
  }

  async function ask() {
    const headers = { "X-Live": "1", ...(etag && { "If-None-Match": etag }) };
    const answer = await fetch(location.href, { headers, redirect: "manual", signal: AbortSignal.timeout(PATIENCE) });
    const refused = [403, 404, 410].includes(answer.status);
    if (answer.type === "opaqueredirect" || refused) return location.reload(); // signed out, or no member any more
    if (answer.status === 304) return;
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
    etag = answer.headers.get("ETag") ?? "";
    take(new DOMParser().parseFromString(await answer.text(), "text/html"));
  }

  function succeeded() {
    heard = new Date();
    wait = EVERY;
    away.hidden = true;
  }

  function failed() {
    wait = Math.min(wait * 2, MOST_SELDOM);
    if (!away.hidden) return;
    const time = document.createElement("time");
    time.dateTime = heard.toISOString();
    time.textContent = heard.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    away.replaceChildren("No connection since ", time, ". What you see is from then.");
    away.hidden = false;
  }

  async function tick() {
    clearTimeout(timer);
    if (document.hidden) return;
    await ask().then(succeeded, failed);
    clearTimeout(timer);
    timer = setTimeout(tick, wait);
  }

  if (!parts(document).length) return;
  timer = setTimeout(tick, EVERY);
  document.addEventListener("visibilitychange", tick);
  document.addEventListener("stale", tick);
  addEventListener("online", tick);
})();
