// The page of a kiosk: asks what the screen shall show, shows it, and reports it. Each report may be repeated.
"use strict";

(function () {
  const body = document.body;
  const ASK_MS = 1000 * body.dataset.askAgain;
  const words = document.getElementById("words");
  let shown = null; // {content, start}
  let frame = null;
  let zero = 0; // the server's time at which this page's own time was 0; nobody can set the latter

  function now() {
    return zero + performance.now();
  }

  function text(moment) {
    return new Date(moment).toISOString();
  }

  function report(plays) {
    const request = { method: "POST", headers: { "Content-Type": "application/json" }, keepalive: true };
    request.body = JSON.stringify({ plays: plays });
    return fetch(body.dataset.plays, request).catch(function () {});
  }

  function tell(end) {
    if (!shown) return Promise.resolve();
    const play = { content: shown.content, start: shown.start };
    play[end ? "end" : "seen"] = text(now());
    return report([play]);
  }

  function put(answer) {
    if (shown && answer.content === shown.content) return;
    tell(true);
    shown = null;
    if (frame) frame.remove();
    frame = null;
    if (!answer.content || !answer.address) {
      words.textContent = answer.content ? "“" + answer.name + "” has no address." : "Nothing is planned now.";
      return;
    }
    frame = document.createElement("iframe");
    frame.src = answer.address;
    frame.title = answer.name;
    body.appendChild(frame);
    shown = { content: answer.content, start: text(now()) };
    tell(false);
  }

  async function turn() {
    let wait = ASK_MS;
    try {
      const sent = performance.now();
      const response = await fetch(body.dataset.now, { cache: "no-store" });
      if (!response.ok) throw new Error("no answer");
      const answer = await response.json();
      zero = Date.parse(answer.now) - (sent + performance.now()) / 2;
      put(answer);
      tell(false);
      if (answer.until) wait = Math.min(wait, Math.max(500, Date.parse(answer.until) - now() + 200));
    } catch (error) {
      if (!shown) words.textContent = "No connection.";
    }
    setTimeout(turn, wait);
  }

  addEventListener("pagehide", function () { tell(true); });
  turn();
})();
