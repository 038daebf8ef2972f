// Keeps a part of the page up to date: <div data-refresh="30"> is fetched anew every 30 seconds while it is in view.
"use strict";

async function refresh(part) {
  if (document.hidden) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (answer.redirected) return location.reload(); // signed out meanwhile
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("[data-refresh]");
  if (answer.ok && fresh && !part.contains(document.activeElement)) part.replaceChildren(...fresh.childNodes);
}

for (const part of document.querySelectorAll("[data-refresh]")) {
  // A server that is away for a while is asked again the next time.
  setInterval(() => refresh(part).catch(() => {}), Number(part.dataset.refresh) * 1000);
}
