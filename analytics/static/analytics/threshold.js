// Counts a period's raw detections again with another confidence threshold, from the steps of 5 % that come with the
// figures. It changes the JSON of two of these and says so with the event "live", on which plots.js draws them anew; and
// it listens to that event, for the figures come after the page, and again without the threshold when it has changed.
"use strict";

(() => {
  const slider = document.getElementById("threshold");
  const days = document.getElementById("threshold-day");
  if (!slider) return;
  const STEP = 5; // per cent; analytics/counting/tallies.py
  const MILLION = 1_000_000;
  const value = document.getElementById("threshold-value");
  const told = document.getElementById("threshold-told");
  const number = new Intl.NumberFormat("en");

  const script = (id) => document.getElementById(id);
  const read = (id) => JSON.parse(script(id).textContent);
  const sum = (numbers) => numbers.reduce((total, each) => total + each, 0);

  function fillDays(buckets) {
    const chosen = days.value;
    days.replaceChildren(days.options[0], ...buckets.filter((each) => sum(each.bins)).map((each) => new Option(each.name, each.at)));
    days.value = [...days.options].some((option) => option.value === chosen) ? chosen : "";
  }

  function histogram(buckets, first) {
    const shown = buckets.filter((each) => !days.value || String(each.at) === days.value);
    const figure = read("histogram-figure");
    const bars = figure.data[0];
    bars.y = bars.y.map((_, bin) => sum(shown.map((each) => each.bins[bin])));
    bars.marker.color = bars.y.map((_, bin) => (bin < first ? "var(--data-soft)" : "var(--data)"));
    bars.hovertext = bars.y.map((count, bin) => `<b>${bin * STEP}–${(bin + 1) * STEP} %</b><br>${number.format(count)} detections`);
    figure.layout.yaxis.range = [0, Math.max(1, Math.max(...bars.y) * 1.08)];
    script("histogram-figure").textContent = JSON.stringify(figure);
  }

  // The first trace is the bars, one for each bucket with detections; the last covers every bucket, and has its words.
  function perBucket(buckets, first) {
    const figure = read("raw-figure");
    const bars = figure.data[0];
    const words = figure.data.at(-1);
    const some = buckets.filter((each) => sum(each.bins));
    bars.y = some.map((each) => sum(each.bins.slice(first)));
    buckets.forEach((each, place) => {
      const count = sum(each.bins.slice(first));
      const mean = count ? `<br>mean confidence ${Math.round((100 * sum(each.millionths.slice(first))) / MILLION / count)} %` : "";
      if (sum(each.bins)) words.hovertext[place] = `<b>${each.name}</b><br>${number.format(count)} of ${number.format(sum(each.bins))} at ${first * STEP} % or more${mean}`;
    });
    script("raw-figure").textContent = JSON.stringify(figure);
  }

  function tell(buckets, first) {
    const all = sum(buckets.flatMap((each) => each.bins));
    const count = sum(buckets.flatMap((each) => each.bins.slice(first)));
    const mean = count && Math.round((100 * sum(buckets.flatMap((each) => each.millionths.slice(first)))) / MILLION / count);
    told.textContent = `${number.format(count)} of ${number.format(all)} detections count${count ? `, with a mean confidence of ${mean} %` : ""}.`;
  }

  function recount() {
    const buckets = read("thresholds");
    const first = Number(slider.value) / STEP;
    value.textContent = `${slider.value} %`;
    fillDays(buckets);
    histogram(buckets, first);
    perBucket(buckets, first);
    tell(buckets, first);
  }

  function changed() {
    if (!script("thresholds")) return;
    recount();
    slider.dispatchEvent(new Event("live", { bubbles: true }));
  }

  slider.addEventListener("input", changed);
  days.addEventListener("change", changed);
  document.addEventListener("live", (event) => {
    if (event.target.contains(script("thresholds"))) recount();
  });
})();
