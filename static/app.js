// What the pages do beyond HTML and htmx: copy, guard against double submits, follow a live journal, tell a lost connection.
// Every page works without this file.
"use strict";

const announce = (text) => {
  document.getElementById("announcer").textContent = text;
};

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

// A pressed button shows its progress word and sends once, until the answer or a return to the page.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    event.stopPropagation(); // htmx listens further down
    return;
  }
  const button = event.submitter;
  form.dataset.sent = "true";
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

// A live journal that is read at its end stays at its end.
let follows = false;
document.addEventListener("htmx:before:swap", () => {
  const end = document.querySelector("#journal[data-live] #journal-end");
  follows = end !== null && end.getBoundingClientRect().top <= window.innerHeight + 48;
});
document.addEventListener("htmx:after:swap", () => {
  if (follows) document.getElementById("journal-end")?.scrollIntoView({ block: "end" });
});

// Never stale data as live: the badge says so while the server does not answer.
const connection = (state) => () => {
  document.documentElement.dataset.connection = state;
};
document.addEventListener("htmx:error", connection("lost"));
document.addEventListener("htmx:after:request", connection("up"));
