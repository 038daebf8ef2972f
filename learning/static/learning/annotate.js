// Goes through the pictures of a data set: shows, saves, undoes, and fetches the next ones ahead.
"use strict";

(() => {
  const start = document.getElementById("annotate-start");
  if (!start) return;
  const { pictures: queue, at_once: atOnce, labels, describe, save, proposals } = JSON.parse(start.textContent);
  const page = document.getElementById("annotate");
  const told = document.getElementById("told");
  const AHEAD = 12; // pictures that are fetched before they are shown, while the server may be busy with proposals
  const MOST_UNDO = 100;
  const known = new Map(); // id → description, whose boxes are as the page has them
  const proposed = new Map(); // id → proposals
  let asking = false; // for proposals: one picture at a time, or the server would have no time for pictures
  let at = 0, label = labels[0] || "", undo = [], before = [], saving = Promise.resolve(), isShown = false;

  const canvas = new window.Canvas(document.getElementById("canvas"), {
    changed: (boxes) => remember(boxes),
    select: () => list(),
    accept: (index) => accept([index]),
  });

  function tell(sentence, isWrong = false) {
    told.textContent = sentence;
    told.classList.toggle("wrong", isWrong);
  }

  function copies(boxes) {
    return boxes.map((box) => ({ ...box }));
  }

  async function load(from) {
    const ids = queue.slice(from, from + atOnce).filter((id) => !known.has(id));
    if (!ids.length) return;
    const answer = await fetch(`${describe}?ids=${ids.join()}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
    for (const picture of (await answer.json()).pictures) known.set(picture.id, picture);
    for (const id of ids) if (!known.has(id)) queue.splice(queue.indexOf(id), 1);
  }

  function ahead() {
    const next = queue.slice(at + 1, at + 1 + AHEAD);
    if (next.some((id) => !known.has(id))) load(at + 1).then(fetchImages).catch(() => {});
    fetchImages();
    propose();
    // Pictures long gone by need no memory.
    for (const id of queue.slice(0, Math.max(0, at - 50))) known.delete(id), proposed.delete(id);
  }

  function fetchImages() {
    for (const picture of queue.slice(at + 1, at + 1 + AHEAD).map((id) => known.get(id))) {
      if (!picture || picture.image) continue;
      picture.image = Object.assign(new Image(), { src: picture.url }); // the browser keeps what is referred to
      picture.image.decode().catch(() => {}); // fetched again when it is shown
    }
  }

  // Asks for the proposals of the picture that is shown, then for those of the next one.
  async function propose() {
    const id = queue.slice(at, at + 2).find((each) => known.has(each) && !proposed.has(each));
    if (asking || id === undefined) return;
    asking = true;
    try {
      const answer = await fetch(proposals.replace("/0/", `/${id}/`));
      proposed.set(id, answer.ok ? (await answer.json()).proposals : []);
    } catch {
      proposed.set(id, []);
    }
    asking = false;
    if (queue[at] === id) showProposals();
    propose();
  }

  function showProposals() {
    const found = proposed.get(queue[at]) || [];
    canvas.proposals = found.filter((box) => !canvas.boxes.some((other) => overlap(box, other) > 0.3));
    canvas.draw();
  }

  async function show(index) {
    at = Math.min(Math.max(index, 0), queue.length);
    if (at === queue.length) {
      at = queue.length - 1;
      tell("That was the last picture.");
      return;
    }
    try {
      if (!known.has(queue[at])) await load(at);
    } catch (error) {
      tell(`The picture cannot be fetched: ${error.message}. Try again.`, true);
      return;
    }
    const picture = known.get(queue[at]);
    if (!picture) return;
    undo = [];
    canvas.label = label;
    canvas.show(picture, copies(picture.boxes));
    isShown = true;
    document.getElementById("name").textContent = picture.name;
    document.getElementById("place").textContent =
      `${at + 1} of ${queue.length} · ${picture.recording}${picture.review === "discarded" ? " · discarded" : ""}`;
    page.dataset.shown = picture.id;
    list();
    showProposals();
    ahead();
  }

  function overlap(one, other) {
    const across = Math.min(one.left + one.width, other.left + other.width) - Math.max(one.left, other.left);
    const down = Math.min(one.top + one.height, other.top + other.height) - Math.max(one.top, other.top);
    const shared = Math.max(across, 0) * Math.max(down, 0);
    return shared / (one.width * one.height + other.width * other.height - shared);
  }

  // Saved in the background, one after the other, and tried again for a while.
  function store(picture, boxes, review) {
    const body = JSON.stringify({ boxes: boxes.map(({ label, left, top, width, height }) => ({ label, left, top, width, height })), review });
    const send = async (tries) => {
      try {
        const answer = await fetch(save.replace("/0/", `/${picture.id}/`), {
          method: "POST", body, headers: { "Content-Type": "application/json", "X-CSRFToken": page.dataset.csrf },
        });
        if (answer.ok) return void (page.dataset.saved = picture.id);
        const said = answer.headers.get("Content-Type")?.includes("json") ? (await answer.json()).detail : `The server answers ${answer.status}.`;
        tell(`${picture.name} was not saved. ${said}`, true);
      } catch {
        if (!tries) return tell(`${picture.name} was not saved, because the server cannot be reached. Go back to it later.`, true);
        tell(`The server cannot be reached; ${picture.name} is sent again.`, true);
        await new Promise((done) => setTimeout(done, 2000));
        await send(tries - 1);
      }
    };
    saving = saving.then(() => send(15));
  }

  function leave(review) {
    const picture = known.get(queue[at]);
    if (!picture || !isShown) return;
    const unlabelled = canvas.boxes.findIndex((box) => !box.label);
    if (review === "kept" && unlabelled >= 0) {
      canvas.select(unlabelled);
      tell("Choose a label for this box first, or delete the box.", true);
      return;
    }
    picture.boxes = copies(canvas.boxes);
    picture.review = review;
    if (review === "kept") before = copies(canvas.boxes);
    store(picture, picture.boxes, review);
    tell("");
    show(at + 1);
  }

  function remember(boxes) {
    undo.push(boxes);
    if (undo.length > MOST_UNDO) undo.shift();
    list();
  }

  function change(how) {
    const boxes = copies(canvas.boxes);
    how();
    remember(boxes);
    canvas.draw();
    list();
  }

  function choose(name) {
    label = canvas.label = name;
    const box = canvas.boxes[canvas.selected];
    if (box && box.label !== name) change(() => { box.label = name; });
    list();
  }

  function accept(indexes) {
    const taken = indexes.map((index) => canvas.proposals[index]).filter(Boolean);
    if (!taken.length) return tell("There is no proposal for this picture.");
    change(() => {
      for (const { label: said, kind, ...box } of taken) {
        canvas.boxes.push({ left: box.left, top: box.top, width: box.width, height: box.height, label: labelFor(said, kind) });
      }
      canvas.proposals = canvas.proposals.filter((box) => !taken.includes(box));
      canvas.selected = canvas.boxes.length - 1;
    });
  }

  // A proposal says a label of the data set, or gets the chosen one.
  function labelFor(said, kind) {
    return labels.includes(said) ? said : labels.includes(kind) ? kind : label;
  }

  const actions = {
    keep: () => leave("kept"),
    discard: () => leave("discarded"),
    previous: () => show(at - 1),
    undo: () => {
      if (!undo.length) return tell("There is nothing to undo.");
      canvas.boxes = undo.pop();
      canvas.select(Math.min(canvas.selected, canvas.boxes.length - 1));
    },
    remove: () => {
      if (canvas.selected < 0) return tell("Select a box first.");
      change(() => {
        canvas.boxes.splice(canvas.selected, 1);
        canvas.selected = Math.min(canvas.selected, canvas.boxes.length - 1);
      });
    },
    copy: () => {
      if (!before.length) return tell("No picture with boxes came before.");
      change(() => { canvas.boxes.push(...before.map((box) => canvas.within(box))); canvas.selected = canvas.boxes.length - 1; });
    },
    accept: () => accept(canvas.proposals.map((_, index) => index)),
    box: () => change(() => {
      const { x, y, width, height } = canvas.view;
      canvas.boxes.push(canvas.within({ label, left: x + width * 0.375, top: y + height * 0.375, width: width / 4, height: height / 4 }));
      canvas.selected = canvas.boxes.length - 1;
    }),
    closer: () => canvas.zoom(1.5),
    away: () => canvas.zoom(1 / 1.5),
    fit: () => canvas.fit(),
  };
  const KEYS = {
    n: "keep", Enter: "keep", p: "previous", x: "discard", u: "undo", Delete: "remove", Backspace: "remove", c: "copy",
    a: "accept", b: "box", w: "box", "+": "closer", "-": "away", 0: "fit",
  };
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  function nudge(event) {
    const box = canvas.boxes[canvas.selected], [x, y] = ARROWS[event.key];
    if (!box) {
      if (event.key === "ArrowRight") leave("kept");
      if (event.key === "ArrowLeft") actions.previous();
      return;
    }
    const step = event.shiftKey ? 10 : 1;
    change(() => {
      const moved = event.altKey
        ? { ...box, width: box.width + x * step, height: box.height + y * step }
        : { ...box, left: box.left + x * step, top: box.top + y * step };
      canvas.boxes[canvas.selected] = canvas.within(moved);
    });
  }

  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, textarea") || !isShown) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() !== "z") return;
    const isStage = document.activeElement === canvas.svg.parentElement || document.activeElement === document.body;
    let handled = true;
    if ((event.ctrlKey || event.metaKey)) actions.undo();
    else if (event.key in ARROWS && isStage) nudge(event);
    else if (/^[1-9]$/.test(event.key) && labels[event.key - 1] !== undefined) choose(labels[event.key - 1]);
    else if (event.key === "Tab" && isStage && canvas.boxes.length && canvas.selected + 1 < canvas.boxes.length) canvas.select(canvas.selected + 1);
    else if (event.key === "Escape") canvas.select(-1);
    else if (event.key === "Enter" && !isStage) handled = false;
    else if (KEYS[event.key] && !event.altKey) actions[KEYS[event.key]]();
    else handled = false;
    if (handled) event.preventDefault();
  });
  page.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-do]");
    if (button) actions[button.dataset.do]();
  });
  document.getElementById("new-label").addEventListener("submit", (event) => {
    event.preventDefault();
    const field = event.target.elements.name, name = field.value.trim().replace(/\s+/g, " ");
    if (name && !labels.includes(name)) labels.push(name);
    field.value = "";
    if (name) choose(name);
    canvas.svg.parentElement.focus();
  });

  function list() {
    const buttons = labels.map((name, index) => {
      const item = document.createElement("li"), button = document.createElement("button");
      button.className = "button";
      button.type = "button";
      button.setAttribute("aria-pressed", name === label);
      if (index < 9) button.append(Object.assign(document.createElement("kbd"), { textContent: index + 1 }), " ");
      button.append(name);
      button.addEventListener("click", () => choose(name));
      item.append(button);
      return item;
    });
    document.getElementById("labels").replaceChildren(...buttons);
    const rows = canvas.boxes.map((box, index) => {
      const item = document.createElement("li"), button = document.createElement("button");
      button.type = "button";
      button.textContent = `${box.label || "no label"}: ${box.width} × ${box.height} at ${box.left}, ${box.top}`;
      button.setAttribute("aria-current", index === canvas.selected);
      button.addEventListener("click", () => canvas.select(index));
      item.append(button);
      return item;
    });
    document.getElementById("boxes").replaceChildren(...rows);
  }

  window.addEventListener("beforeunload", (event) => {
    if (undo.length) event.preventDefault(); // boxes were drawn in the picture that is shown
  });
  list();
  show(0);
})();
