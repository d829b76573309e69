"use strict";
/* The report's curves: one small SVG a metric, with one cursor that all of them share.

   By hand, and why: uPlot 1.6.32 was tried in its place. The 167 lines here that it would replace
   took 127 lines of glue (colours that follow the scheme, bands, stacks, held-out dots with their
   intervals, marks of rounds, one cursor, fingers), and it weighs 53 kB a page where this file
   weighs 13: a report of 179 kB became one of 231. It draws on a canvas: on paper its plots are
   bitmaps of 96 dots an inch, and no test can read a line of them. Labels at a plot's edge and grid
   lines over a stack were still missing. A drawing in SVG takes its colours from page.css alone,
   dark mode and print among them. */

const SVG = "http://www.w3.org/2000/svg";
const THIN = "\u202f";
const HUES = 6;

function draw(parent, name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  parent.append(node);
  return node;
}

/** An HTML element with a class and text; the text is never read as markup. */
function element(parent, name, className, text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  parent.append(node);
  return node;
}

function compact(value) {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 10000 || size < 0.0001) return value.toExponential(1).replace("e+", "e");
  if (size >= 100) return Math.round(value).toLocaleString("en-GB");
  return String(Number(value.toPrecision(3)));
}

function worded(value, unit) {
  if (value === null || value === undefined) return "–";
  if (unit === "percent") return (value * 100).toFixed(1) + THIN + "%";
  if (unit === "seconds" && Math.abs(value) < 0.1) return compact(value * 1000) + THIN + "ms";
  if (unit === "seconds") return compact(value) + THIN + "s";
  return compact(value);
}

/** About `count` round numbers from low to high. */
function ticks(low, high, count) {
  const raw = (high - low) / Math.max(1, count) || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    found.push(Number((i * step).toPrecision(12)));
  }
  return found;
}

/** Each point's mean with its neighbours, of which there are fewer at both ends. */
function smoothed(values, window) {
  const half = (window - 1) / 2;
  return values.map((value, i) => {
    if (value === null) return null;
    const near = values.slice(Math.max(0, i - half), i + half + 1).filter((v) => v !== null);
    return near.reduce((a, b) => a + b, 0) / near.length;
  });
}

/** The series that are drawn: a comparison hides some. Each keeps its place, and so its colour. */
function seen(spec, data) {
  const all = spec.series.map(([label, values], place) => ({ label, values, place }));
  return all.filter(({ place }) => !data.hidden?.has(place));
}

function range(spec, data) {
  const shown = seen(spec, data);
  const edges = shown.flatMap(({ place }) => spec.bands?.[place] ?? []);
  const all = [...shown.map(({ values }) => values), ...edges].flat().filter((v) => v !== null);
  all.push(...spec.dots.flatMap((d) => [d.y, d.high ?? d.y]));
  if (!all.length) all.push(0, 1);
  let [low, high] = [Math.min(...all), Math.max(...all)];
  if (spec.stacked) {
    const sums = spec.series[0][1].map((_, i) => spec.series.reduce((a, [, v]) => a + (v[i] ?? 0), 0));
    return [0, spec.unit === "percent" ? 1 : Math.max(...sums)];
  }
  if (spec.log) return [low, high];
  if (spec.id === "accuracy") return [0, [0.05, 0.1, 0.25, 0.5].find((top) => top >= high) ?? 1];
  low = Math.min(spec.id === "ratio_max" ? 1 : 0, low);
  if (low < 0) high = Math.max(0, high);
  return [low, high > low ? high : low + 1];
}

function scales(spec, data, width, height, margin) {
  const xs = [...data.steps, ...spec.dots.map((d) => d.x)];
  let [first, last] = [Math.min(...xs), Math.max(...xs)];
  if (first === 1) first = 0;
  if (first === last) [first, last] = [first - 1, last + 1];
  const [low, high] = range(spec, data);
  const plain = (v) => (spec.log ? Math.log10(v) : v);
  let marks;
  if (spec.log) {
    const decades = ticks(Math.floor(Math.log10(low)), Math.ceil(Math.log10(high)), 4);
    marks = decades.filter(Number.isInteger).map((d) => 10 ** d);
  } else {
    marks = ticks(low, high, height > 190 ? 5 : 4);
  }
  const [bottom, top] = [plain(Math.min(low, marks[0])), plain(Math.max(high, marks.at(-1)))];
  const inner = width - margin.left - margin.right;
  const tall = height - margin.top - margin.bottom;
  return {
    first, last, marks,
    x: (step) => margin.left + ((step - first) / (last - first)) * inner,
    y: (value) => margin.top + (1 - (plain(value) - bottom) / (top - bottom || 1)) * tall,
    step: (px) => first + ((px - margin.left) / inner) * (last - first),
  };
}

/** A line through the values; a missing one breaks it, unless they are to be connected. */
function path(steps, values, at, connect) {
  let text = "", pen = "M";
  values.forEach((value, i) => {
    if (value === null) { if (!connect) pen = "M"; return; }
    text += `${pen}${at.x(steps[i]).toFixed(1)} ${at.y(value).toFixed(1)}`;
    pen = "L";
  });
  return text;
}

function axes(svg, spec, at, width, height, margin) {
  for (const mark of at.marks) {
    const y = at.y(mark);
    draw(svg, "line", { class: "grid", x1: margin.left, x2: width - margin.right, y1: y, y2: y });
    const words = spec.unit === "percent" ? compact(mark * 100) + THIN + "%" : compact(mark);
    draw(svg, "text", { class: "tick", x: margin.left - 8, y: y + 4, "text-anchor": "end" }, words);
  }
  const count = Math.max(2, Math.floor(width / (width > 600 ? 90 : 62)));
  for (const step of ticks(at.first, at.last, count).filter(Number.isInteger)) {
    const edge = at.x(step) > width - margin.right - 14;
    const place = { class: "tick", x: edge ? width - margin.right : at.x(step), y: height - 4 };
    draw(svg, "text", { ...place, "text-anchor": edge ? "end" : "middle" }, compact(step));
  }
}

/** What lies between the low and the high of a series. */
function spreads(svg, spec, data, at) {
  for (const { place } of seen(spec, data)) {
    const [lows, highs] = spec.bands?.[place] ?? [[], []];
    const known = data.steps.map((_, i) => i).filter((i) => lows[i] != null && highs[i] != null);
    if (!known.length) continue;
    const point = (i, values) => `${at.x(data.steps[i]).toFixed(1)} ${at.y(values[i]).toFixed(1)}`;
    const there = known.map((i) => point(i, highs)).join("L");
    const back = known.reverse().map((i) => point(i, lows)).join("L");
    draw(svg, "path", { class: `spread hue${place % HUES}`, d: `M${there}L${back}Z` });
  }
}

function lines(svg, spec, data, at) {
  spreads(svg, spec, data, at);
  seen(spec, data).forEach(({ values, place }) => {
    const hue = `hue${place % HUES}${place >= HUES ? " again" : ""}`;
    const short = data.steps.length < 10 || spec.connect;
    const whole = path(data.steps, values, at, spec.connect);
    const raw = draw(svg, "path", { class: `line ${hue}`, d: whole });
    if (data.window > 1 && spec.smooth) {
      raw.classList.add("raw");
      const mean = path(data.steps, smoothed(values, data.window), at);
      draw(svg, "path", { class: `line ${hue}`, d: mean });
    }
    if (short) {
      values.forEach((v, i) => {
        const place = { cx: at.x(data.steps[i]), cy: v === null ? 0 : at.y(v), r: 3 };
        if (v !== null) draw(svg, "circle", { class: `point ${hue}`, ...place });
      });
    }
  });
}

function bands(svg, spec, data, at) {
  let floor = data.steps.map(() => 0);
  spec.series.forEach(([, single], index) => {
    const values = smoothed(single, data.window);
    const top = floor.map((f, i) => f + (values[i] ?? 0));
    const there = path(data.steps, top, at);
    const back = path([...data.steps].reverse(), [...floor].reverse(), at).replace("M", "L");
    draw(svg, "path", { class: `band hue${index % HUES}`, d: `${there}${back}Z` });
    floor = top;
  });
}

function heldOut(svg, spec, at) {
  const kinds = [...new Set(spec.dots.map((d) => d.label))];
  const many = spec.dots.length > 60;
  for (const dot of spec.dots) {
    const kind = kinds.indexOf(dot.label);
    const x = at.x(dot.x) + (many ? 0 : kind * 6 - 3 * (kinds.length - 1));
    if (dot.low !== null) {
      draw(svg, "line", { class: "whisker", x1: x, x2: x, y1: at.y(dot.low), y2: at.y(dot.high) });
    }
    draw(svg, "circle", { class: `dot kind${kind}`, cx: x, cy: at.y(dot.y), r: many ? 2 : 4 });
  }
}

/** The legend of a figure: values at the cursor, or at the last step. */
function legend(node, spec, data, index) {
  node.replaceChildren();
  const place = index ?? data.steps.length - 1;
  element(node, "span", "at", `step ${data.steps[place].toLocaleString("en-GB")}`);
  const entry = (mark, label, value) => {
    const item = element(node, "span", "entry");
    if (mark) element(item, "i", mark);
    if (label) item.append(label + " ");
    element(item, "b", "", value);
  };
  const many = spec.series.length + spec.dots.length > 1;
  for (const { label, values, place: i } of seen(spec, data)) {
    const swatch = `swatch hue${i % HUES}${i >= HUES ? " again" : ""}`;
    entry(many ? swatch : "", many ? label : "", worded(values[place], spec.unit));
  }
  const kinds = [...new Set(spec.dots.map((d) => d.label))];
  kinds.forEach((label, i) => {
    const until = spec.dots.filter((d) => d.label === label && d.x <= data.steps[place]);
    if (until.length) entry(`swatch ring kind${i}`, label, worded(until.at(-1).y, spec.unit));
  });
}

function spoken(spec, data) {
  const parts = spec.series.map(([label, values]) => {
    const known = values.filter((v) => v !== null);
    return `${label} from ${worded(known[0], spec.unit)} to ${worded(known.at(-1), spec.unit)}`;
  });
  return `Steps ${data.steps[0]} to ${data.steps.at(-1)}: ${parts.join("; ")}`;
}

/** Draws one figure into its place and keeps it drawn when the page changes width. */
function chart(figure, spec, data, cursor) {
  const plot = figure.querySelector(".plot");
  const words = figure.querySelector(".legend");
  let rule, at, svg, drawn = 0;

  function render() {
    const width = Math.round(plot.clientWidth);
    if (!width || width === drawn) return;
    drawn = width;
    const wide = figure.classList.contains("wide");
    const height = wide ? Math.min(320, Math.max(200, width / 3.4)) : 150;
    const margin = { left: 46, right: 8, top: 8, bottom: 24 };
    plot.replaceChildren();
    const size = { width, height, viewBox: `0 0 ${width} ${height}` };
    svg = draw(plot, "svg", { ...size, role: "img", "aria-label": spoken(spec, data) });
    at = scales(spec, data, width, height, margin);
    if (spec.stacked) bands(svg, spec, data, at);
    axes(svg, spec, at, width, height, margin);
    if (!spec.stacked) lines(svg, spec, data, at);
    heldOut(svg, spec, at);
    for (const step of spec.marks ?? []) {
      const [x, y] = [at.x(step), height - margin.bottom + 1];
      draw(svg, "path", { class: "mark", d: `M${x - 3.5} ${y + 6}h7l-3.5 -5z` });
    }
    rule = draw(svg, "line", { class: "rule", y1: margin.top, y2: height - margin.bottom });
    show(cursor.index);
  }

  function show(index) {
    legend(words, spec, data, index);
    if (!rule) return;
    rule.classList.toggle("on", index !== null);
    if (index !== null) {
      const x = at.x(data.steps[index]);
      rule.setAttribute("x1", x);
      rule.setAttribute("x2", x);
    }
  }

  function nearest(event) {
    const step = at.step(event.clientX - svg.getBoundingClientRect().left);
    let best = 0;
    data.steps.forEach((s, i) => {
      if (Math.abs(s - step) < Math.abs(data.steps[best] - step)) best = i;
    });
    return best;
  }

  plot.addEventListener("pointermove", (event) => cursor.set(nearest(event)));
  plot.addEventListener("pointerleave", () => cursor.set(null));
  plot.addEventListener("click", (event) => cursor.open(data.steps[nearest(event)]));
  cursor.watchers.push(show);
  new ResizeObserver(render).observe(plot);
  render();
  return { redraw() { drawn = 0; render(); } };
}

/** All figures of the page. `open` is called with the step that a reader clicked. */
function charts(data, open) {
  const cursor = {
    index: null,
    watchers: [],
    open,
    set(index) {
      if (index === this.index) return;
      this.index = index;
      this.watchers.forEach((watch) => watch(index));
    },
  };
  return data.charts.map((spec) => {
    const drawn = chart(document.getElementById(`chart-${spec.id}`), spec, data, cursor);
    return { spec, ...drawn };
  });
}
