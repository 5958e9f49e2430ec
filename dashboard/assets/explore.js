// The explorer: lines and fields open in place. Everything works without this file, as pages of their own.
"use strict";
(() => {
  // What a page of ours shows, to be put into this one.
  async function content(address) {
    const answer = await fetch(address);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.querySelector("main > article, main > section");
    if (!found) throw new Error("no content");
    return document.importNode(found, true);
  }

  async function load(place, address) {
    place.setAttribute("aria-busy", "true");
    try {
      const found = await content(address);
      // It is within a page that has such ids already.
      found.removeAttribute("id");
      found.classList.remove("panel");
      place.replaceChildren(found);
    } catch {
      place.replaceChildren(Object.assign(document.createElement("p"), { className: "empty failed low", textContent: alces.t("The dashboard does not answer.") }));
    } finally {
      place.removeAttribute("aria-busy");
    }
  }

  // A field shows its values when it is opened for the first time.
  document.addEventListener("toggle", (event) => {
    const field = event.target;
    if (!field.matches?.("details[data-load][open]") || field.dataset.loaded) return;
    field.dataset.loaded = "1";
    const place = field.querySelector(".wait");
    const inside = document.createElement("div");
    place.replaceWith(inside);
    load(inside, field.dataset.load);
  }, true);

  // A line opens beneath itself.
  document.querySelectorAll("a.open").forEach((a) => a.setAttribute("aria-expanded", "false"));
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.open");
    if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const row = link.closest("tr, li");
    if (link.getAttribute("aria-expanded") === "true") {
      link.setAttribute("aria-expanded", "false");
      (row.matches("tr") ? row.nextElementSibling : row.querySelector(".inside"))?.remove();
      return;
    }
    link.setAttribute("aria-expanded", "true");
    const inside = Object.assign(document.createElement("div"), { className: "inside" });
    if (row.matches("tr")) {
      const below = document.createElement("tr");
      below.className = "below";
      const cell = below.appendChild(document.createElement("td"));
      cell.colSpan = row.cells.length;
      cell.append(inside);
      row.after(below);
    } else {
      row.append(inside);
    }
    load(inside, link.href);
  });
})();

// Completion of the search box: the combobox of WAI-ARIA's patterns, with the focus staying in the box.
(() => {
  const box = document.getElementById("q");
  if (!box) return;
  // A search box may not be a combobox; a box for text may.
  box.type = "text";
  box.inputMode = "search";
  const list = Object.assign(document.createElement("ul"), { id: "choices", className: "choices", hidden: true });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", alces.t("What could stand here"));
  box.after(list);
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-controls", "choices"], ["aria-expanded", "false"]]) box.setAttribute(name, value);

  let found = null; // What was answered last: items, and the stretch that they take the place of.
  let active = -1;
  let timer = 0;
  let running = null;

  function close() {
    clearTimeout(timer);
    running?.abort();
    list.hidden = true;
    list.replaceChildren();
    found = null;
    active = -1;
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
  }

  async function ask() {
    running?.abort();
    running = new AbortController();
    const here = new URLSearchParams(location.search);
    const query = new URLSearchParams({ q: box.value, at: box.selectionStart });
    for (const name of ["from", "to", "tz"]) if (here.get(name)) query.set(name, here.get(name));
    try {
      const answer = await fetch("/api/v1/complete?" + query, { signal: running.signal });
      if (answer.ok) show(await answer.json()); else close();
    } catch (error) {
      if (error.name !== "AbortError") close();
    }
  }

  function show(answer) {
    // Of a word that is whole already nothing is to be offered.
    const typed = box.value.slice(answer.from, answer.to);
    const items = answer.items.filter((i) => i.text.trim() !== typed);
    if (!items.length || document.activeElement !== box) { close(); return; }
    found = { ...answer, items };
    active = -1;
    list.replaceChildren(...items.map((item, i) => {
      const option = Object.assign(document.createElement("li"), { id: "choice-" + i });
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      for (const [name, text] of [["label", plain(item.label)], ["hint", item.hint]]) {
        option.append(Object.assign(document.createElement("span"), { className: name, textContent: text }));
      }
      return option;
    }));
    list.hidden = false;
    box.setAttribute("aria-expanded", "true");
  }

  // Values are foreign text: what is hidden in them is shown as on the page.
  function plain(text) {
    return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (c) => "U+" + c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0"));
  }

  function move(to) {
    const options = list.children;
    active = (to + options.length) % options.length;
    [...options].forEach((o, i) => o.setAttribute("aria-selected", String(i === active)));
    box.setAttribute("aria-activedescendant", options[active].id);
    options[active].scrollIntoView({ block: "nearest" });
  }

  function take(i) {
    const { text } = found.items[i];
    box.setRangeText(text, found.from, found.to, "end");
    close();
    // Behind a field its values are offered.
    if (text.endsWith(":")) ask();
  }

  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 50);
  });
  box.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const open = !list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (open) move(event.key === "ArrowDown" ? active + 1 : (active < 0 ? 0 : active) - 1); else ask();
    } else if (open && active >= 0 && (event.key === "Enter" || event.key === "Tab")) {
      event.preventDefault();
      take(active);
    } else if (open && event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  });
  box.addEventListener("blur", close);
  // The focus stays in the box while the pointer chooses.
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target.closest("li");
    if (option) take([...list.children].indexOf(option));
  });
})();

// Lines as they pass.
(() => {
  const tail = document.querySelector("#tail[data-tail]");
  if (!tail) return;
  const MOST = 500; // Lines on the page; older ones leave it.
  const list = document.getElementById("passing");
  const pace = document.getElementById("pace");
  const pause = document.getElementById("pause");
  let waiting = []; // Lines that came since the page was painted, or while it is paused.
  let missed = 0; // Lines of these that no longer fit.
  let painting = false;
  let paused = false;
  pace.textContent = alces.t("Waiting for lines …");

  // Control and direction-changing characters are shown, as on every page.
  function visible(place, text) {
    for (const piece of text.split(/([\p{Cc}\p{Cf}\u2028\u2029])/u)) {
      if (/^[\p{Cc}\p{Cf}\u2028\u2029]$/u.test(piece)) {
        const name = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "ESC", "\0": "NUL" }[piece];
        place.append(span("ctl", name ?? "U+" + piece.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")));
      } else if (piece) place.append(piece);
    }
    return place;
  }

  function span(kind, text) { return Object.assign(document.createElement("span"), { className: kind, textContent: text }); }

  function row(line) {
    const li = document.createElement("li");
    const facts = li.appendChild(document.createElement("div"));
    facts.className = "facts";
    if (line.at) facts.append(Object.assign(document.createElement("time"), { textContent: new Date(line.at).toISOString().slice(11, 23) }));
    const label = line.status ?? line.level;
    if (label) facts.append(visible(span(/^[123]|^(info|notice|debug|trace)$/i.test(label) ? "status calm" : "status", ""), label.slice(0, 12)));
    if (line.url) facts.append(visible(span("path", ""), `${line.method ?? ""} ${line.url}`.trim().slice(0, 120)));
    if (line.host) facts.append(visible(span("host", ""), line.host.slice(0, 40)));
    li.append(visible(document.createElement("code"), line.message));
    return li;
  }

  function paint() {
    painting = false;
    if (paused || !waiting.length) return;
    const fresh = waiting.splice(0).slice(-MOST).reverse().map(row);
    list.prepend(...fresh);
    while (list.children.length > MOST) list.lastChild.remove();
  }

  function say(text) { if (pace.textContent !== text) pace.textContent = text; }

  const source = new EventSource(tail.dataset.tail);
  let again = false;
  source.addEventListener("line", (event) => {
    waiting.push(JSON.parse(event.data));
    if (waiting.length > MOST) { waiting.shift(); if (paused) missed++; }
    // A hidden page is painted when it is seen again.
    if (!painting && !paused) { painting = true; requestAnimationFrame(paint); }
  });
  source.addEventListener("second", (event) => {
    const s = JSON.parse(event.data);
    if (paused) say(missed ? alces.t("Paused: {n} lines wait, {left} older ones are left out.", { n: waiting.length, left: missed }) : alces.t("Paused: {n} lines wait.", { n: waiting.length }));
    else if (s.one_of > 1) say(alces.t("Showing 1 of {n}: {matched} lines a second are like that.", { n: s.one_of, matched: s.matched }));
    else say(alces.t("{matched} lines a second are like that, of {passed} that pass. All are shown.", s));
  });
  source.addEventListener("end", (event) => {
    say(JSON.parse(event.data).reason + ".");
    source.close();
  });
  // After a while it is looked at again who looks; the browser comes back by itself.
  source.addEventListener("again", () => { again = true; });
  source.addEventListener("open", () => { again = false; });
  source.addEventListener("error", () => { if (!again) say(alces.t("The stream was broken off; it is asked for again.")); });

  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    if (!paused) { missed = 0; paint(); }
  });
  document.getElementById("clear").addEventListener("click", () => { waiting = []; list.replaceChildren(); });
})();
