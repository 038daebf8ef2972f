// Keeps an open page up to date without reloading it. Loaded by base.html. A template marks the parts that may change:
//
//   {% load live %} … {% live "name" %}what may change{% endlive %}
//
// Every ten seconds, or as often as the page says, the script requests the marked parts at the page's own address; the server responds with 304 where no
// part has changed (devices/pages/live.py). A part whose content differs is replaced, and then dispatches the event "live",
// which bubbles; plots.js draws the figures in it again. Open <details>, scroll positions and the focus are kept. A part in
// which the reader types or selects text is replaced later. A page with other parts than before is reloaded.
//
// A script that has changed something dispatches the event "stale" on the document, and the parts are requested at once,
// not older than that.
//
// A hidden tab sends no request; when it becomes visible it sends one at once. While the server cannot be reached, the page
// stays as it is and shows since when. Requests then become rarer, up to one in every two and a half minutes.
"use strict";

(() => {
  // Milliseconds, as all times here. A page on which somebody waits says how often in seconds: <main data-live-every="3">.
  const INTERVAL = 1000 * (document.querySelector("main").dataset.liveEvery ?? 10);
  const MAX_INTERVAL = 160_000;
  const TIMEOUT = 30_000;
  const FOCUSABLE = "a[href], button, summary, [tabindex]";

  const away = document.getElementById("away");
  let etag = "";
  let wait = INTERVAL;
  let timer = 0;
  let lastResponse = new Date();

  const parts = (root) => [...root.querySelectorAll("[data-live]")];

  function inUse(part) {
    const active = document.activeElement;
    const selection = getSelection();
    const writing = part.contains(active) && active.matches("input, select, textarea");
    return writing || (!selection.isCollapsed && selection.containsNode(part, true));
  }

  // Keeps what the reader did to a part: the n-th element of a kind gets the state of the n-th element before.
  function swap(part, fresh) {
    const scrolled = [...part.querySelectorAll(".scroll")].map((box) => [box.scrollLeft, box.scrollTop]);
    const open = [...part.querySelectorAll("details")].map((box) => box.open);
    const focused = [...part.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
    part.replaceChildren(...fresh.childNodes);
    part.dataset.live = fresh.dataset.live;
    part.querySelectorAll("details").forEach((box, place) => (box.open = open[place] ?? box.open));
    part.querySelectorAll(".scroll").forEach((box, place) => box.scrollTo(...(scrolled[place] ?? [0, 0])));
    if (focused >= 0) part.querySelectorAll(FOCUSABLE)[focused]?.focus({ preventScroll: true });
    part.dispatchEvent(new Event("live", { bubbles: true }));
  }

  function replaceParts(page) {
    const shown = new Map(parts(document).map((part) => [part.id, part]));
    const fresh = parts(page);
    if (fresh.length !== shown.size || !fresh.every((part) => shown.has(part.id))) return location.reload();
    for (const part of fresh.filter((each) => each.dataset.live !== shown.get(each.id).dataset.live)) {
      if (inUse(shown.get(part.id))) etag = ""; // so that the next response contains the part again
      else swap(shown.get(part.id), part);
    }
  }

  async function requestParts(age) {
    const headers = { "X-Live": age, ...(etag && { "If-None-Match": etag }) };
    const response = await fetch(location.href, { headers, redirect: "manual", signal: AbortSignal.timeout(TIMEOUT) });
    const refused = [403, 404, 410].includes(response.status);
    if (response.type === "opaqueredirect" || refused) return location.reload(); // the reader is signed out, or has lost the role at the site
    if (response.status === 304) return;
    if (!response.ok) throw new Error(`the server responds with ${response.status}`);
    etag = response.headers.get("ETag") ?? "";
    replaceParts(new DOMParser().parseFromString(await response.text(), "text/html"));
  }

  function succeeded() {
    lastResponse = new Date();
    wait = INTERVAL;
    away.hidden = true;
  }

  function failed() {
    wait = Math.min(wait * 2, MAX_INTERVAL);
    if (!away.hidden) return;
    const time = document.createElement("time");
    time.dateTime = lastResponse.toISOString();
    time.textContent = lastResponse.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    away.replaceChildren("No connection since ", time, " by your clock. What you see is from then.");
    away.hidden = false;
  }

  async function tick(event) {
    clearTimeout(timer);
    if (document.hidden) return;
    await requestParts(event?.type === "stale" ? "now" : "any").then(succeeded, failed);
    clearTimeout(timer);
    timer = setTimeout(() => tick(), wait);
  }

  if (!parts(document).length) return;
  timer = setTimeout(() => tick(), INTERVAL);
  document.addEventListener("visibilitychange", tick);
  document.addEventListener("stale", tick);
  addEventListener("online", tick);
})();
