// Refresh in place, and a cross-hair over all charts. Everything works without this file, only by hand.
"use strict";
(() => {
  const seconds = Number(document.body.dataset.refresh) || 0;
  const board = document.getElementById("board");
  let running = null;

  // Refresh: fetch this very address, and swap the parts that have an id and differ.
  async function refresh() {
    if (document.hidden || running) return;
    running = new AbortController();
    const limit = setTimeout(() => running.abort(), 15000);
    try {
      const answer = await fetch(location.href, { signal: running.signal, cache: "no-store" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("board");
      if (!fresh) throw new Error("no board");
      if (answer.ok) { swap(fresh); document.body.classList.remove("late"); }
      else if (!document.getElementById("verdict")) board.replaceChildren(...adopt(fresh.childNodes));
      else say("Not updated: the store does not answer.");
    } catch {
      say("Not updated: the dashboard does not answer.");
    } finally {
      clearTimeout(limit);
      running = null;
    }
  }

  function adopt(nodes) { return [...nodes].map((n) => document.importNode(n, true)); }

  function swap(fresh) {
    const panels = (e) => [...e.querySelectorAll(".panel")].map((p) => p.id).join();
    if (panels(board) !== panels(fresh)) { board.replaceChildren(...adopt(fresh.childNodes)); return; }
    for (const next of fresh.querySelectorAll("#notices, #verdict, .panel, #updated, footer > p:first-child")) {
      const old = next.id ? document.getElementById(next.id) : board.querySelector("footer > p:first-child");
      if (!old) continue;
      for (const open of old.querySelectorAll("details[open][id]")) {
        const again = next.querySelector("#" + CSS.escape(open.id));
        if (again) again.open = true;
      }
      if (old.isEqualNode(next)) continue;
      const scrolled = [...old.querySelectorAll(".scroll, .errors")].map((e) => [e.scrollTop, e.scrollLeft]);
      const focus = old.contains(document.activeElement) ? path(old, document.activeElement) : null;
      old.replaceChildren(...adopt(next.childNodes));
      old.querySelectorAll(".scroll, .errors").forEach((e, i) => {
        if (scrolled[i]) [e.scrollTop, e.scrollLeft] = scrolled[i];
      });
      if (focus) focus.reduce((e, i) => e?.children[i], old)?.focus({ preventScroll: true });
    }
    hide();
  }

  // The way from an element down to the one in focus, as child numbers.
  function path(top, element) {
    const way = [];
    for (let e = element; e !== top; e = e.parentElement) way.unshift([...e.parentElement.children].indexOf(e));
    return way;
  }

  function say(text) {
    document.body.classList.add("late");
    const at = document.querySelector("#updated time");
    const line = document.getElementById("updated");
    if (line) line.title = text;
    if (at && !at.dataset.late) { at.dataset.late = "1"; at.parentElement.append(" · " + text); }
  }

  if (seconds > 0) {
    setInterval(refresh, seconds * 1000);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
  }

  // Cross-hair: every chart shares the same buckets, and the table beneath a chart holds its figures.
  function hide() { document.querySelectorAll(".cross, .tip").forEach((e) => e.remove()); }

  function point(event) {
    const svg = event.target.closest?.("svg.chart[data-plot]");
    if (!svg) { hide(); return; }
    const [left, right] = svg.dataset.plot.split(" ").map(Number);
    const box = svg.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    if (x < left || x > right) { hide(); return; }
    const [from, to, step] = svg.dataset.time.split(" ").map(Number);
    const row = Math.floor((from + (x - left) / (right - left) * (to - from)) / step) - Math.floor(from / step);
    hide();
    for (const other of document.querySelectorAll("svg.chart[data-plot]")) {
      if (other.getBoundingClientRect().width > 0) mark(other, row, other === svg);
    }
  }

  function mark(svg, row, here) {
    const picture = svg.parentElement;
    const line = svg.closest(".panel").querySelectorAll("details.data tbody tr")[row];
    if (!line) return;
    const [left, right] = svg.dataset.plot.split(" ").map(Number);
    const [from, to, step] = svg.dataset.time.split(" ").map(Number);
    const start = (Math.floor(from / step) + row) * step;
    const middle = (Math.max(start, from) + Math.min(start + step, to)) / 2;
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    const at = (left + (middle - from) / (to - from) * (right - left)) * scale;
    const cross = document.createElement("div");
    cross.className = "cross";
    cross.style.left = at + "px";
    picture.append(cross);
    if (!here) return;
    const tip = document.createElement("div");
    tip.className = "tip";
    const head = document.createElement("b");
    head.textContent = line.cells[0].textContent;
    tip.append(head);
    const names = svg.closest(".panel").querySelectorAll("details.data thead th");
    for (let i = 1; i < line.cells.length; i++) {
      const entry = document.createElement("div");
      const name = document.createElement("span");
      const value = document.createElement("span");
      name.textContent = names[i].textContent;
      value.textContent = line.cells[i].textContent;
      entry.append(name, value);
      tip.append(entry);
    }
    picture.append(tip);
    const room = picture.clientWidth - tip.offsetWidth;
    tip.style.left = Math.max(0, at + 12 > room ? at - tip.offsetWidth - 12 : at + 12) + "px";
  }

  document.addEventListener("pointermove", point, { passive: true });
  document.addEventListener("pointerdown", point, { passive: true });
  document.addEventListener("pointerleave", hide);
  document.addEventListener("keydown", (e) => {
    if (e.key !== "Escape") return;
    hide();
    document.getElementById("custom")?.removeAttribute("open");
  });
})();
