// Draws figures from JSON in the page, in the colours of the reader's theme; again whenever the JSON or the theme changes.
//
//   <div class="plot" data-figure="id of the JSON" data-name="file name"></div>
//
// The JSON may arrive after the page: <div data-plots="address" hidden></div> is filled with the response of the address,
// and again when a part of the page has changed (live.js). Each time the element dispatches the event "live".
//
// A plot is drawn once it is near the visible part of the page. Plots are drawn one after another, so that the first is on
// the screen before the next is computed. The head of a plot (.panel-head, .plot-head) gets buttons to save it as a file.
"use strict";

(() => {
  const NARROWEST_LABEL = 46; // pixels
  const TITLE_HEIGHT = 52; // pixels, in a saved file
  const LINE_HEIGHT = 17;
  const WIDEST_LETTER = 6.5;
  const LEGEND_HEIGHT = 28;
  const NARROWEST_FILE = 640;
  const NEAR = "600px";
  const FORMATS = ["png", "svg"];
  const FAILED = "The plots could not be fetched. Load the page again.";
  const MISSING = "The plotting library is missing: run “manage.py fetch_plotly”.";

  const plots = () => [...document.querySelectorAll("[data-figure]")];
  const source = () => document.querySelector("[data-plots]");
  const json = (plot) => document.getElementById(plot.dataset.figure)?.textContent;
  const drawn = new WeakMap(); // by plot: the JSON that it shows
  const widths = new WeakMap(); // by plot: the width for which it was drawn
  const near = new WeakSet(); // plots that have been near the visible part of the page
  let queue = Promise.resolve();
  let timer = 0;

  async function fetchFigures(element) {
    const response = await fetch(element.dataset.plots);
    if (!response.ok) throw new Error(`the server responds with ${response.status}`);
    const figures = new DOMParser().parseFromString(await response.text(), "text/html");
    element.replaceChildren(...figures.querySelectorAll("script"));
    element.dispatchEvent(new Event("live", { bubbles: true }));
  }

  async function load() {
    if (!source()) return;
    try {
      await fetchFigures(source());
    } catch {
      for (const plot of plots()) if (!json(plot) && !plot.firstElementChild) plot.textContent = FAILED;
    }
  }

  // Several parts of the page change at the same time; they cause one request.
  function reload() {
    clearTimeout(timer);
    timer = setTimeout(load);
  }

  // Replaces the name of a custom property, such as "var(--data)", by its value, anywhere in a figure.
  function themed(value, style) {
    if (Array.isArray(value)) return value.map((item) => themed(item, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, themed(item, style)]));
    }
    const name = typeof value === "string" && /^var\((--[a-z-]+)\)$/.exec(value);
    return name ? style.getPropertyValue(name[1]).trim() : value;
  }

  // Leaves out labels where not all of them fit side by side.
  function thinned(axis, width) {
    if (!axis.tickvals) return axis;
    const every = Math.ceil((axis.tickvals.length * NARROWEST_LABEL) / width);
    const keep = (_, index) => index % every === 0;
    return { ...axis, tickvals: axis.tickvals.filter(keep), ticktext: axis.ticktext.filter(keep) };
  }

  // A figure's sizes are for a base font size of 16 pixels; large screens have a larger one.
  function scale(layout, factor) {
    for (const font of [layout.xaxis.tickfont, layout.yaxis.tickfont, layout.hoverlabel.font]) font.size *= factor;
    for (const side of Object.keys(layout.margin)) layout.margin[side] *= factor;
  }

  async function draw(plot) {
    const text = json(plot);
    const style = getComputedStyle(document.documentElement);
    const { data, layout } = themed(JSON.parse(text), style);
    scale(layout, parseFloat(style.fontSize) / 16);
    // On paper an empty plot is hidden, so that it has no size until there is something in it.
    if (!drawn.has(plot)) plot.replaceChildren(document.createElement("i"));
    const { clientWidth: width, clientHeight: height } = plot;
    if (!drawn.has(plot)) plot.replaceChildren();
    layout.xaxis = thinned(layout.xaxis, width - layout.margin.l - layout.margin.r);
    drawn.set(plot, text);
    widths.set(plot, width);
    Object.assign(layout, { width, height });
    await Plotly.react(plot, data, layout, { displayModeBar: false });
    await new Promise((resume) => setTimeout(resume));
  }

  // Pictures that nobody has scrolled to are printed too. One that has not come yet leaves no empty box on the paper.
  function fetchForPaper(picture) {
    if (!picture.complete) {
      picture.hidden = true;
      const show = () => (picture.hidden = false);
      picture.addEventListener("load", show, { once: true });
      addEventListener("afterprint", show, { once: true });
    }
    picture.loading = "eager";
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

  // The plot as a file that speaks for itself: with its title and unit, the place, the period, and what the marks mean.
  function forFile(plot, width) {
    const { data, layout } = themed(JSON.parse(json(plot)), getComputedStyle(document.documentElement));
    const head = plot.parentElement.querySelector(".panel-head, .plot-head");
    const text = (selector) => head?.querySelector(selector)?.textContent.trim().replace(/\s+/g, " ") ?? "";
    const { about, periodName, zone } = factsOf(plot);
    const filter = document.getElementById(plot.dataset.filter)?.textContent.trim();
    const small = inLines([text("p"), filter, about, periodName, text("p").includes(zone) ? "" : zone].filter(Boolean), width);
    const lines = [escaped(text("h2, h3")), ...small.map((line) => `<sub>${escaped(line)}</sub>`)];
    layout.title = { text: lines.join("<br>"), x: 0, xanchor: "left", xref: "paper", y: 1, yanchor: "top", yref: "container", pad: { t: 22 }, font: { size: 17 } };
    layout.margin = { ...layout.margin, t: layout.margin.t + titleHeight(small) };
    const key = document.getElementById(plot.dataset.key) ?? plot.parentElement;
    const legend = [...key.querySelectorAll(".key > span")].map(legendEntry).join("   ");
    if (legend) {
      layout.margin.b += LEGEND_HEIGHT;
      const entry = { text: legend, showarrow: false, x: 0, xref: "paper", xanchor: "left", y: 0, yref: "paper", yanchor: "top", yshift: -layout.margin.b + LEGEND_HEIGHT };
      layout.annotations = [...(layout.annotations ?? []), { ...entry, font: { size: 11 } }];
    }
    return { data, layout, height: plot.clientHeight + titleHeight(small) + LEGEND_HEIGHT };
  }

  // The place, the period and the time zone: those of the page, unless the plot has its own, such as a plot of today.
  const factsOf = (plot) => ({ ...document.querySelector("[data-about]")?.dataset, ...plot.dataset });

  const titleHeight = (small) => TITLE_HEIGHT + (small.length - 1) * LINE_HEIGHT;

  // The parts with dots between them, in as many lines as the width needs.
  function inLines(parts, width) {
    const most = width / WIDEST_LETTER;
    return parts.reduce((lines, part) => {
      const longer = lines.length ? `${lines.at(-1)} · ${part}` : part;
      return lines.length && longer.length > most ? [...lines, part] : [...lines.slice(0, -1), longer];
    }, []);
  }

  function legendEntry(entry) {
    const swatch = getComputedStyle(entry.querySelector("i"));
    const [mark, colour] = entry.querySelector(".off") ? ["▨", getComputedStyle(entry).getPropertyValue("--off")] : entry.querySelector(".nobody, .uncounted") ? ["▁", swatch.borderBottomColor] : ["■", swatch.backgroundColor];
    return `<span style="color:${colour}">${mark}</span> ${escaped(entry.textContent.trim())}`;
  }

  const escaped = (text) => text.replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);

  async function save(plot, format) {
    if (!json(plot)) return;
    if (!drawn.has(plot)) await later(plot);
    const width = Math.max(plot.clientWidth, NARROWEST_FILE);
    const { height, ...figure } = forFile(plot, width);
    const filename = `${plot.dataset.name} ${factsOf(plot).period ?? ""}`.trim().replace(/[^\p{L}\p{N}.-]+/gu, "-");
    await Plotly.downloadImage(figure, { format, width, height, scale: 2, filename });
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
    // Paper has its own width and a light theme, and all plots are printed, near the visible part of the page or not.
    matchMedia("print").addEventListener("change", () => plots().filter(json).forEach(draw));
    addEventListener("beforeprint", () => document.querySelectorAll("img[loading=lazy]").forEach(fetchForPaper));
  }

  load();
  document.addEventListener("DOMContentLoaded", start);
})();
