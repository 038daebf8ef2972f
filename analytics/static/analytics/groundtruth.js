// The counting page. What is counted is written down here first, with its moment, and sent as soon as it can be: a
// reload, a lost connection or a phone that falls asleep loses no count. The server keeps each once, by its key.
"use strict";

const TICK = 5_000; // milliseconds, as all times here
const HEARD_EVERY = 20_000; // so that a session without end is known up to its last moments
const LAPSE = 90_000; // a page that did nothing for longer was not looked at
const AT_ONCE = 500; // counts in one request
const OFFLINE = "No connection.";

const counter = document.getElementById("counter");
const shown = Object.fromEntries(["people", "more", "fewer", "told", "goon", "end", "came", "arrivals", "undo"].map((id) => [id, document.getElementById(id)]));
const token = counter.querySelector("[name=csrfmiddlewaretoken]").value;
const store = `ground-truth-${counter.dataset.session}`;
const queued = () => state.queue.length;

let state = load();
let heard = 0;
let sending = false;
let lost = false; // the connection, since the last attempt began
let trouble = "";

function load() {
  const kept = localStorage.getItem(store);
  if (kept) return JSON.parse(kept);
  const { people, came, heard, now } = counter.dataset;
  const alive = Date.now() - (now - heard) * 1000; // the server's word on when this was last counted
  return { people: people === "" ? 0 : Number(people), came: came === "" ? null : Number(came), lapsed: people === "", alive, ended: null, queue: [] };
}

function save() {
  localStorage.setItem(store, JSON.stringify(state));
}

// randomUUID is there in secure contexts only.
function key() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function note(people, at) {
  state.queue.push({ key: key(), at, people, came: people === null ? null : state.came });
}

// Whoever was away was not counting: from the last moment the page was alive nothing is known.
function lapse(now) {
  if (state.ended) return;
  if (!state.lapsed && now - state.alive > LAPSE) {
    note(null, state.alive);
    state.lapsed = true;
  }
  state.alive = now;
}

function count(people) {
  if (people < 0 || state.ended) return;
  lapse(Date.now());
  state.people = people;
  state.lapsed = false;
  note(people, state.alive);
  save();
  show();
  send();
}

// Somebody came, or did not after all.
function arrive(people) {
  if (state.came + people < 0 || state.ended || state.lapsed) return;
  state.came += people;
  count(state.people);
}

function awake() {
  const now = Date.now();
  lapse(now);
  save();
  show();
  if (queued() || state.ended || now - heard > HEARD_EVERY) send();
}

function end() {
  if (!confirm("End the session? You cannot continue to count in it afterwards.")) return;
  state.ended = Date.now();
  save();
  show();
  send();
}

function show() {
  shown.people.value = state.people;
  counter.classList.toggle("lapsed", state.lapsed);
  shown.more.disabled = shown.end.disabled = Boolean(state.ended);
  shown.fewer.disabled = Boolean(state.ended) || state.people === 0;
  if (shown.came) {
    shown.arrivals.value = state.came;
    shown.came.disabled = Boolean(state.ended) || state.lapsed;
    shown.undo.disabled = shown.came.disabled || !state.came;
  }
  shown.goon.hidden = !state.lapsed || Boolean(state.ended);
  shown.goon.textContent = `Go on with ${state.people}`;
  shown.told.textContent = words();
  shown.told.classList.toggle("trouble", Boolean(trouble) || state.lapsed);
}

function words() {
  const waiting = queued() ? ` ${queued()} ${queued() === 1 ? "count waits" : "counts wait"} on this phone.` : "";
  if (trouble === OFFLINE) {
    return `${OFFLINE}${waiting} Go on counting: the counts are sent when the connection is back. Keep this page open; it cannot be loaded now.`;
  }
  if (trouble) return trouble + waiting;
  if (state.ended) return "Ending the session…";
  if (state.lapsed) return "You were away, so nobody was counted. How many people are there now?";
  return queued() ? "Sending…" : "All counts are saved.";
}

async function send() {
  if (sending) return;
  sending = true;
  lost = false;
  const counts = state.queue.slice(0, AT_ONCE);
  const ended = state.ended && counts.length === queued() ? state.ended : null;
  const moment = (at) => new Date(at).toISOString();
  try {
    const answer = await fetch(counter.dataset.address, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": token },
      body: JSON.stringify({
        sent_at: moment(Date.now()),
        counts: counts.map((each) => ({ ...each, at: moment(each.at) })),
        ended_at: ended && moment(ended),
      }),
    });
    if (answer.ok) return done(counts, ended);
    trouble = refusal(answer.status);
  } catch {
    trouble = OFFLINE;
  } finally {
    sending = false;
    show();
  }
}

function done(counts, ended) {
  const kept = new Set(counts.map((each) => each.key));
  state.queue = state.queue.filter((each) => !kept.has(each.key));
  heard = Date.now();
  // The answer may be one that was under way as the connection went.
  trouble = lost ? OFFLINE : "";
  save();
  if (ended) {
    localStorage.removeItem(store);
    clearInterval(ticking);
    location.reload();
  } else if (queued() || state.ended) setTimeout(send);
}

function refusal(status) {
  if (status === 404) return "This session was deleted.";
  if (status === 401 || status === 403) return "You are signed out. Sign in on another tab and load this page again.";
  return `The server cannot save the counts now (${status}).`;
}

function keepScreenOn() {
  if (document.visibilityState === "visible") navigator.wakeLock?.request("screen").catch(() => {});
}

shown.more.addEventListener("click", () => count(state.people + 1));
shown.fewer.addEventListener("click", () => count(state.people - 1));
shown.goon.addEventListener("click", () => count(state.people));
shown.end.addEventListener("click", end);
shown.came?.addEventListener("click", () => arrive(1));
shown.undo?.addEventListener("click", () => arrive(-1));
addEventListener("keydown", (event) => {
  if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "+" || event.key === "ArrowUp") count(state.people + 1);
  else if (event.key === "-" || event.key === "ArrowDown") count(state.people - 1);
  else if (event.key === "c" && shown.came) arrive(1);
  else return;
  event.preventDefault();
});
// Another tab of the same session counts too.
addEventListener("storage", (event) => {
  if (event.key === store && event.newValue) state = JSON.parse(event.newValue);
  show();
});
addEventListener("online", () => send());
addEventListener("offline", () => {
  lost = true;
  trouble = OFFLINE;
  show();
});
// Nothing would be lost, but the page could not be loaded again and nobody would be counting.
addEventListener("beforeunload", (event) => {
  if (trouble === OFFLINE) event.preventDefault();
});
document.addEventListener("visibilitychange", () => {
  keepScreenOn();
  awake();
});

const ticking = setInterval(awake, TICK);
keepScreenOn();
awake();
