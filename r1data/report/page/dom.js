"use strict";
// Every text of the data reaches the page as a text node or an attribute set by name: a question that
// holds HTML is shown as it was written.
const SVG = "http://www.w3.org/2000/svg";
function fill(node, facts, children) {
  for (const [name, value] of Object.entries(facts || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  for (const child of children.flat(9)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}
const el = (tag, facts, ...children) => fill(document.createElement(tag), facts, children);
const svg = (tag, facts, ...children) => fill(document.createElementNS(SVG, tag), facts, children);
const count = (value) => Number(value).toLocaleString("en-US");
const words = (name) => String(name).replaceAll("_", " ");
const percent = (part, whole) => (whole ? (100 * part / whole).toFixed(1) + "%" : "none");
const put = (node, ...children) => { node.replaceChildren(); return fill(node, {}, children); };
function themeButton() {
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const button = el("button", {type: "button", class: "theme", onclick: () => show(now === "dark" ? "light" : "dark")});
  let now = system;
  const show = (theme) => {
    now = theme;
    document.documentElement.style.colorScheme = theme;
    button.textContent = theme === "dark" ? "Light" : "Dark";
    button.setAttribute("aria-label", theme === "dark" ? "Light colours" : "Dark colours");
  };
  show(system);
  return button;
}
