// Draws the figures that the page carries as JSON, in the colours of the reader's theme, and again when either changes.
//
//   <div class="plot" data-figure="id of the JSON" data-name="file name"></div>
//
// The figures may come after the page: <div data-plots="address" hidden></div> is filled with what the address answers,
// and again when a part of the page has changed (live.js). Each time the element then sends the event "live" itself.
//
// A plot is drawn when it comes near the window, one at a time, so that the first is on the screen before the next is
// computed. The head beside it (.panel-head, .plot-head) gets buttons that save it as PNG and as SVG.
"use strict";

(() => {
  const NARROWEST_LABEL = 46; // pixels
  const NEAR = "600px";
  const FORMATS = ["png", "svg"];
  const FAILED = "The plots could not be fetched. Load the page again.";
  const MISSING = "The plotting library is missing: run “manage.py fetch_plotly”.";

  const plots = () => [...document.querySelectorAll("[data-figure]")];
  const sources = () => [...document.querySelectorAll("[data-plots]")];
  const json = (plot) => document.getElementById(plot.dataset.figure)?.textContent;
  const drawn = new WeakMap(); // by plot, the JSON that it shows
  const widths = new WeakMap(); // and the width for which it was drawn
  const near = new WeakSet(); // plots that have come near the window
  let queue = Promise.resolve();
  let stale = 0;

  async function load(source) {
    const answer = await fetch(source.dataset.plots);
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
    const figures = new DOMParser().parseFromString(await answer.text(), "text/html");
    source.replaceChildren(...figures.querySelectorAll("script"));
    source.dispatchEvent(new Event("live", { bubbles: true }));
  }

  async function loadAll() {
    const loaded = await Promise.allSettled(sources().map(load));
    if (loaded.every((each) => each.status === "fulfilled")) return;
    for (const plot of plots()) if (!json(plot) && !plot.firstElementChild) plot.textContent = FAILED;
  }

  // Several parts of the page change in one go.
  function reload() {
    clearTimeout(stale);
    stale = setTimeout(loadAll);
  }

  // "var(--data)" anywhere in a figure becomes that custom property's value.
  function themed(value, style) {
    if (Array.isArray(value)) return value.map((item) => themed(item, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, themed(item, style)]));
    }
    const name = typeof value === "string" && /^var\((--[a-z-]+)\)$/.exec(value);
    return name ? style.getPropertyValue(name[1]).trim() : value;
  }

  // Leaves out labels where all of them would not fit side by side.
  function thinned(axis, width) {
    if (!axis.tickvals) return axis;
    const every = Math.ceil((axis.tickvals.length * NARROWEST_LABEL) / width);
    const keep = (_, index) => index % every === 0;
    return { ...axis, tickvals: axis.tickvals.filter(keep), ticktext: axis.ticktext.filter(keep) };
  }

  // Large screens have a larger base size; a figure's sizes are for one of 16 pixels.
  function scale(layout, factor) {
    for (const font of [layout.xaxis.tickfont, layout.yaxis.tickfont, layout.hoverlabel.font]) font.size *= factor;
    for (const side of Object.keys(layout.margin)) layout.margin[side] *= factor;
  }

  async function draw(plot) {
    const text = json(plot);
    const style = getComputedStyle(document.documentElement);
    const { data, layout } = themed(JSON.parse(text), style);
    scale(layout, parseFloat(style.fontSize) / 16);
    layout.xaxis = thinned(layout.xaxis, plot.clientWidth - layout.margin.l - layout.margin.r);
    if (!drawn.has(plot)) plot.replaceChildren();
    drawn.set(plot, text);
    widths.set(plot, plot.clientWidth);
    Object.assign(layout, { width: plot.clientWidth, height: plot.clientHeight });
    await Plotly.react(plot, data, layout, { displayModeBar: false });
    await new Promise((resume) => setTimeout(resume));
  }

  const later = (plot) => (queue = queue.then(() => draw(plot)));

  function addButtons(plot) {
    const head = plot.parentElement.querySelector(".panel-head, .plot-head");
    if (!head) return;
    const group = document.createElement("span");
    group.className = "save";
    for (const format of FORMATS) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = format.toUpperCase();
      button.setAttribute("aria-label", `Save the plot as ${format.toUpperCase()}`);
      button.addEventListener("click", () => save(plot, format));
      group.append(button);
    }
    head.append(group);
  }

  async function save(plot, format) {
    if (!json(plot)) return;
    if (!drawn.has(plot)) await later(plot);
    const { clientWidth: width, clientHeight: height } = plot;
    await Plotly.downloadImage(plot, { format, width, height, scale: 2, filename: plot.dataset.name });
  }

  function start() {
    if (!plots().length) return;
    if (typeof Plotly === "undefined") {
      for (const plot of plots()) plot.textContent = MISSING;
      return;
    }
    const coming = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        coming.unobserve(target);
        near.add(target);
        if (json(target)) later(target);
      }
    }, { rootMargin: NEAR });
    for (const plot of plots()) {
      addButtons(plot);
      coming.observe(plot);
    }
    const again = (which) => plots().filter((plot) => drawn.has(plot) && which(plot)).forEach(later);
    document.addEventListener("live", ({ target }) => {
      plots().filter((plot) => near.has(plot) && json(plot) && drawn.get(plot) !== json(plot)).forEach(later);
      if (target.matches("[data-live]")) reload();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => again(() => true));
    const sized = new ResizeObserver(() => again((plot) => widths.get(plot) !== plot.clientWidth));
    plots().forEach((plot) => sized.observe(plot));
    // Paper has its own width and is light, and what is printed has no window to come near.
    matchMedia("print").addEventListener("change", () => plots().filter(json).forEach(draw));
  }

  loadAll();
  document.addEventListener("DOMContentLoaded", start);
})();
