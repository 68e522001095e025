// The viewer: rows are asked for page by page, at the address this page came from.
const data = JSON.parse(document.getElementById("data").textContent);
async function ask(path, body) {
  const reply = await fetch(path, body ? {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)} : {});
  if (!reply.ok) throw new Error(reply.status === 403 ? "this address has expired: start r1data view again" : await reply.text());
  return reply.json();
}
const pair = data.names.length === 2;
const source = {
  facets: data.facets, many: 50, compares: pair,
  told: (total) => (total === data.total ? "" : `, of ${count(data.total)}`),
  page: (filters, offset, many) => ask("rows?" + new URLSearchParams({...filters, offset, many})),
  story: (at) => ask("row/" + at).then((story) => ({...story, at})),
  show: (story) => story.only ? [el("p", {class: "notice"}, `Only in ${data.names[story.only === "a" ? 0 : 1]}.`), showStory(story)] : pair ? showPair(story, data.names) : showStory(story),
};
const rowsRoot = el("div", {});
const sums = el("div", {});
async function showAgreement() {
  const found = await ask("agreement");
  if (!found.length) return put(sums, el("p", {class: "soft small"}, "No row is marked yet. Mark some to measure how far a person agrees with the build."));
  put(sums, dataTable(["the build said", "marked", "a person agrees", "share", "95% sure"], found.map((one) => [words(one.state), one.reviewed, one.agreed, percent(one.agreed, one.reviewed), `${percent(one.low, 1)} to ${percent(one.high, 1)}`]), "agreement"));
}
function review(story, api) {
  let mark = story.review ? story.review.mark : null;
  const note = el("input", {type: "text", maxlength: 4000, placeholder: "note", "aria-label": "note", value: story.review ? story.review.note : ""});
  const told = el("span", {class: "soft small", role: "status"});
  const button = (value, key) => el("button", {type: "button", "data-mark": value, onclick: () => turn(value)}, value === "good" ? "Good" : "Bad", " ", el("kbd", {}, key));
  const buttons = [button("good", "g"), button("bad", "b")];
  const turn = (value) => save(mark === value ? null : value);
  const paint = () => buttons.forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.mark === mark)));
  async function save(value) {
    try { await ask("review", {at: story.at, mark: value, note: note.value}); } catch (problem) { told.textContent = "not saved: " + problem.message; return; }
    mark = value; paint(); told.textContent = value ? "saved" : "taken back";
    const current = api.list.querySelector("[aria-current=true] .what");
    if (current) { const old = current.parentNode.querySelector(".marked"); if (old) old.remove(); if (value) current.parentNode.append(el("span", {class: "state soft marked"}, ` \u00b7 marked ${value}`)); }
    showAgreement();
  }
  note.addEventListener("change", () => { if (mark) save(mark); });
  api.keys = {g: () => turn("good"), b: () => turn("bad"), n: () => note.focus()};
  paint();
  return el("div", {class: "review", role: "group", "aria-label": "review"}, el("span", {}, "This row is"), buttons, note, told);
}
put(document.getElementById("page"), el("header", {class: "top"}, el("div", {}, el("h1", {}, pair ? `${data.names[0]} against ${data.names[1]}` : data.names[0]), el("p", {class: "soft"}, `${count(data.total)} rows`, data.matched ? ` \u00b7 ${data.matched}` : "")), themeButton()),
  el("main", {}, el("section", {id: "rows", "aria-label": "rows"}, rowsRoot),
    el("section", {}, el("h2", {}, "Agreement"), el("p", {class: "soft small"}, "Marks go to ", el("span", {class: "id"}, data.reviews), ". ", el("kbd", {}, "g"), " good, ", el("kbd", {}, "b"), " bad, ", el("kbd", {}, "n"), " note; the same key again takes a mark back."), sums)));
gallery(source, rowsRoot, review);
showAgreement();
