// Draws the figures that the page carries as JSON, in the colours of the reader's theme, and again when either changes.
//
//   <div class="plot" data-figure="id of the JSON" data-name="file name"></div>
//
// A plot is drawn when it comes near the window, one at a time, so that the first is on the screen before the next is
// computed. The head beside it (.panel-head, .plot-head) gets buttons that save it as PNG and as SVG.
"use strict";

(() => {
  const NARROWEST_LABEL = 46; // pixels
  const NEAR = "600px";
  const FORMATS = ["png", "svg"];
  const MISSING = "The plotting library is missing: run “manage.py fetch_plotly”.";

  const plots = () => [...document.querySelectorAll("[data-figure]")];
  const json = (plot) => document.getElementById(plot.dataset.figure).textContent;
  const drawn = new WeakMap(); // by plot, the JSON that it shows
  const widths = new WeakMap(); // and the width for which it was drawn
  let queue = Promise.resolve();

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
    const near = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        later(target);
      }
    }, { rootMargin: NEAR });
    for (const plot of plots()) {
      addButtons(plot);
      near.observe(plot);
    }
    const again = (which) => plots().filter((plot) => drawn.has(plot) && which(plot)).forEach(later);
    document.addEventListener("live", () => again((plot) => drawn.get(plot) !== json(plot)));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => again(() => true));
    const sized = new ResizeObserver(() => again((plot) => widths.get(plot) !== plot.clientWidth));
    plots().forEach((plot) => sized.observe(plot));
    // Paper has its own width and is light, and what is printed has no window to come near.
    matchMedia("print").addEventListener("change", () => plots().forEach(draw));
  }

  start();
})();
