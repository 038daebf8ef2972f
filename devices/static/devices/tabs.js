// On narrow screens the tabs of a site's settings are one row that scrolls sideways: it begins with the present tab in view.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
