// Draws the figures that the page carries as JSON, in the colours of the reader's theme, and again when that changes.
"use strict";

const NARROWEST_LABEL = 46; // pixels

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
  const every = Math.ceil((axis.tickvals.length * NARROWEST_LABEL) / width);
  const keep = (_, index) => index % every === 0;
  return { ...axis, tickvals: axis.tickvals.filter(keep), ticktext: axis.ticktext.filter(keep) };
}

// Large screens have a larger base size; a figure's sizes are for one of 16 pixels.
function scale(layout, factor) {
  for (const font of [layout.xaxis.tickfont, layout.yaxis.tickfont, layout.hoverlabel.font]) font.size *= factor;
  for (const side of Object.keys(layout.margin)) layout.margin[side] *= factor;
}

function draw(plot) {
  const figure = JSON.parse(document.getElementById(plot.dataset.figure).textContent);
  const { data, layout } = themed(figure, getComputedStyle(document.documentElement));
  scale(layout, parseFloat(getComputedStyle(document.documentElement).fontSize) / 16);
  layout.xaxis = thinned(layout.xaxis, plot.clientWidth - layout.margin.l - layout.margin.r);
  return Plotly.react(plot, data, layout, {
    displaylogo: false,
    responsive: true,
    modeBarButtons: [["toImage"]],
    toImageButtonOptions: { filename: plot.dataset.name, scale: 2 },
  });
}

// One after the other, so that the first is on the screen before the next is computed.
async function drawAll() {
  for (const plot of document.querySelectorAll("[data-figure]")) {
    await draw(plot);
    await new Promise((resume) => setTimeout(resume));
  }
}

function start() {
  const plots = document.querySelectorAll("[data-figure]");
  if (typeof Plotly === "undefined") {
    for (const plot of plots) plot.textContent = "The plotting library is missing: run “manage.py fetch_plotly”.";
    return;
  }
  for (const plot of plots) plot.replaceChildren();
  drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) drawAll();
    width = innerWidth;
  });
}

start();
