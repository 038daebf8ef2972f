// Keeps what was typed into a form when the server answers with the sign-in page, because the session has ended meanwhile,
// or with the page of a form that was out of date. After signing in, the form's page opens with the same values, and the
// reader sends it again. Loaded by base.html.
//
// A form that is sent leaves its values in the tab's session storage. The next page uses them up: it shows them if it is the
// form's page, and the sign-in page or the page of the outdated form came between. Any other page deletes them, and so does
// the tab when it is closed. Passwords, files and hidden fields are never stored. Nobody but the same user gets them back.
"use strict";

(() => {
  const KEY = "kept-form";
  const { user = "", between = "" } = document.body.dataset;

  const posting = () => [...document.forms].filter((form) => form.method === "post");
  const fields = (form) => [...form.elements].filter((field) => field.name && !["hidden", "password", "file", "submit", "button"].includes(field.type) && field.tagName !== "BUTTON");
  const where = () => location.pathname + location.search;
  const isTicked = (field) => ["checkbox", "radio"].includes(field.type);

  function read() {
    try {
      return JSON.parse(sessionStorage.getItem(KEY));
    } catch {
      return null;
    }
  }

  function write(kept) {
    try {
      if (kept) sessionStorage.setItem(KEY, JSON.stringify(kept));
      else sessionStorage.removeItem(KEY);
    } catch {} // the browser stores nothing, so nothing is kept
  }

  function values(field) {
    if (isTicked(field)) return field.checked;
    return field.multiple ? [...field.selectedOptions].map((option) => option.value) : field.value;
  }

  function fill(field, value) {
    if (isTicked(field)) field.checked = value;
    else if (field.multiple && Array.isArray(value)) [...field.options].forEach((option) => (option.selected = value.includes(option.value)));
    else field.value = value;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function restore(kept) {
    const form = posting()[kept.form];
    const shown = form ? fields(form) : [];
    if (shown.map((field) => field.name).join() !== kept.names.join()) return;
    shown.forEach((field, place) => fill(field, kept.values[place]));
    const notice = document.createElement("p");
    notice.className = "notice";
    notice.setAttribute("role", "status");
    notice.textContent = "You had been signed out. What you typed is here again. Send it once more.";
    form.prepend(notice);
    notice.scrollIntoView({ block: "center" });
  }

  document.addEventListener("submit", ({ target: form }) => {
    const shown = fields(form);
    if (form.method !== "post" || between || !user || !shown.length) return;
    write({ user, page: where(), form: posting().indexOf(form), names: shown.map((field) => field.name), values: shown.map(values) });
  });

  const kept = read();
  if (!kept) return;
  if (between) {
    write({ ...kept, returns: true });
    for (const next of document.querySelectorAll("input[name=next]")) next.value = kept.page;
    for (const link of document.querySelectorAll("[data-back-to-form]")) link.href = kept.page;
    return;
  }
  write(null);
  if (kept.returns && kept.user === user && kept.page === where()) restore(kept);
})();
