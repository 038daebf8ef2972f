// Chooses the browser's time zone for a new site, as long as none is chosen.
"use strict";

(() => {
  const list = document.querySelector("select[name=timezone]");
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  if (list && !list.value && [...list.options].some((option) => option.value === timeZone)) list.value = timeZone;
})();
