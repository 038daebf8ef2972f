// Keeps a wall's screen up to date. All screens swap at the same instant of the server's clock; what cannot be
// fetched leaves the last picture where it is. Written for the old Chromium of real rigs: nothing after ES2017.
"use strict";

(function () {
  const wall = document.getElementById("wall");
  const away = document.getElementById("away");
  const refresh = Number(wall.dataset.refresh);
  const showAfter = Number(wall.dataset.showAfter);
  const retry = refresh / 6;
  const patience = refresh / 3;
  // Missing one picture is no news; missing two is.
  const tolerance = 2 * refresh + showAfter;
  let ahead = 0; // of the server's clock before this one, known to half a round trip
  let quickest = Infinity; // round trip so far
  let swap = null;

  function shown() {
    return wall.querySelector("svg");
  }

  function now() {
    return Date.now() + ahead;
  }

  function compare(clock, sent) {
    const trip = Date.now() - sent;
    const found = Number(clock) - (sent + trip / 2);
    // Of several answers the quickest tells best, unless a clock was set meanwhile.
    const wasSet = Math.abs(found - ahead) > trip / 2 + quickest / 2;
    if (!clock || (trip > quickest && !wasSet)) return;
    quickest = trip;
    ahead = found;
  }

  function within(milliseconds, promise) {
    const late = new Promise((_, reject) => setTimeout(() => reject(new Error("too late")), milliseconds));
    return Promise.race([promise, late]);
  }

  async function ask(address) {
    const sent = Date.now();
    const answer = await within(patience, fetch(address, { credentials: "same-origin", cache: "no-cache" }));
    if (!answer.ok || answer.redirected) throw new Error("no picture");
    compare(answer.headers.get("Headcount-Time"), sent);
    return within(patience, answer.text());
  }

  function parsed(text) {
    const picture = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    if (picture.nodeName !== "svg" || !picture.dataset.slot) throw new Error("no picture");
    return document.importNode(picture, true);
  }

  function put(picture) {
    const slot = Number(picture.dataset.slot);
    if (slot <= Number(shown().dataset.slot)) return;
    clearTimeout(swap);
    swap = setTimeout(
      () => requestAnimationFrame(() => wall.replaceChild(picture, shown())),
      Math.max(0, slot + showAfter - now())
    );
  }

  async function turn() {
    let wait = retry;
    try {
      const picture = parsed(await ask(wall.dataset.picture));
      if (picture.dataset.version !== wall.dataset.version) {
        await ask(location.href); // only when the new page can really be had
        location.reload();
        return;
      }
      put(picture);
      away.hidden = true;
      const next = (Math.floor(now() / refresh) + 1) * refresh;
      wait = next - now() + Math.random() * showAfter / 2;
    } catch (error) {
      if (now() - Number(shown().dataset.slot) > tolerance) {
        away.textContent = "No connection since " + shown().dataset.news;
        away.hidden = false;
      }
    }
    setTimeout(turn, wait);
  }

  window.postMessage({ type: "DIRECTOR_WINDOW_READY" }, "*");
  turn();
})();
