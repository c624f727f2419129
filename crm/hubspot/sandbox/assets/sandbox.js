"use strict";
// Pages live by polling: the whole page is asked for again with the state's
// number; 204 means nothing changed. Parts marked data-live are exchanged.

const pollEvery = 1000;

function partsOf(root) {
  return [...root.querySelectorAll("[data-live][id]")];
}

// Text as the server sent it, by id: what the user opened must not count.
const known = new Map(partsOf(document).map((part) => [part.id, part.innerHTML]));

// A select somebody is just using must not be exchanged under the hand.
let touched = { part: undefined, at: 0 };
for (const kind of ["pointerdown", "keydown"]) {
  document.addEventListener(kind, (event) => {
    if (event.target instanceof Element && event.target.matches("select")) {
      touched = { part: event.target.closest("[data-live]"), at: Date.now() };
    }
  });
}

function isBusy(part) {
  return touched.part === part && part.contains(document.activeElement) && Date.now() - touched.at < 10000;
}

function focusIn(part) {
  const at = document.activeElement;
  if (!(at instanceof Element) || !part.contains(at)) return undefined;
  if (at.matches("select")) return `select[name="${at.name}"]`;
  const box = at.closest("[id]");
  return box && box !== part ? `#${box.id} summary, a#${box.id}` : undefined;
}

function exchange(part, html) {
  const open = new Set([...part.querySelectorAll("details[open][id]")].map((d) => d.id));
  const before = new Set([...part.querySelectorAll("[id]")].map((e) => e.id));
  const focus = focusIn(part);
  part.innerHTML = html;
  for (const entry of part.querySelectorAll("details[id]")) {
    if (open.has(entry.id) || (isExpandingAll() && entry.matches(".entry"))) entry.open = true;
    if (!before.has(entry.id)) entry.classList.add("fresh");
  }
  if (focus) part.querySelector(focus)?.focus();
}

function applyPage(html) {
  const next = new DOMParser().parseFromString(html, "text/html");
  let whole = true;
  for (const part of partsOf(next)) {
    const mine = document.getElementById(part.id);
    if (!mine || known.get(part.id) === part.innerHTML) continue;
    if (isBusy(mine)) {
      whole = false;
      continue;
    }
    known.set(part.id, part.innerHTML);
    exchange(mine, part.innerHTML);
  }
  if (whole && next.body.dataset.rev) document.body.dataset.rev = next.body.dataset.rev;
  document.title = next.title;
  applyFilter();
}

async function poll() {
  try {
    const answer = await fetch(location.href, { headers: { "X-Rev": document.body.dataset.rev } });
    if (answer.status === 404) return location.reload();
    if (answer.ok && answer.status !== 204) {
      const flash = document.getElementById("flash").innerHTML;
      applyPage(await answer.text());
      if (new URLSearchParams(location.search).has("error")) document.getElementById("flash").innerHTML = flash;
    }
    document.getElementById("offline").hidden = true;
  } catch {
    document.getElementById("offline").hidden = false;
  }
}

function startPolling() {
  const live = partsOf(document).some((part) => part.id !== "flash");
  if (!live) return;
  let running = false;
  setInterval(async () => {
    if (running || document.hidden) return;
    running = true;
    await poll();
    running = false;
  }, pollEvery);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
}

// Forms marked data-async keep the page where it is.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-async]")) return;
  event.preventDefault();
  const part = form.closest("[data-live]");
  touched = { part: undefined, at: 0 };
  const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  const there = new URL(answer.url);
  if (there.pathname !== location.pathname) {
    location.assign(answer.url);
    return;
  }
  if (!there.searchParams.has("error")) {
    if (form.matches("[data-clear]")) form.reset();
    form.closest("details:not(.entry)")?.removeAttribute("open");
  }
  known.delete("flash");
  if (part) known.delete(part.id);
  applyPage(await answer.text());
});

document.addEventListener("change", (event) => {
  const at = event.target;
  if (at.matches("[data-submit]")) at.form.requestSubmit();
  if (at.matches("[data-filter]")) saveFilter();
  if (at.matches("[data-expand-all]")) {
    for (const entry of document.querySelectorAll(".entry")) entry.open = at.checked;
  }
});

document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.drop[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});

function isExpandingAll() {
  return document.querySelector("[data-expand-all]")?.checked === true;
}

// Filter activity: which kinds of entries are shown, remembered here.
const filterKey = "sandbox.hidden";

function readFilter() {
  try {
    return new Set(JSON.parse(localStorage.getItem(filterKey) ?? "[]"));
  } catch {
    return new Set();
  }
}

function saveFilter() {
  const hidden = [...document.querySelectorAll("[data-filter]")].filter((t) => !t.checked).map((t) => t.dataset.filter);
  localStorage.setItem(filterKey, JSON.stringify(hidden));
  applyFilter();
}

function applyFilter() {
  const feed = document.getElementById("feed");
  if (!feed) return;
  const hidden = readFilter();
  const ticks = [...feed.querySelectorAll("[data-filter]")];
  for (const tick of ticks) {
    tick.checked = !hidden.has(tick.dataset.filter);
    feed.classList.toggle("no-" + tick.dataset.filter, !tick.checked);
  }
  const entries = [...feed.querySelectorAll(".entry")];
  feed.querySelector("[data-filter-count]").textContent = `${ticks.filter((t) => t.checked).length}/${ticks.length}`;
  feed.querySelector(".filter-hint").hidden = !entries.some((e) => hidden.has(e.dataset.type));
}

// The chat card: the server makes the signed request, the link opens in a
// frame. The frame may ask for a new link.
const dialog = document.getElementById("chat");
let frame = dialog.querySelector("iframe");
const state = dialog.querySelector(".chat-state");
let opened = { query: "", origin: "", at: 0, turn: 0 };

function showState(text, detail, retry) {
  state.replaceChildren(document.createTextNode(text));
  if (detail) {
    const line = document.createElement("small");
    line.className = "muted";
    line.textContent = detail;
    state.append(line);
  }
  if (retry) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = document.body.dataset.retry;
    button.addEventListener("click", () => openLink(opened.query));
    state.append(button);
  }
  state.hidden = false;
  frame.hidden = true;
}

// A new frame each time: links may differ in their fragment alone, which
// would not load the app again.
function freshFrame() {
  const next = frame.cloneNode();
  next.removeAttribute("src");
  frame.replaceWith(next);
  frame = next;
}

async function openLink(query) {
  const turn = opened.turn + 1;
  opened = { query, origin: "", at: Date.now(), turn };
  showState(document.body.dataset.loading);
  let answer;
  try {
    answer = await (await fetch("/card?" + query, { method: "POST" })).json();
  } catch {
    answer = { error: document.getElementById("offline").textContent };
  }
  if (turn !== opened.turn || !dialog.open) return;
  if (!answer.url) {
    showState(answer.error, answer.detail, true);
    return;
  }
  opened.origin = new URL(answer.url).origin;
  freshFrame();
  frame.hidden = false;
  state.hidden = true;
  frame.src = answer.url;
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-card]");
  if (opener) {
    document.getElementById("chat-title").textContent = opener.dataset.cardTitle;
    dialog.showModal();
    openLink(opener.dataset.card);
  }
  if (event.target.closest("[data-close]")) dialog.close();
});

dialog.addEventListener("close", () => {
  opened.turn++;
  freshFrame();
  frame.hidden = true;
});

window.addEventListener("message", (event) => {
  const ours = event.source === frame.contentWindow && event.origin === opened.origin;
  if (!ours || event.data?.type !== "switchboard.reopen" || Date.now() - opened.at < 1000) return;
  openLink(opened.query);
});

applyFilter();
startPolling();
