// Gives the days from Tuesday to Friday the hours of Monday, so that nobody types them five times.
"use strict";

(() => {
  const button = document.querySelector("[data-like-monday]");
  button.hidden = false;
  button.addEventListener("click", () => {
    for (const day of button.dataset.likeMonday.split(" ")) {
      document.querySelector(`[name=${day}]`).value = document.querySelector("[name=monday]").value;
    }
  });
})();
