"use strict";
// A button that prints the page; without scripts there is none, and the browser's menu prints.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    for (const part of document.querySelectorAll("details")) part.open = true;
    window.print();
  });
}
