// Figures: each is a small table; the drawing is for the eye, the table below it for everybody.
const RIGHT = new Set(["right", "kept", "chosen"]);
const tone = (name, i) => (name === "not right" ? "fbad" : RIGHT.has(name) ? "fgood" : "f" + (i % 8));

function drawFigure(figure, open) {
  const body = {ring, bars: drawBars, columns, lines, funnel, table: tableFigure, missing: (f) => el("p", {}, f.why)}[figure.kind](figure, open);
  const kind = figure.kind === "missing" ? " missing" : figure.wide ? " wide" : "";
  return el("figure", {class: "figure" + kind}, el("figcaption", {}, figure.title), body,
    figure.note ? el("p", {class: "note"}, figure.note) : null);
}
function dataTable(head, rows, label) {
  const numeric = head.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === "number" || /^[-+]?[\d,.]+%?$/.test(String(row[i]))));
  const cell = (tag, value, i) => el(tag, {class: numeric[i] ? "number" : null, scope: tag === "th" ? "col" : null}, typeof value === "number" ? count(value) : value === null ? "" : value);
  return el("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": label},
    el("table", {}, el("thead", {}, el("tr", {}, head.map((name, i) => name === "" ? el("td", {}) : cell("th", name, i)))),
      el("tbody", {}, rows.map((row) => el("tr", {}, row.map((value, i) => cell("td", value, i)))))));
}
const asTable = (figure, head, rows) => el("details", {}, el("summary", {}, "as a table"), dataTable(head, rows, figure.title + ", as a table"));
const tableFigure = (figure) => dataTable(figure.head, figure.rows, figure.title);

function ring(figure) {
  const total = figure.parts.reduce((sum, part) => sum + part.rows, 0);
  const arcs = [];
  const arc = (radius, width, start, size, klass, label) => {
    const around = 2 * Math.PI * radius, gap = size < total ? Math.min(1.2, around * size / total / 3) : 0;
    arcs.push(svg("circle", {cx: 120, cy: 120, r: radius, "stroke-width": width, class: klass, transform: "rotate(-90 120 120)",
      "stroke-dasharray": `${around * size / total - gap} ${around}`, "stroke-dashoffset": -around * start / total}, svg("title", {}, label)));
  };
  let at = 0;
  figure.parts.forEach((part, i) => {
    arc(66, 26, at, part.rows, "s" + (i % 8), `${part.name}: ${count(part.rows)}`);
    let inner = at;
    part.children.forEach((child, j) => {
      arc(98, 30, inner, child.rows, "s" + (i % 8), `${child.name}: ${count(child.rows)}`);
      arcs.at(-1).setAttribute("opacity", j % 2 ? .6 : .82);
      inner += child.rows;
    });
    at += part.rows;
  });
  const drawing = svg("svg", {viewBox: "0 0 240 240", role: "img", "aria-label": figure.title}, arcs,
    svg("text", {x: 120, y: 122, "text-anchor": "middle", class: "whole"}, count(total)),
    svg("text", {x: 120, y: 140, "text-anchor": "middle"}, "rows"));
  const legend = el("ul", {class: "legend"}, figure.parts.map((part, i) => [
    el("li", {}, el("span", {class: "swatch b" + (i % 8)}), el("strong", {}, part.name), el("span", {}, `${count(part.rows)} (${percent(part.rows, total)})`)),
    part.children.slice(0, 8).map((child) => el("li", {class: "of"}, el("span", {}, child.name), el("span", {}, count(child.rows)))),
    part.children.length > 8 ? el("li", {class: "of"}, el("span", {}, `and ${part.children.length - 8} more`), el("span", {}, count(part.children.slice(8).reduce((sum, child) => sum + child.rows, 0)))) : null]));
  const rows = figure.parts.flatMap((part) => part.children.map((child) => [part.name, child.name, child.rows, percent(child.rows, total)]));
  return [el("div", {class: "ring"}, drawing, legend), asTable(figure, ["group", "source", "rows", "share"], rows)];
}
function opener(row, open) {
  const label = words(row.name);
  if (!row.filter || !open) return el("span", {}, label);
  return el("button", {type: "button", title: "show such rows", onclick: () => open(row.filter)}, label);
}
function drawBars(figure, open) {
  const most = figure.most || Math.max(...figure.rows.map((row) => Math.max(row.values.reduce((a, b) => a + b, 0), row.mark || 0)), 1e-9);
  const rows = figure.rows.map((row) => {
    let at = 0;
    const parts = row.values.map((value, i) => { const x = at; at += 100 * value / most; return svg("rect", {x, y: 0, width: 100 * value / most, height: 10, class: tone(figure.series[i], i)}); });
    const mark = row.mark === undefined ? null : svg("line", {x1: 100 * row.mark / most, x2: 100 * row.mark / most, y1: 0, y2: 10, class: "tick", "vector-effect": "non-scaling-stroke"});
    return el("div", {class: "row"}, opener(row, open), svg("svg", {viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true"}, parts, mark), el("span", {class: "value"}, row.label));
  });
  const table = figure.rows.map((row) => [words(row.name), ...(row.cells || row.values)]);
  return [el("div", {class: "bars"}, rows), asTable(figure, figure.head || ["", ...figure.series], table)];
}
function funnel(figure, open) {
  let left = figure.collected;
  const whole = Math.max(1, figure.collected);
  const line = (name, stay, lost, value, klass) => el("div", {class: "row"}, name,
    svg("svg", {viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true"},
      svg("rect", {x: 0, y: 0, width: 100 * stay / whole, height: 10, class: lost ? "ffaint" : klass}),
      lost ? svg("rect", {x: 100 * stay / whole, y: 0, width: Math.max(.4, 100 * lost / whole), height: 10, class: "fbad"}) : null),
    el("span", {class: lost ? "value lost" : "value"}, value));
  const steps = figure.steps.map((step) => {
    left -= step.rows;
    const name = el("span", {}, opener({name: step.reason, filter: {reason: step.reason}}, open), el("span", {class: "soft small"}, " at " + words(step.stage)));
    return line(name, left, step.rows, `\u2212${count(step.rows)} (${percent(step.rows, whole)})`);
  });
  const last = figure.finished ? "released" : "left so far";
  const rows = [["collected", "", figure.collected], ...figure.steps.map((step) => [words(step.reason), step.stage, -step.rows]), [last, "", figure.left]];
  return [el("div", {class: "bars"}, line(el("strong", {}, "collected"), figure.collected, 0, count(figure.collected), "f0"), steps,
    line(el("span", {}, open ? el("button", {type: "button", onclick: () => open({reason: "kept"})}, last) : last), figure.left, 0, `${count(figure.left)} (${percent(figure.left, whole)})`, "fgood")),
  figure.steps.length ? null : el("p", {class: "note"}, "No row has fallen out."), asTable(figure, ["", "stage", "rows"], rows)];
}
function keys(names) {
  if (names.length < 2) return null;
  return el("ul", {class: "keys"}, names.map((name, i) => {
    const klass = tone(name, i);
    return el("li", {}, svg("svg", {class: "swatch", viewBox: "0 0 10 10", "aria-hidden": "true"}, svg("rect", {width: 10, height: 10, class: klass})), words(name));
  }));
}
function columns(figure) {
  const names = Object.keys(figure.series), bins = figure.bins, W = 440, H = 180, base = 142, high = 122;
  const sums = bins.map((_, i) => names.reduce((sum, name) => sum + figure.series[name][i], 0));
  const most = Math.max(1, ...sums), step = W / bins.length;
  const every = Math.ceil(Math.max(...bins.map((bin) => bin.length)) * 6.2 / step);
  const drawn = bins.map((bin, i) => {
    let y = base;
    const stack = names.map((name, j) => { const h = high * figure.series[name][i] / most; y -= h; return svg("rect", {x: i * step + 2, y, width: step - 4, height: h, class: tone(name, j)}, svg("title", {}, `${bin}: ${count(figure.series[name][i])} ${words(name)}`)); });
    return [stack, sums[i] ? svg("text", {x: (i + .5) * step, y: y - 4, "text-anchor": "middle"}, sums[i] >= 10000 ? Math.round(sums[i] / 1000) + "k" : count(sums[i])) : null,
      i % every ? null : svg("text", {x: (i + .5) * step, y: base + 15, "text-anchor": "middle"}, bin)];
  });
  const rows = bins.map((bin, i) => [bin, ...names.map((name) => figure.series[name][i])]);
  return [keys(names), svg("svg", {viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": figure.title}, svg("line", {x1: 0, x2: W, y1: base, y2: base, class: "axis"}), drawn,
    svg("text", {x: W / 2, y: H - 4, "text-anchor": "middle"}, figure.x)), asTable(figure, [figure.x, ...names.map(words)], rows)];
}
const span = (seconds) => seconds < 120 ? `${Math.round(seconds)} s` : seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
function lines(figure) {
  const W = 440, H = 180, left = 44, base = 150;
  const points = figure.series.flatMap((one) => one.points);
  const far = Math.max(1, ...points.map((p) => p[0])), most = Math.max(1, ...points.map((p) => p[1]));
  const drawn = figure.series.map((one, i) => svg("polyline", {class: "s" + (i % 8), "stroke-width": 2, "stroke-linejoin": "round", "stroke-dasharray": i < 8 ? null : "5 3",
    points: one.points.map((p) => `${left + (W - left - 6) * p[0] / far},${base - 130 * p[1] / most}`).join(" ")}, svg("title", {}, one.name)));
  const names = el("ul", {class: "keys"}, figure.series.map((one, i) => el("li", {}, el("span", {class: "swatch b" + (i % 8)}), words(one.name))));
  const ticks = [0, .5, 1].map((part) => [svg("line", {x1: left, x2: W, y1: base - 130 * part, y2: base - 130 * part, class: "axis"}),
    svg("text", {x: left - 6, y: base - 130 * part + 4, "text-anchor": "end"}, count(Math.round(most * part)))]);
  const rows = figure.series.map((one) => [one.name, one.points.at(-1)[1], span(one.points.at(-1)[0])]);
  return [names, svg("svg", {viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": figure.title, class: "lines"}, ticks, drawn,
    svg("text", {x: left, y: H - 10}, "0"), svg("text", {x: W, y: H - 10, "text-anchor": "end"}, span(far))), asTable(figure, ["stage", figure.y, "done after"], rows)];
}
