// Counts that the counting page kept on this phone and could not send yet: opening their session sends them.
"use strict";

for (const note of document.querySelectorAll(".waiting[data-session]")) {
  const kept = JSON.parse(localStorage.getItem(`ground-truth-${note.dataset.session}`));
  note.hidden = !kept || !(kept.queue.length || kept.ended);
}
