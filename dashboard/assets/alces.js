// Refresh in place, and a cross-hair over all charts. Everything works without this file, only by hand.
"use strict";
// A text in the page's language; the server gives what differs from English.
window.alces = (() => {
  const texts = JSON.parse(document.body.dataset.texts || "{}");
  return { t: (text, values = {}) => (texts[text] ?? text).replace(/\{(\w+)\}/g, (_, name) => values[name]) };
})();
(() => {
  const { t } = alces;
  const seconds = Number(document.body.dataset.refresh) || 0;
  const board = document.getElementById("board");
  let running = null;

  // Refresh: fetch this very address, and swap the parts that have an id and differ.
  async function refresh() {
    // Nobody looks, or somebody is about to click.
    if (document.hidden || running || drag || document.querySelector(".choice, details.menu[open]")) return;
    running = new AbortController();
    const limit = setTimeout(() => running.abort(), 15000);
    try {
      const answer = await fetch(location.href, { signal: running.signal, cache: "no-store" });
      // The session has ended: the server's own page knows the way back here.
      if (answer.status === 401) return location.reload();
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("board");
      if (!fresh) throw new Error("no board");
      if (answer.ok) { swap(fresh); document.body.classList.remove("late"); }
      else if (!document.getElementById("verdict")) board.replaceChildren(...adopt(fresh.childNodes));
      else say(t("Not updated: the store does not answer."));
    } catch {
      say(t("Not updated: the dashboard does not answer."));
    } finally {
      clearTimeout(limit);
      running = null;
    }
  }

  function adopt(nodes) { return [...nodes].map((n) => document.importNode(n, true)); }

  function swap(fresh) {
    const panels = (e) => [...e.querySelectorAll(".panel")].map((p) => p.id).join();
    if (panels(board) !== panels(fresh)) { board.replaceChildren(...adopt(fresh.childNodes)); reach(); return; }
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
    reach();
    if (focus && document.contains(focus.svg)) show(focus.svg, focus.row); else hide();
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
  let focus = null; // The chart and the bucket that the keyboard is at.
  let drag = null; // A stretch that is being drawn with the pointer.

  function hide() { document.querySelectorAll(".cross, .tip").forEach((e) => e.remove()); }
  function close() { document.querySelectorAll(".choice, .brush").forEach((e) => e.remove()); drag = null; }

  function numbers(text) { return text.split(" ").map(Number); }

  function facts(svg) {
    const [left, right] = numbers(svg.dataset.plot);
    const [from, to, step] = numbers(svg.dataset.time);
    const box = svg.getBoundingClientRect();
    const first = Math.floor(from / step);
    return { left, right, from, to, step, first, box, scale: box.width / svg.viewBox.baseVal.width };
  }

  // The instant under the pointer, and its bucket; nothing beside the plot.
  function under(svg, clientX) {
    const f = facts(svg);
    const x = (clientX - f.box.left) / f.scale;
    const at = f.from + (x - f.left) / (f.right - f.left) * (f.to - f.from);
    return { ...f, x, at, row: Math.floor(at / f.step) - f.first, inside: x >= f.left && x <= f.right };
  }

  function charts() { return [...document.querySelectorAll("svg.chart[data-time]")].filter((s) => s.getBoundingClientRect().width > 0); }

  function show(svg, row) {
    hide();
    for (const other of charts()) mark(other, row, other === svg);
  }

  function mark(svg, row, here) {
    const f = facts(svg);
    const line = svg.closest(".panel").querySelectorAll("details.data tbody tr")[row];
    if (!line) return;
    const start = (f.first + row) * f.step;
    const middle = (Math.max(start, f.from) + Math.min(start + f.step, f.to)) / 2;
    const at = (f.left + (middle - f.from) / (f.to - f.from) * (f.right - f.left)) * f.scale;
    const picture = svg.parentElement;
    picture.append(element("div", "cross", at));
    if (!here) return;
    const tip = element("div", "tip", 0);
    tip.append(Object.assign(document.createElement("b"), { textContent: line.cells[0].textContent }));
    const names = svg.closest(".panel").querySelectorAll("details.data thead th");
    for (let i = 1; i < line.cells.length; i++) {
      const entry = document.createElement("div");
      for (const text of [names[i].textContent, line.cells[i].textContent]) {
        entry.append(Object.assign(document.createElement("span"), { textContent: text }));
      }
      tip.append(entry);
    }
    picture.append(tip);
    place(tip, at, picture);
  }

  function element(name, kind, left) {
    const e = document.createElement(name);
    e.className = kind;
    e.style.left = left + "px";
    return e;
  }

  // Beside `at`, on the side where there is room.
  function place(e, at, picture) {
    const room = picture.clientWidth - e.offsetWidth;
    e.style.left = Math.max(0, at + 12 > room ? at - e.offsetWidth - 12 : at + 12) + "px";
  }

  // A bucket was clicked, or a stretch drawn: where to?
  function choose(svg, start, end) {
    close();
    const f = facts(svg);
    const panel = svg.closest(".panel");
    const address = (path, search) => {
      const query = new URLSearchParams(location.search);
      query.set("from", Math.round(start));
      query.set("to", Math.round(end));
      query.delete("after");
      if (search !== undefined) search ? query.set("q", search) : query.delete("q");
      return path + "?" + query;
    };
    const box = element("div", "choice", 0);
    box.setAttribute("role", "menu");
    const links = [[t("Zoom in"), address(location.pathname)]];
    if (panel.querySelector('a[href^="/explore"]')) links.push([t("The lines"), address("/explore", panel.dataset.search)]);
    if (panel.querySelector('a[href^="/why"]')) links.push([t("Why?"), address("/why", panel.dataset.search)]);
    for (const [text, href] of links) {
      const a = Object.assign(document.createElement("a"), { textContent: text, href });
      a.setAttribute("role", "menuitem");
      box.append(a);
    }
    svg.parentElement.append(box);
    const x = (f.left + ((start + end) / 2 - f.from) / (f.to - f.from) * (f.right - f.left)) * f.scale;
    place(box, x, svg.parentElement);
    box.firstChild.focus({ preventScroll: true });
  }

  document.addEventListener("pointermove", (event) => {
    if (drag) { stretch(event.clientX); return; }
    const svg = event.target.closest?.("svg.chart[data-time]");
    if (!svg) { if (!focus) hide(); return; }
    const p = under(svg, event.clientX);
    if (p.inside) show(svg, p.row); else hide();
  }, { passive: true });

  document.addEventListener("pointerdown", (event) => {
    if (event.target.closest?.(".choice")) return;
    close();
    const svg = event.target.closest?.("svg.chart[data-time]");
    if (!svg || event.button !== 0) return;
    const p = under(svg, event.clientX);
    if (p.inside) drag = { svg, x: event.clientX, at: p.at, row: p.row };
  });

  function stretch(clientX) {
    if (Math.abs(clientX - drag.x) < 6 && !drag.brush) return;
    const p = under(drag.svg, clientX);
    const clip = (x) => Math.min(Math.max(x, p.left), p.right) * p.scale;
    const [a, b] = [clip((drag.x - p.box.left) / p.scale), clip(p.x)].sort((a, b) => a - b);
    drag.brush ??= drag.svg.parentElement.appendChild(element("div", "brush", a));
    drag.brush.style.left = a + "px";
    drag.brush.style.width = b - a + "px";
    drag.end = Math.min(Math.max(p.at, p.from), p.to);
  }

  document.addEventListener("pointerup", () => {
    if (!drag) return;
    const { svg, at, end, row, brush } = drag;
    drag = null;
    if (brush && end !== undefined) {
      const [start, stop] = [at, end].sort((a, b) => a - b);
      const shade = brush.cloneNode();
      choose(svg, start, Math.max(stop, start + 1000));
      svg.parentElement.append(shade);
    } else {
      bucket(svg, row);
    }
  });

  function bucket(svg, row) {
    const f = facts(svg);
    const start = (f.first + row) * f.step;
    choose(svg, start, start + f.step);
  }

  document.addEventListener("pointerleave", hide);
  document.addEventListener("focusin", (event) => {
    const svg = event.target.closest?.("svg.chart[data-time]");
    if (!svg) { if (focus) { focus = null; hide(); } return; }
    const rows = svg.closest(".panel").querySelectorAll("details.data tbody tr").length;
    focus = { svg, row: rows - 1 };
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const back = document.querySelector(".choice")?.parentElement.querySelector("svg.chart:focus, svg.chart");
      hide();
      close();
      document.querySelectorAll("details.menu[open], #custom[open]").forEach((d) => d.removeAttribute("open"));
      back?.focus?.({ preventScroll: true });
      return;
    }
    if (event.target.closest?.("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") { event.preventDefault(); document.getElementById("q")?.focus(); return; }
    if (!focus) return;
    const rows = focus.svg.closest(".panel").querySelectorAll("details.data tbody tr").length;
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -rows, End: rows }[event.key];
    if (step) {
      event.preventDefault();
      focus.row = Math.min(Math.max(focus.row + step, 0), rows - 1);
      show(focus.svg, focus.row);
    } else if (event.key === "Enter") {
      event.preventDefault();
      bucket(focus.svg, focus.row);
    }
  });

  // Charts can be reached by the keyboard; one menu is open at a time.
  function reach() { document.querySelectorAll("svg.chart[data-time]").forEach((s) => s.setAttribute("tabindex", "0")); }
  reach();
  document.addEventListener("toggle", (event) => {
    if (!event.target.matches?.("details.menu[open]")) return;
    document.querySelectorAll("details.menu[open]").forEach((d) => d !== event.target && d.removeAttribute("open"));
  }, true);
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("details.menu")) document.querySelectorAll("details.menu[open]").forEach((d) => d.removeAttribute("open"));
    if (event.target.closest?.("#diff")) event.target.select?.();
  });
})();
