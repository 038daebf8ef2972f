// The consent desk: sends each photograph as soon as it is taken, made smaller, and shows at once what the platform says
// of it; and takes a signature that is drawn. Without this script the form's own buttons do the same, all at once.
//
// A photograph that cannot be sent stays in the page with a button to send it again. What was sent is kept by the
// platform under the number in the page's address.
"use strict";

(() => {
  const LONGEST = 1600; // pixels; the platform keeps 1280, and cameras of phones take ten times as many
  const form = document.querySelector("[data-desk]");
  if (!form) return;
  form.classList.add("with-script");
  const underWay = form.querySelector("[data-under-way]");
  let queue = Promise.resolve();

  async function smaller(file) {
    try {
      const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
      const scale = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
      if (scale === 1 && file.type === "image/jpeg") return file;
      const canvas = document.createElement("canvas");
      canvas.width = Math.round(picture.width * scale);
      canvas.height = Math.round(picture.height * scale);
      canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
      return (await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92))) || file;
    } catch {
      return file; // no picture, or none that this browser reads; the platform says what is wrong
    }
  }

  class Refused extends Error {}

  async function post(fields) {
    const body = new FormData();
    body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    for (const [name, value, file] of fields) file ? body.append(name, value, file) : body.append(name, value);
    const response = await fetch(location.href, { method: "POST", body, headers: { "X-Part": "photos" }, redirect: "error" });
    if (!response.ok && response.status !== 400) throw new Error(`The platform answered with ${response.status}.`);
    const photos = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("#photos");
    if (!photos) throw new Error("The platform answered with another page.");
    const refusals = [...photos.querySelectorAll(".errors")];
    refusals.forEach((sentence) => sentence.remove());
    if (response.ok) document.querySelector("#photos").replaceWith(photos);
    if (refusals.length) throw new Refused(refusals.map((sentence) => sentence.textContent).join(" "));
  }

  function card(file) {
    const item = document.createElement("li");
    item.className = "photo";
    const image = document.createElement("img");
    image.alt = "";
    image.addEventListener("error", () => image.remove()); // no picture, or none that this browser shows
    image.src = URL.createObjectURL(file);
    const said = document.createElement("p");
    item.append(image, said);
    underWay.append(item);
    return { item, said, image };
  }

  function button(words, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "button";
    made.textContent = words;
    made.addEventListener("click", act, { once: true });
    return made;
  }

  function send(file) {
    const { item, said, image } = card(file);
    const attempt = () => {
      said.textContent = "Is being checked…";
      item.className = "photo";
      queue = queue.then(async () => {
        try {
          await post([["photos", await smaller(file), file.name || "photograph.jpg"]]);
          URL.revokeObjectURL(image.src);
          item.remove();
        } catch (error) {
          const isRefused = error instanceof Refused;
          said.textContent = isRefused ? `${error.message} ` : "This photograph could not be sent. It is still here. ";
          item.className = isRefused ? "photo bad refused" : "photo bad";
          said.append(button("Send it again", attempt), " ", button("Remove", () => item.remove()));
        }
      });
    };
    attempt();
  }

  for (const input of form.querySelectorAll("[data-photos]")) {
    input.addEventListener("change", () => {
      [...input.files].forEach(send);
      input.value = "";
    });
  }

  form.addEventListener("click", (event) => {
    const remove = event.target.closest("#photos button[name=remove]");
    if (!remove) return;
    event.preventDefault();
    queue = queue.then(() => post([["remove", remove.value]])).catch(() => form.requestSubmit(remove));
  });

  // A photograph that is being sent is waited for.
  form.addEventListener("submit", (event) => {
    const isWaiting = () => underWay.querySelector(".photo:not(.refused)");
    if (!isWaiting()) return;
    event.preventDefault();
    const submitter = event.submitter;
    queue.then(() => {
      if (!isWaiting()) form.requestSubmit(submitter);
      else underWay.scrollIntoView({ block: "center" });
    });
  });

  const pad = form.querySelector("[data-pad]");
  const strokes = form.elements.strokes;
  if (!pad || !strokes) return;
  pad.hidden = false;
  const canvas = pad.querySelector("canvas");
  const ink = canvas.getContext("2d");
  Object.assign(ink, { lineWidth: 3, lineCap: "round", lineJoin: "round", strokeStyle: "#15201d" });
  let drawn = [];
  try {
    drawn = JSON.parse(strokes.value || "[]");
  } catch {}

  function draw() {
    ink.clearRect(0, 0, canvas.width, canvas.height);
    for (const stroke of drawn) {
      ink.beginPath();
      for (let at = 0; at < stroke.length; at += 2) ink.lineTo(stroke[at], stroke[at + 1]);
      ink.stroke();
    }
    strokes.value = drawn.length ? JSON.stringify(drawn) : "";
  }

  function point(event) {
    const box = canvas.getBoundingClientRect();
    const inside = (value, most) => Math.round(Math.min(Math.max(value, 0), most));
    return [inside(((event.clientX - box.left) / box.width) * canvas.width, canvas.width), inside(((event.clientY - box.top) / box.height) * canvas.height, canvas.height)];
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    drawn.push(point(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    drawn.at(-1).push(...point(event));
    draw();
  });
  canvas.addEventListener("pointerup", draw);
  pad.querySelector("[data-clear]").addEventListener("click", () => {
    drawn = [];
    draw();
  });
  draw();
})();
