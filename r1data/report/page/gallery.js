// The gallery: filters, a list, one row at a time. Where the rows come from is the caller's affair:
// source.page(filters, offset, many) and source.story(at) return promises.
const REWARDS = [["", "any"], ["1", "exactly 1"], ["high", "0.5 to below 1"], ["low", "above 0, below 0.5"], ["0", "exactly 0"], ["none", "none"]];
function gallery(source, root, extra) {
  const filters = {source: "", type: "", reason: "", reward: "", words: "", ...(source.compares ? {side: ""} : {})};
  const many = source.many || 50;
  let offset = 0, rows = [], total = 0, now = 0, turn = 0;
  const inputs = {};
  const pick = (name, label, choices) => {
    inputs[name] = el("select", {"aria-label": label, onchange: (event) => { filters[name] = event.target.value; load(0); }}, choices.map(([value, text]) => el("option", {value}, text)));
    return el("label", {}, label, inputs[name]);
  };
  const facet = (name, any) => [["", any], ...source.facets[name].map(([value, told]) => [value, `${words(value)} (${told})`])];
  const find = el("input", {type: "search", "aria-label": "search", placeholder: "question, chain, id", oninput: later((event) => { filters.words = event.target.value; load(0); })});
  const clear = el("button", {type: "button", onclick: () => open({})}, "Clear");
  const told = el("p", {class: "soft small", role: "status", "aria-live": "polite"});
  const list = el("ul", {class: "list", "aria-label": "rows"});
  const back = el("button", {type: "button", onclick: () => load(Math.max(0, offset - many))}, "\u2190 Page");
  const on = el("button", {type: "button", onclick: () => load(offset + many)}, "Page \u2192");
  const where = el("span", {class: "soft"});
  const story = el("article", {class: "story", "aria-label": "one row"});
  put(root, el("div", {class: "filters", role: "search"},
    pick("reason", "state", [["", "all"], ["kept", `kept (${source.facets.kept})`], ...source.facets.reason.map(([value, text]) => [value, `${words(value)} (${text})`])]),
    pick("source", "source", facet("source", "all sources")), pick("type", "type", facet("type", "all types")), pick("reward", "reward", REWARDS),
    source.compares ? pick("side", "in", [["", "either"], ["both", "both"], ["first", "only the first"], ["second", "only the second"], ["differs", "both, but another state or reward"]]) : null,
    el("label", {class: "find"}, el("span", {}, "search ", el("kbd", {}, "/")), find), clear), told,
  el("div", {class: "gallery"}, el("div", {class: "side"}, list, el("div", {class: "pager"}, back, where, on), el("p", {class: "hint"}, el("kbd", {}, "\u2190"), " ", el("kbd", {}, "\u2192"), " to the row before and after")), story));

  async function load(start, last = false) {
    const mine = ++turn;
    let found;
    try { found = await source.page({...filters}, start, many); } catch (problem) { told.textContent = "The rows cannot be read: " + problem.message; return; }
    if (mine !== turn) return;
    ({rows, total} = found); offset = start;
    told.textContent = total ? `${count(total)} ${total === 1 ? "row" : "rows"}` + (source.told ? source.told(total) : "") : "No row is like that.";
    put(list, rows.map((row, i) => el("li", {}, el("button", {type: "button", "data-i": i, onclick: () => select(i)},
      row.thumb ? el("img", {src: row.thumb, alt: "", loading: row.thumb.startsWith("data:") ? null : "lazy"}) : el("span", {class: "blank"}),
      el("span", {}, el("span", {class: "what"}, row.question), el("span", {class: "state " + (row.reason ? "bad" : "good")}, state(row)), row.mark ? el("span", {class: "state soft marked"}, ` \u00b7 marked ${row.mark}`) : null)))));
    back.disabled = offset === 0; on.disabled = offset + rows.length >= total;
    where.textContent = total ? `${count(offset + 1)} \u2013 ${count(offset + rows.length)}` : "";
    if (rows.length) await select(last ? rows.length - 1 : 0, false); else put(story, el("p", {class: "soft"}, "No row is like that. Clear the filters to see all."));
  }
  async function select(i, move = true) {
    now = i;
    for (const button of list.querySelectorAll("button")) button.setAttribute("aria-current", String(Number(button.dataset.i) === i));
    const current = list.querySelector(`[data-i="${i}"]`);
    if (move && current) { list.scrollTop = Math.max(0, current.offsetTop - list.offsetTop - list.clientHeight / 3); }
    const wanted = rows[i].at;
    let found;
    try { found = await source.story(wanted); } catch (problem) { put(story, el("p", {class: "bad"}, "This row cannot be read: " + problem.message)); return; }
    if (!rows[now] || rows[now].at !== wanted) return;
    put(story, el("div", {class: "turn"}, el("button", {type: "button", "aria-label": "row before", disabled: offset + now === 0, onclick: () => step(-1)}, "\u2190"), el("button", {type: "button", "aria-label": "row after", disabled: offset + now + 1 >= total, onclick: () => step(1)}, "\u2192")), source.show ? source.show(found) : showStory(found), extra ? extra(found, api) : null);
    story.setAttribute("aria-label", "row " + found.id);
  }
  async function step(by) {
    const next = now + by;
    if (next >= 0 && next < rows.length) return select(next);
    if (by > 0 && offset + rows.length < total) return load(offset + many);
    if (by < 0 && offset > 0) return load(Math.max(0, offset - many), true);
  }
  function open(wanted) {
    for (const name of Object.keys(filters)) { filters[name] = wanted[name] || ""; if (inputs[name]) inputs[name].value = filters[name]; }
    find.value = filters.words;
    root.scrollIntoView();
    return load(0);
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const busy = event.target.closest && event.target.closest("input, select, textarea");
    if (event.key === "Escape" && busy) { event.target.blur(); return; }
    if (busy) return;
    if (event.key === "/") { event.preventDefault(); find.focus(); }
    else if (["ArrowRight", "ArrowLeft"].includes(event.key) && !event.target.closest(".strip, .scroll")) { event.preventDefault(); step(event.key === "ArrowRight" ? 1 : -1); }
    else if (["ArrowDown", "ArrowUp"].includes(event.key) && event.target.closest(".list")) { event.preventDefault(); step(event.key === "ArrowDown" ? 1 : -1); }
    else if (api.keys[event.key]) { event.preventDefault(); api.keys[event.key](); }
  });
  const api = {open, step, keys: {}, reload: () => load(offset), ready: null, list};
  api.ready = load(0);
  return api;
}
function later(act) {
  let timer = 0;
  return (event) => { clearTimeout(timer); timer = setTimeout(() => act(event), 180); };
}
