// On narrow screens a menu is one row that scrolls sideways: it begins with the present entry in view.
for (const present of document.querySelectorAll(".one-row [aria-current]")) {
  present.scrollIntoView({ block: "nearest", inline: "center" });
}
