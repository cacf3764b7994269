// What a page shows, described as nodes, and the one function that makes the document show it. Only what differs is touched, so
// that focus, selection and scrolling stay while a page is live. Text becomes text nodes: nothing here ever parses HTML.

const SVG = "http://www.w3.org/2000/svg";

const STATEFUL = new Set(["value", "checked", "selected"]);

// What was described for an element, to tell what differs.
const described = new WeakMap();

/**
 * Describes an element. Properties are attributes, but for: `key` (which element it is among its siblings), `on…` (listeners),
 * `style` (custom properties), `attached` (called once, with the new element).
 * Children are descriptions, texts, numbers, and lists of them; `null`, `undefined` and `false` are nothing.
 */
export function h(tag, properties = {}, ...children) {
  return { tag, properties: properties ?? {}, children: flat(children) };
}

/** Describes an element of a drawing. */
export function svg(tag, properties = {}, ...children) {
  return { ...h(tag, properties, ...children), isDrawing: true };
}

/** A component's own element, which it changes itself. */
export function own(element) {
  return { element };
}

/** Makes the children of an element be those that are described. */
export function render(parent, ...children) {
  place(parent, flat(children));
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

function place(parent, wanted) {
  const nodes = match([...parent.childNodes], wanted);
  const kept = new Set(nodes);
  // Removed first: moving what stays would take the focus from it.
  for (const node of [...parent.childNodes]) if (!kept.has(node)) node.remove();
  let at = parent.firstChild;
  for (const node of nodes) {
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
}

// For each description the node that is there and fits, updated, or a new one.
function match(nodes, wanted) {
  const keyed = new Map();
  const others = [];
  for (const node of nodes) {
    const key = described.get(node)?.properties.key;
    if (key === undefined) others.push(node);
    else keyed.set(key, node);
  }
  return wanted.map((want) => {
    if (want.element) return want.element;
    const key = want.properties?.key;
    const node = key === undefined ? takeNext(others, want) : keyed.get(key);
    return node && fits(node, want) ? update(node, want) : create(want);
  });
}

function takeNext(others, want) {
  const at = others.findIndex((node) => fits(node, want));
  return at < 0 ? undefined : others.splice(0, at + 1).at(-1);
}

function fits(node, want) {
  if (isText(want)) return node.nodeType === Node.TEXT_NODE;
  return described.get(node)?.tag === want.tag;
}

const isText = (want) => typeof want !== "object";

function create(want) {
  if (isText(want)) return document.createTextNode(String(want));
  const element = want.isDrawing ? document.createElementNS(SVG, want.tag) : document.createElement(want.tag);
  update(element, want);
  want.properties.attached?.(element);
  return element;
}

function update(node, want) {
  if (isText(want)) {
    const text = String(want);
    if (node.data !== text) node.data = text;
    return node;
  }
  const before = described.get(node)?.properties ?? {};
  described.set(node, want);
  for (const name of new Set([...Object.keys(before), ...Object.keys(want.properties)])) {
    setProperty(node, name, before[name], want.properties[name]);
  }
  place(node, want.children);
  return node;
}

function setProperty(element, name, before, value) {
  if (name === "key" || name === "attached") return;
  if (name.startsWith("on")) element[name] = value ?? null;
  else if (isStateful(element, name)) setState(element, name, before, value);
  else if (name === "style") setStyle(element, before ?? {}, value ?? {});
  else if (value !== before) setAttribute(element, name, value);
}

// The value of an option is what it stands for, and no person changes it.
const isStateful = (element, name) => STATEFUL.has(name) && !(name === "value" && element.tagName === "OPTION");

// A person changes these, too: only a change of what is described overwrites what was entered.
function setState(element, name, before, value) {
  if (value === before || (before === undefined && !value)) return;
  element[name] = value ?? (name === "value" ? "" : false);
}

// By the object model, which the content security policy allows; a `style` attribute would be refused.
function setStyle(element, before, style) {
  for (const name of Object.keys(before)) if (!(name in style)) element.style.removeProperty(name);
  for (const [name, value] of Object.entries(style)) if (before[name] !== value) element.style.setProperty(name, value);
}

function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}
