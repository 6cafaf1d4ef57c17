// What every page does beyond HTML and htmx: its stream, running durations, copying, double submits, remembered switches, the keyboard.
// Every page works without this file.
"use strict";

const announce = (text) => {
  document.getElementById("announcer").textContent = text;
};

// The page's stream. How it stands is told at <html>: "up", "lost", "paused" while the tab is hidden, "done" when nothing more will come.
const LOST_AFTER_MS = 1000; // a shorter break is not worth a word; the styles wait as long
const SILENCE_MAX_MS = 40_000;
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 5000;
const page = document.documentElement;

let lostTimer;
let toldLost = false;
const connection = (state) => {
  if (page.dataset.connection === state) return;
  page.dataset.connection = state;
  clearTimeout(lostTimer);
  if (state === "lost") {
    lostTimer = setTimeout(() => {
      toldLost = true;
      announce("Connection lost, reconnecting…");
    }, LOST_AFTER_MS);
  } else if (state === "up" && toldLost) {
    toldLost = false;
    announce("Connected again.");
  }
};

// Signed out, or what the page shows was deleted: a reload says so. A 404 is never µPaaS's word about a stream, but a proxy's while it starts.
const isNoMore = (status) => status === 401 || status === 410;

const watch = (stream) => {
  let current; // hx-sse's own record of the connection; none until there was one
  let retryAfter = RETRY_MIN_MS;
  let silence;

  stream.addEventListener("htmx:sse:before:connection", ({ detail }) => {
    if (detail.connection.attempt > 0) connection(document.hidden ? "paused" : "lost");
  });
  stream.addEventListener("htmx:sse:after:connection", ({ detail }) => {
    current = detail.connection;
    connection("up");
    // hx-sse hears of a tab that is hidden only while it reads.
    if (document.hidden) setTimeout(() => document.dispatchEvent(new Event("visibilitychange")));
  });
  stream.addEventListener("htmx:sse:error", ({ detail }) => {
    connection("lost");
    if (isNoMore(detail.status)) location.reload();
  });
  stream.addEventListener("htmx:sse:close", ({ detail }) => connection(detail.reason === "message" ? "done" : "lost"));
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && page.dataset.connection === "up") connection("paused");
  });

  // A tab that is opened in the background waits until it is seen: browsers have six connections to a server, over all tabs.
  const connect = () => {
    if (document.hidden) document.addEventListener("visibilitychange", connect, { once: true });
    else stream.dispatchEvent(new Event("connect"));
  };
  document.addEventListener("DOMContentLoaded", connect);

  // hx-sse comes back by itself, but only to a stream that it has had before.
  stream.addEventListener("htmx:before:response", ({ detail }) => {
    if (isNoMore(detail.ctx.response.status)) location.reload();
  });
  stream.addEventListener("htmx:finally:request", () => {
    if (current) return;
    connection("lost");
    setTimeout(connect, retryAfter);
    retryAfter = Math.min(retryAfter * 2, RETRY_MAX_MS);
  });

  // A connection can die without a word, but the server is never silent for long: it says "alive".
  stream.addEventListener("htmx:sse:after:message", () => {
    clearTimeout(silence);
    silence = setTimeout(() => current.reader?.cancel(), SILENCE_MAX_MS);
  });
};

const stream = document.getElementById("stream");
if (stream) watch(stream);

// Running durations are counted on from what the server said last, while it can be asked.
const began = new WeakMap();

const duration = (ms) => {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 10) return `${seconds}.${Math.floor((ms % 1000) / 100)} s`;
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} m`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
};

const tick = (element) => {
  element.textContent = duration(performance.now() - began.get(element));
};

const startCounting = (root) => {
  for (const element of root.querySelectorAll("[data-running]")) {
    began.set(element, performance.now() - Number(element.dataset.running));
    tick(element);
  }
};

startCounting(document);
setInterval(() => {
  if (page.dataset.connection === "up") document.querySelectorAll("[data-running]").forEach(tick);
}, 1000);

// A fragment has come: what it says of its state is told when it is new.
const told = new Map();
const tellState = ({ id, dataset }) => {
  if (!dataset.announce) return;
  if (told.has(id) && told.get(id) !== dataset.announce) announce(dataset.announce);
  told.set(id, dataset.announce);
};
document.querySelectorAll("[data-announce]").forEach(tellState);

document.addEventListener("htmx:after:settle", ({ target }) => {
  if (target === document || target.id === "lines") return; // lines, put aside or not
  startCounting(target);
  tellState(target);
});

// What somebody has opened stays open when news take its place.
const opened = new Map();
document.addEventListener("toggle", ({ target }) => {
  if ("keepsOpen" in target.dataset) opened.set(target.id, target.open);
}, true);
document.addEventListener("htmx:after:settle", () => {
  for (const details of document.querySelectorAll("[data-keeps-open]")) details.open = opened.get(details.id) ?? false;
});

// Copy buttons. `navigator.clipboard` exists in secure contexts only, and µPaaS is often reached over plain http.
const copySelection = (source) => {
  const selection = window.getSelection();
  selection.selectAllChildren(source);
  return document.execCommand("copy");
};

const copy = async (source) => {
  try {
    await navigator.clipboard.writeText(source.textContent);
    return true;
  } catch {
    return copySelection(source);
  }
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const label = button.querySelector("span");
  const idle = (button.dataset.idle ??= label.textContent);
  const copied = await copy(document.querySelector(button.dataset.copy));
  label.textContent = copied ? "Copied" : "Press Ctrl+C";
  announce(copied ? "Copied to the clipboard." : "The text is selected. Copy it with Ctrl+C.");
  setTimeout(() => (label.textContent = idle), 2000);
});

// A pressed button shows its progress word and sends once, until the answer or a return to the page. No news undoes that meanwhile.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method === "dialog") return;
  if (form.dataset.sent) {
    event.preventDefault();
    event.stopPropagation(); // htmx listens further down
    return;
  }
  const button = event.submitter;
  form.dataset.sent = "true";
  form.setAttribute("hx-morph-skip", "");
  // After the event, so that the button's own value is still sent.
  setTimeout(() => {
    if (!button) return;
    button.disabled = true;
    const label = button.querySelector("span");
    if (!label || !button.dataset.busy) return;
    button.dataset.idle = label.textContent;
    label.textContent = button.dataset.busy;
    announce(button.dataset.busy);
  });
}, true);

const release = () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.removeAttribute("hx-morph-skip");
    for (const button of form.querySelectorAll("button:disabled")) {
      button.disabled = false;
      if (button.dataset.idle) button.querySelector("span").textContent = button.dataset.idle;
    }
  }
};
window.addEventListener("pageshow", release);
document.addEventListener("htmx:finally:request", (event) => {
  if (event.target.matches?.("form")) release();
});

// Switches that are remembered in this browser. Storage can be forbidden; then they last as long as the page.
const memory = (act) => {
  try {
    return act(localStorage);
  } catch {
    return null;
  }
};
for (const box of document.querySelectorAll("[data-remembered]")) {
  const name = box.dataset.remembered;
  const kept = memory((storage) => storage.getItem(name));
  if (kept) box.checked = kept === "on";
  box.addEventListener("change", () => memory((storage) => storage.setItem(name, box.checked ? "on" : "off")));
}

// The keyboard. A shortcut is a key, or two: "ga" is g, then a. Pages add their own; #help lists them all and can turn them off.
const CHORD_MS = 1000;
const help = document.getElementById("help");
const shortcuts = {
  "/": () => document.querySelector("[type=search]")?.focus(),
  "?": () => help?.showModal(),
  d: () => document.querySelector("[data-key=d] button")?.focus(),
  ga: () => location.assign("/"),
  gs: () => location.assign("/system"),
};

let pressedG = -Infinity;
document.addEventListener("keydown", (event) => {
  const elsewhere = event.target.closest?.("input:not([type=checkbox]), textarea, select, dialog");
  const off = help?.querySelector("[data-remembered=shortcuts]").checked === false;
  if (elsewhere || off || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
  const chord = event.timeStamp - pressedG < CHORD_MS ? shortcuts[`g${event.key}`] : undefined;
  const act = chord ?? shortcuts[event.key];
  pressedG = event.key === "g" ? event.timeStamp : -Infinity;
  if (!act) return;
  event.preventDefault(); // or a slash would be typed into the field that it focuses
  act();
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens).showModal();
});
