// Review by keyboard: within the grid, arrows move, letters decide. A verdict goes to the same address as the form's
// buttons, which do the same without this script; the answer says what changed, and the page's live parts follow.
"use strict";

(() => {
  const form = document.getElementById("review-form");
  const grid = document.getElementById("shots");
  if (!form || !grid) return;
  const told = document.getElementById("told");
  const undo = document.getElementById("undo");
  const boxes = [...grid.querySelectorAll("input[type=checkbox]")];
  const VERDICTS = { r: "right", w: "wrong", c: "none" };
  const STEPS = { ArrowRight: () => 1, ArrowLeft: () => -1, ArrowDown: columns, ArrowUp: () => -columns() };

  // One stop for the Tab key; the arrows do the rest.
  function rest(at) {
    boxes.forEach((box, place) => (box.tabIndex = place === at ? 0 : -1));
  }

  function columns() {
    const top = boxes[0].closest("li").offsetTop;
    const second = boxes.findIndex((box) => box.closest("li").offsetTop !== top);
    return second < 0 ? boxes.length : second;
  }

  function move(from, by, selecting) {
    const to = Math.max(0, Math.min(boxes.length - 1, from + by));
    if (selecting) boxes.slice(Math.min(from, to), Math.max(from, to) + 1).forEach((box) => (box.checked = true));
    rest(to);
    boxes[to].focus();
    boxes[to].closest("li").scrollIntoView({ block: "nearest" });
  }

  function show({ id, mine, said }) {
    const shot = boxes.find((box) => box.value === String(id))?.closest("li");
    if (!shot) return;
    shot.dataset.mine = mine ?? "";
    shot.querySelector(".said").textContent = said;
    for (const button of shot.querySelectorAll("[aria-pressed]")) {
      button.ariaPressed = String(button.value.startsWith(`${mine} `));
    }
  }

  async function send(values) {
    const body = new FormData(form);
    for (const name of ["detection", "verdict"]) body.delete(name);
    for (const [name, value] of values) body.append(name, value);
    told.textContent = "…";
    try {
      const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
      const said = await answer.json();
      told.textContent = said.told?.join(" ") ?? said.detail;
      if (!answer.ok) return;
      said.detections.forEach(show);
      undo.disabled = !said.steps;
      document.dispatchEvent(new Event("stale"));
    } catch {
      told.textContent = "Nothing was saved: the server did not answer. Try again.";
    }
  }

  function decide(verdict, numbers) {
    boxes.forEach((box) => (box.checked = false));
    return send([["verdict", verdict], ...numbers.map((number) => ["detection", number])]);
  }

  function selected(otherwise) {
    const chosen = boxes.filter((box) => box.checked);
    return (chosen.length || otherwise === undefined ? chosen : [boxes[otherwise]]).map((box) => box.value);
  }

  function pressed(event) {
    const shot = event.target.closest("li");
    const at = boxes.findIndex((box) => box.closest("li") === shot);
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    if (key in STEPS) move(at, STEPS[key](), event.shiftKey);
    else if (key === "a") {
      const all = boxes.every((box) => box.checked);
      boxes.forEach((box) => (box.checked = !all));
    } else if (key === "u") send([["undo", "1"]]);
    else if (key in VERDICTS) {
      const single = !boxes.some((box) => box.checked);
      decide(VERDICTS[key], selected(at));
      if (single) move(at, 1, false);
    } else return;
    event.preventDefault();
  }

  function clicked(event) {
    const button = event.submitter;
    event.preventDefault();
    if (button.name === "undo") return send([["undo", "1"]]);
    const [verdict, number] = button.value.split(" ");
    return decide(verdict, number ? [number] : selected());
  }

  rest(0);
  grid.addEventListener("keydown", pressed);
  grid.addEventListener("focusin", (event) => {
    const at = boxes.indexOf(event.target);
    if (at >= 0) rest(at);
  });
  form.addEventListener("submit", clicked);
})();
