// A journal in its box: it follows its end while somebody reads there, and stands still for whoever has scrolled up.
// Comes after app.js. The page works without this file.
"use strict";

{
  const AT_END_PX = 48;
  const LINES_MAX = 5000;
  const LINES_KEPT = 3000;
  const LINES_AT_ONCE = 1000;
  const HELD_MAX = 20_000;

  const box = document.getElementById("journal-box");
  const lines = document.getElementById("lines");
  const jump = document.getElementById("journal-jump");
  // Found lines stand at other places than in the journal; and a part of it that ends early has no end to follow.
  const isWhole = !("found" in box.dataset);
  let reachesEnd = isWhole && !("endsEarly" in box.dataset);

  let following = false;
  let top = 0; // where the box stood when last looked at
  let place = null; // the line at the top of the box, and how far below it: what stays put while not following
  let arriving = true; // until the page is complete

  const numberOf = (line) => Number(line?.id.slice(1)) || 0;
  let seen = numberOf(lines.lastElementChild); // the last line when it stopped following
  const held = new DocumentFragment(); // lines that come after those in the box, see below
  const last = () => numberOf(held.lastElementChild ?? lines.lastElementChild);
  const isAtEnd = () => box.scrollHeight - box.clientHeight - box.scrollTop <= AT_END_PX;
  // A browser tells of a scroll with its next frame, which may be later than the next lines.
  const hasLeft = () => box.scrollTop < top && !isAtEnd();
  const offsetOf = (line) => line.getBoundingClientRect().top - box.getBoundingClientRect().top;

  /** The first line that can be seen: found by halving, since there may be thousands. */
  const firstVisible = () => {
    const all = lines.children;
    let [low, high] = [0, all.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (offsetOf(all[middle]) + all[middle].offsetHeight > 0) high = middle;
      else low = middle + 1;
    }
    return all[low]?.matches(".line") ? all[low] : all[low + 1];
  };

  const showJump = () => {
    jump.hidden = following || !isWhole || (reachesEnd && isAtEnd() && !held.firstElementChild);
    const fresh = reachesEnd ? last() - seen : 0;
    jump.querySelector("span").textContent = fresh > 0 ? `Jump to end · ${fresh} new ${fresh === 1 ? "line" : "lines"}` : "Jump to end";
  };

  const settle = (follows) => {
    if (following && !follows) seen = last();
    following = follows;
    top = box.scrollTop;
    const line = following ? undefined : firstVisible();
    place = line ? { line, offset: offsetOf(line) } : null;
    showJump();
  };

  // Old lines are let go of while following. They can be had again.
  const letGo = () => {
    let earlier = document.getElementById("earlier");
    const excess = lines.childElementCount - LINES_MAX;
    if (excess <= 0 || earlier?.querySelector(".htmx-request")) return;
    const range = document.createRange();
    range.setStart(lines, 0);
    if (earlier) range.setStartAfter(earlier);
    range.setEndBefore(lines.children[lines.childElementCount - LINES_KEPT]);
    range.deleteContents();
    if (!earlier) {
      lines.prepend(document.getElementById("earlier-again").content.cloneNode(true));
      earlier = lines.firstElementChild;
      htmx.process(earlier);
    }
    const link = earlier.querySelector("a");
    const first = numberOf(earlier.nextElementSibling);
    link.href = `?line=${first}#L${first}`;
    link.setAttribute("hx-get", link.getAttribute("hx-get").replace(/before=\d+/, `before=${first}`));
  };

  const follow = () => {
    lines.append(held);
    letGo();
    box.scrollTop = box.scrollHeight;
    settle(true);
  };

  /** After something has changed above or around the lines. */
  const stay = () => {
    if (following && !hasLeft()) return follow();
    if (place?.line.isConnected) box.scrollTop += offsetOf(place.line) - place.offset;
    settle(false);
  };

  /** After somebody has scrolled down, or has come to rest. */
  const goOn = () => {
    if (!reachesEnd || !isAtEnd()) return settle(false);
    if (!held.firstElementChild) return follow();
    for (let count = 0; count < LINES_AT_ONCE && held.firstElementChild; count++) lines.append(held.firstElementChild);
    settle(false);
  };

  /** Goes to a page, also to this one anew. */
  const load = ({ href, pathname, search }) => {
    if (pathname !== location.pathname || search !== location.search) return location.assign(href);
    history.replaceState(null, "", href);
    location.reload();
  };

  const toEnd = () => {
    if (!isWhole) return box.scrollTo(0, box.scrollHeight);
    if (!reachesEnd) return load(jump);
    follow();
    box.scrollIntoView({ block: "nearest" });
  };

  // Who scrolls up leaves the end at once, or new lines would pull back at every step; who rests near the end, or scrolls down to it, is
  // there. Lines that have come since are no scrolling, nor is what is done here or by the browser on its way to the line in the address.
  let scrolled = false;
  box.addEventListener("scroll", () => {
    const by = box.scrollTop - top;
    if (by === 0 || arriving) return;
    scrolled = true;
    if (by > 0) goOn();
    else settle(false);
  }, { passive: true });
  box.addEventListener("scrollend", () => {
    if (scrolled) goOn();
    scrolled = false;
  });
  new ResizeObserver(stay).observe(box);
  for (const id of ["journal-wrap", "journal-times"]) document.getElementById(id).addEventListener("change", stay);

  // Whoever reads further up is not slowed down by thousands of lines below: from some number on they wait outside of the page, and when
  // these are too many, the end is left to a page of its own.
  document.addEventListener("htmx:before:swap", ({ detail }) => {
    const hold = held.firstElementChild || (!following && lines.childElementCount >= LINES_MAX);
    if (held.childElementCount > HELD_MAX) {
      held.replaceChildren();
      reachesEnd = false;
    }
    for (const task of detail.tasks) {
      if (task.target !== lines) continue;
      if (!reachesEnd) task.target = null;
      else if (hold) task.target = held;
    }
  });

  /** The box ends where the window does, as long as what stands above it leaves room. */
  const fit = () => {
    page.style.setProperty("--journal-top", `${Math.round(box.getBoundingClientRect().top + window.scrollY)}px`);
  };
  new ResizeObserver(fit).observe(document.getElementById("main"));

  // News come several times between two frames; and no frame comes to a window that nobody sees.
  const FRAME_MAX_MS = 250;
  let due = false;
  const keepUp = () => {
    if (!due) return;
    due = false;
    if (following && !hasLeft()) follow();
    else showJump();
  };
  document.addEventListener("htmx:after:swap", ({ detail }) => {
    if (detail.ctx.sourceElement === stream) {
      if (due) return;
      due = true;
      requestAnimationFrame(keepUp);
      setTimeout(keepUp, FRAME_MAX_MS);
    } else {
      stay();
    }
  });

  // A line that is named in the address, or is about to be.
  const choose = (line) => {
    lines.querySelector(".line-chosen")?.classList.remove("line-chosen");
    line.classList.add("line-chosen");
  };

  const show = (line) => {
    choose(line);
    box.scrollTop += offsetOf(line) - box.clientHeight / 3;
    settle(false);
  };

  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (event.target.closest("#journal-jump, .journal-to-end")) {
      event.preventDefault();
      return toEnd();
    }
    const link = event.target.closest("a[href^='?line=']:not([hx-get])");
    const line = link && isWhole && document.getElementById(link.hash.slice(1));
    if (!line) return;
    event.preventDefault();
    history.replaceState(null, "", link.href);
    if (line.contains(link)) {
      choose(line);
      settle(false);
    } else {
      show(line);
      box.scrollIntoView({ block: "nearest" });
      box.focus({ preventScroll: true });
    }
  });

  Object.assign(shortcuts, {
    G: toEnd,
    End: toEnd,
    Home: () => (box.scrollTop > 0 ? box : window).scrollTo(0, 0),
  });

  page.classList.add("journal-scripted");
  fit();
  const asked = isWhole && /^#L\d/.test(location.hash) && document.getElementById(location.hash.slice(1));
  if (asked) show(asked);
  else if (reachesEnd) follow();
  else settle(false);
  window.addEventListener("load", () => requestAnimationFrame(() => {
    if (asked) show(asked);
    arriving = false;
  }));
}
