// Counts a period's detections again at another confidence threshold, from the numbers by confidence that come with the
// figures. It changes the JSON of two figures and dispatches the event "live", on which plots.js draws them again. It
// also listens to that event: new figures arrive after the page and after each change, without the threshold.
"use strict";

(() => {
  const slider = document.getElementById("threshold");
  const bucketChoice = document.getElementById("threshold-day");
  if (!slider) return;
  const STEP = 5; // per cent; CONFIDENCE_BINS in analytics/models/quarters.py
  const MILLION = 1_000_000;
  const value = document.getElementById("threshold-value");
  const result = document.getElementById("threshold-result");
  const number = new Intl.NumberFormat("en");

  const script = (id) => document.getElementById(id);
  const read = (id) => JSON.parse(script(id).textContent);
  const sum = (numbers) => numbers.reduce((total, each) => total + each, 0);

  function fillChoice(buckets) {
    const chosen = bucketChoice.value;
    bucketChoice.replaceChildren(bucketChoice.options[0], ...buckets.filter((each) => sum(each.bins)).map((each) => new Option(each.name, each.at)));
    bucketChoice.value = [...bucketChoice.options].some((option) => option.value === chosen) ? chosen : "";
  }

  function updateHistogram(buckets, first) {
    const selected = buckets.filter((each) => !bucketChoice.value || String(each.at) === bucketChoice.value);
    const figure = read("histogram-figure");
    const bars = figure.data[0];
    bars.y = bars.y.map((_, bin) => sum(selected.map((each) => each.bins[bin])));
    bars.marker.color = bars.y.map((_, bin) => (bin < first ? "var(--data-soft)" : "var(--data)"));
    bars.hovertext = bars.y.map((count, bin) => `<b>${bin * STEP}–${(bin + 1) * STEP} %</b><br>${number.format(count)} detection${count === 1 ? "" : "s"}`);
    figure.layout.yaxis.range = [0, Math.max(1, Math.max(...bars.y) * 1.08)];
    script("histogram-figure").textContent = JSON.stringify(figure);
  }

  // The first trace has a bar for each bucket with detections; the last one covers every bucket and has the hover texts.
  function updateCounts(buckets, first) {
    const figure = read("raw-figure");
    const bars = figure.data[0];
    const targets = figure.data.at(-1);
    const withDetections = buckets.filter((each) => sum(each.bins));
    bars.y = withDetections.map((each) => sum(each.bins.slice(first)));
    buckets.forEach((each, place) => {
      const count = sum(each.bins.slice(first));
      const mean = count ? `<br>mean confidence ${Math.round((100 * sum(each.millionths.slice(first))) / MILLION / count)} %` : "";
      if (sum(each.bins)) targets.hovertext[place] = `<b>${each.name}</b><br>${number.format(count)} of ${number.format(sum(each.bins))} at ${first * STEP} % or more${mean}`;
    });
    script("raw-figure").textContent = JSON.stringify(figure);
  }

  function showResult(buckets, first) {
    const all = sum(buckets.flatMap((each) => each.bins));
    const count = sum(buckets.flatMap((each) => each.bins.slice(first)));
    const mean = count && Math.round((100 * sum(buckets.flatMap((each) => each.millionths.slice(first)))) / MILLION / count);
    result.textContent = `${number.format(count)} of ${number.format(all)} detection${all === 1 ? "" : "s"} count${count === 1 ? "s" : ""}${count ? `, with a mean confidence of ${mean} %` : ""}.`;
  }

  function recount() {
    const buckets = read("thresholds");
    const first = Number(slider.value) / STEP;
    value.textContent = `${slider.value} %`;
    fillChoice(buckets);
    updateHistogram(buckets, first);
    updateCounts(buckets, first);
    showResult(buckets, first);
  }

  function changed() {
    if (!script("thresholds")) return;
    recount();
    slider.dispatchEvent(new Event("live", { bubbles: true }));
  }

  slider.addEventListener("input", changed);
  bucketChoice.addEventListener("change", changed);
  document.addEventListener("live", (event) => {
    if (event.target.contains(script("thresholds"))) recount();
  });
})();
