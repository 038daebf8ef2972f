// Asks every few seconds whether the screen was paired, and opens its wall then. A code that has ended is replaced.
// Written for the old Chromium of real rigs: nothing after ES2017.
"use strict";

(function () {
  const PAUSE = 3000;
  const state = document.querySelector("[data-state]").dataset.state;

  async function turn() {
    try {
      const answer = await fetch(state, { credentials: "same-origin", cache: "no-store" });
      if (answer.status === 404) return location.reload();
      const found = await answer.json();
      if (found.address) return location.replace(found.address);
      if (!found.waits) return location.reload();
    } catch (error) {
      // The server is away; the next turn asks again.
    }
    setTimeout(turn, PAUSE);
  }

  setTimeout(turn, PAUSE);
})();
