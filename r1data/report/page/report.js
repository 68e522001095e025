// The report: everything is in the page.
const data = JSON.parse(document.getElementById("data").textContent);
const head = data.facts.head;
const span2 = (seconds) => seconds < 60 ? `${seconds.toFixed(1)} s` : seconds < 3600 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
const big = (value) => value >= 1e6 ? (value / 1e6).toFixed(1) + " M" : count(value);
const tile = (name, value, more) => el("div", {}, el("dt", {}, name), el("dd", {}, value, more ? el("small", {}, " " + more) : null));
const lightRow = (story, i) => ({at: i, question: story.question, reason: story.dropped ? story.dropped.reason : "", thumb: (story.frames.list[Math.floor(story.frames.list.length / 2)] || {}).src});
const rewardOf = (story) => { const judged = story.answers.filter((a) => a.verdict && a.verdict.reward !== null).map((a) => [a.chosen, a.verdict.reward]); const chosen = judged.find((pair) => pair[0]); return chosen ? chosen[1] : judged.length ? Math.max(...judged.map((pair) => pair[1])) : null; };
const inReward = (value, wanted) => wanted === "" || (wanted === "none" ? value === null : value !== null && {"1": value === 1, "high": value >= .5 && value < 1, "low": value > 0 && value < .5, "0": value === 0}[wanted]);
const haystack = data.rows.map((story) => [story.id, story.question, story.truth, ...story.options.map((o) => o.text), ...story.answers.map((a) => a.think.join("") + " " + (a.answer || ""))].join("\n").toLowerCase());
const source = {
  facets: data.facets, many: 200,
  told: () => `, of the ${count(data.rows.length)} shown here; the build has ${count(data.total)}`,
  page: async (f, offset, many) => {
    const found = data.rows.map((story, i) => [story, i]).filter(([story, i]) =>
      (!f.source || story.source === f.source) && (!f.type || story.type === f.type) && inReward(rewardOf(story), f.reward) &&
      (!f.reason || (f.reason === "kept" ? !story.dropped : story.dropped && story.dropped.reason === f.reason)) && (!f.words || haystack[i].includes(f.words.toLowerCase())));
    return {total: found.length, rows: found.slice(offset, offset + many).map(([story, i]) => lightRow(story, i))};
  },
  story: async (at) => data.rows[at],
};
let shown = null;
const openRows = (filter) => shown && shown.open(filter);
const rowsRoot = el("div", {});
const page = document.getElementById("page");
put(page, el("header", {class: "top"}, el("div", {}, el("h1", {}, head.name), el("p", {class: "soft"}, `a build of r1data ${data.facts.made.r1data}`, head.model ? ` \u00b7 teacher ${head.model}` : "")), themeButton()),
  el("nav", {class: "bar", "aria-label": "sections", tabindex: 0}, data.facts.sections.map((section) => el("a", {href: "#" + section.id}, section.title)), el("a", {href: "#rows"}, "Rows"), el("a", {href: "#made"}, "Recipe")),
  el("main", {},
    el("dl", {class: "tiles"}, tile("collected", count(head.collected), `from ${head.sources} ${head.sources === 1 ? "source" : "sources"}`), tile(head.finished ? "released" : "left so far", count(head.left), percent(head.left, head.collected) + (head.chains > head.left ? `, with ${count(head.chains)} chains` : "")), tile("dropped, with a reason", count(head.dropped)),
      head.answers ? tile("answers asked for", count(head.answers)) : null, head.tokens ? tile("tokens", big(head.tokens)) : null, tile("US dollars", head.usd ? head.usd.toFixed(2) : "\u2013", head.usd ? "" : "no prices in the recipe"), tile("time of work", span2(head.seconds))),
    head.finished ? null : el("p", {class: "notice"}, "This build is not finished: it has no release yet. The page shows what there is."),
    data.facts.sections.map((section) => el("section", {id: section.id}, el("h2", {}, section.title), el("div", {class: "figures"}, section.figures.map((figure) => drawFigure(figure, openRows))))),
    el("section", {id: "rows"}, el("h2", {}, "Rows"), el("p", {}, data.told), rowsRoot),
    el("section", {id: "made"}, el("h2", {}, "Recipe"), el("details", {}, el("summary", {}, "the frozen recipe"), el("pre", {class: "code"}, data.facts.recipe)),
      el("dl", {class: "facts"}, fact("r1data", data.facts.made.r1data), fact("Python", data.facts.made.python), fact("seed", data.facts.made.seed),
        fact("packages", Object.entries(data.facts.made.packages || {}).map(([name, version]) => `${name} ${version}`).join(", "))))));
shown = gallery(source, rowsRoot);
