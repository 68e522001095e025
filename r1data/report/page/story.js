// One row: pictures, question, options, chains, verdicts, probes, where it comes from.
const state = (row) => (row.reason ? words(row.reason) : "kept");
const number = (value, digits = 2) => (value === null || value === undefined ? "none" : Number(value.toFixed(digits)).toString());
const LINK = /^https?:\/\//i;

function badge(story) {
  if (story.dropped) return el("span", {class: "badge bad"}, "\u2715 dropped: " + words(story.dropped.reason));
  return story.decided ? el("span", {class: "badge good"}, "\u2713 kept") : el("span", {class: "badge soft"}, "not decided yet");
}
function strip(story) {
  const all = story.frames.list;
  if (!all.length) return el("p", {class: "soft small"}, story.frames.why || "No frames are shown: this row has none here.");
  const still = all.length === 1;
  const item = (frame, i) => {
    const time = frame.time === null || frame.time === undefined ? null : `${frame.time.toFixed(2)} s`;
    const name = still ? "the picture of this question" : `frame ${frame.number || i + 1}` + (time ? ` at ${time}` : "");
    const size = frame.width ? {width: frame.width, height: frame.height} : {};
    return el("li", {}, frame.src ? el("img", {src: frame.src, alt: name, decoding: "async", ...size}) : el("div", {class: "lost"}, "this picture cannot be shown"),
      time ? el("span", {class: "time"}, time) : null);
  };
  const told = [story.frames.note, still ? null : `${all.length} frames`, story.frames.sampler, story.frames.decoder].filter(Boolean).join(" \u00b7 ");
  return [el("ul", {class: "strip" + (still ? " still" : ""), ...(still ? {} : {tabindex: 0, "aria-label": "frames in order of time"})}, all.map(item)), el("p", {class: "soft small"}, told)];
}
function optionList(story) {
  const chosen = story.answers.filter((answer) => answer.letter);
  const shown = chosen.find((answer) => answer.chosen) || chosen[0];
  const truth = String(story.truth).trim();
  if (!story.options.length) return el("p", {}, el("span", {class: "soft"}, "Truth: "), el("strong", {class: "said"}, truth));
  const known = story.options.some((option) => option.letter === truth);
  return [el("ul", {class: "options"}, story.options.map((option) => {
    const right = option.letter === truth, said = shown && shown.letter === option.letter;
    return el("li", {class: right ? "truth" : said ? "missed" : null}, el("strong", {}, option.letter), el("span", {}, option.text),
      el("span", {}, right ? el("span", {class: "tag good"}, "truth") : null, right && said ? " \u00b7 " : null, said ? el("span", {class: right ? "tag good" : "tag bad"}, "answered") : null));
  })), known ? null : el("p", {}, el("span", {class: "soft"}, "Truth: "), el("strong", {class: "said"}, truth))];
}
function verdictLine(answer) {
  const told = answer.verdict;
  if (!told) return el("p", {class: "soft small"}, "No verdict.");
  const word = {true: "right", false: "wrong"}[told.right];
  const rule = [told.why && words(told.why), told.rule && `rule ${told.rule}`, told.preset && `preset ${told.preset}` + (told.version ? ` v${told.version}` : "")].filter(Boolean).join(", ");
  return el("p", {class: "small"}, word ? el("strong", {class: word === "right" ? "good" : "bad"}, word) : el("strong", {}, told.right === null && told.reward === null ? "not judged" : "judged"),
    ` \u00b7 reward ${number(told.reward, 3)}`, rule ? ` \u00b7 ${rule}` : "", told.seen !== null && told.seen !== undefined ? [" \u00b7 read as ", el("span", {class: "id"}, told.seen)] : null);
}
function answerBody(answer) {
  const [before, end, after] = answer.think;
  const chain = before || end || after;
  const facts = [answer.model, answer.tokens_out !== null ? `${count(answer.tokens_in || 0)} tokens in, ${count(answer.tokens_out)} out` : null, answer.seconds !== null ? `${number(answer.seconds)} s` : null,
    answer.tries > 1 ? `sent ${answer.tries} times` : null, answer.usd ? `$${answer.usd.toFixed(4)}` : null, answer.finish_reason && answer.finish_reason !== "stop" ? `finish reason: ${answer.finish_reason}` : null].filter(Boolean).join(" \u00b7 ");
  return [
    answer.fault ? el("p", {class: "bad"}, "No answer: ", answer.fault) : null,
    chain ? el("div", {class: "chain"}, before, end ? el("mark", {}, end) : null, after) : answer.fault ? null : el("p", {class: "soft"}, "No chain of thought."),
    answer.cut ? el("p", {class: "soft small"}, `cut here: ${count(answer.cut)} more characters`) : null,
    end ? el("p", {class: "soft small"}, "Marked: the conclusion", answer.agrees === true ? ", which agrees with the answer." : answer.agrees === false ? ", which contradicts the answer." : ".") : null,
    answer.fault ? null : el("p", {}, el("span", {class: "soft"}, "Answer: "), answer.answer === null ? el("em", {}, "none found") : el("span", {class: "said"}, answer.answer)),
    answer.draft ? el("details", {}, el("summary", {}, "before its second look"), el("div", {class: "chain"}, answer.draft)) : null,
    verdictLine(answer), facts ? el("p", {class: "soft small"}, facts) : null];
}
function answerList(story) {
  if (!story.answers.length) return el("p", {class: "soft"}, story.decided && !story.dropped ? "This row has no chain of thought." : "No teacher was asked about this row.");
  const order = [...story.answers].sort((a, b) => b.chosen - a.chosen || a.k - b.k);
  const name = (answer) => `Answer ${answer.k + 1} of ${story.answers.length}` + (answer.chosen ? ", chosen" : "");
  return order.map((answer, i) => {
    const word = answer.verdict ? {true: "right", false: "wrong", null: ""}[answer.verdict.right] : "";
    if (i === 0) return el("section", {class: "answer"}, el("h4", {}, story.answers.length > 1 || !answer.chosen ? name(answer) : "Chain of thought"), answerBody(answer));
    return el("details", {class: "answer"}, el("summary", {}, name(answer), word ? [" \u00b7 ", el("strong", {class: word === "right" ? "good" : "bad"}, word)] : null, answer.answer ? ` \u00b7 ${answer.answer.slice(0, 60)}` : null), answerBody(answer));
  });
}
function probeTable(story) {
  const asked = story.probes.filter((probe) => probe.n > 0);
  if (!asked.length) return null;
  return [el("h4", {}, "Probes"), dataTable(["probe", "right", "of", "by guessing", "model"], asked.map((p) => [words(p.probe), p.right, p.n, p.chance === null ? "" : percent(p.chance, 1), p.model]), "probes of " + story.id)];
}
function fact(name, value) {
  if (value === null || value === undefined || value === "") return null;
  const shown = typeof value === "string" && LINK.test(value) ? el("a", {href: value, rel: "noopener noreferrer", target: "_blank"}, value) : String(value);
  return [el("dt", {}, name), el("dd", {}, shown)];
}
function origins(story) {
  const license = story.license && typeof story.license === "object" ? story.license : {annotations: story.license};
  const origin = story.origin && typeof story.origin === "object" ? story.origin : {file: story.origin};
  const yes = (value, word) => (value === true ? word : null);
  const terms = [license.annotations && `questions ${license.annotations}`, license.media && `media ${license.media}`, yes(license.non_commercial, "non-commercial only"), yes(license.gated, "gated")].filter(Boolean).join(" \u00b7 ");
  return el("details", {}, el("summary", {}, "Terms and origin"), el("dl", {class: "facts"},
    fact("terms", terms || "not stated"), fact("repository", origin.repo && origin.repo + (origin.revision ? " @ " + origin.revision : "")), fact("file", origin.file), fact("row", origin.row), fact("address", origin.url),
    story.media.map((each) => fact(each.kind || "file", each.uri + (each.start !== null && each.start !== undefined ? ` from ${each.start} s to ${each.end} s` : ""))),
    story.files.map((each) => fact("sha256", `${each.sha256} (${count(each.bytes || 0)} bytes)`)),
    fact("right answers", story.pass_rate === null || story.pass_rate === undefined ? null : percent(story.pass_rate, 1)), fact("order adds", story.order_gain === null || story.order_gain === undefined ? null : number(story.order_gain)),
    fact("released as", {chain: "a chain of thought", direct: "the answer alone", question: "a question without a chain"}[story.kind]), fact("repeats", story.duplicate_of), fact("gives away", story.leaks_into), fact("split", story.split), fact("also said", story.extra === "{}" ? null : story.extra)));
}
function questionPart(story) {
  return [el("header", {}, badge(story), el("span", {class: "id"}, story.id), el("span", {class: "chip"}, story.source), el("span", {class: "chip"}, story.type), story.medium ? el("span", {class: "chip"}, story.medium) : null),
    story.dropped && story.dropped.detail ? el("p", {class: "bad"}, story.dropped.stage ? `At ${words(story.dropped.stage)}: ` : "", story.dropped.detail) : null,
    strip(story), el("h3", {class: "question"}, story.question), optionList(story)];
}
const showStory = (story) => [questionPart(story), answerList(story), probeTable(story), el("h4", {}, "More"), origins(story)];
function showPair(story, names) {
  if (!story.other) return [showStory(story), el("p", {class: "notice"}, `${names[1]} has no such row.`)];
  const side = (one, name) => el("section", {}, el("h3", {}, name), el("p", {}, badge(one)), one.dropped ? el("p", {class: "bad small"}, one.dropped.detail) : null,
    one.truth !== story.truth ? el("p", {class: "bad"}, "another truth: ", el("strong", {}, one.truth)) : null, answerList(one), origins(one));
  return [questionPart(story), el("div", {class: "pair"}, side(story, names[0]), side(story.other, names[1]))];
}
