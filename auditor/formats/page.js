// Filters and details of the report. Whatever comes from outside is only ever set as text.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const rows = [...document.querySelectorAll("#map tbody tr")];
  const findings = [...document.querySelectorAll(".finding[data-w]")];
  const search = document.getElementById("search");
  const count = document.getElementById("count");
  const nothing = document.getElementById("nothing");
  const chips = [...document.querySelectorAll(".chip[data-outcome]")];
  const poolButtons = [...document.querySelectorAll("th.pool button")];
  const chosen = { outcomes: new Set(), pool: -1 };
  const texts = new Map();

  const element = (name, text, className) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  };
  const searchable = (row) => {
    if (!texts.has(row)) {
      const { place, images } = data.workloads[row.dataset.w];
      const parts = [row.textContent, place, ...images.flat(), row.dataset.rules];
      texts.set(row, parts.join(" ").toLowerCase());
    }
    return texts.get(row);
  };

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = new Set();
    for (const row of rows) {
      const visible = (!chosen.outcomes.size || chosen.outcomes.has(row.dataset.outcome)) &&
        (chosen.pool < 0 || "fu".includes(row.dataset.c[chosen.pool])) &&
        words.every((word) => searchable(row).includes(word));
      row.hidden = !visible;
      if (visible) shown.add(row.dataset.w);
      if (row.nextSibling?.classList?.contains("detail")) row.nextSibling.hidden = !visible;
    }
    for (const finding of findings) finding.hidden = !shown.has(finding.dataset.w);
    count.textContent = shown.size === rows.length ? "" : `${shown.size} of ${rows.length} workloads`;
    nothing.hidden = shown.size > 0 || rows.length === 0;
    rove();
  }

  // One button of the map is in the tab order; the arrow keys move between them.
  const buttons = () => rows.filter((row) => !row.hidden).map((row) => row.querySelector("th button"));
  function rove(target) {
    const all = buttons();
    const current = target ?? all.find((button) => button.tabIndex === 0) ?? all[0];
    for (const row of rows) row.querySelector("th button").tabIndex = -1;
    if (current) current.tabIndex = 0;
    if (target) target.focus();
  }
  document.querySelector("#map tbody")?.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    const all = buttons();
    const at = all.indexOf(event.target);
    if (step === undefined || at < 0) return;
    event.preventDefault();
    rove(all[Math.min(Math.max(at + step, 0), all.length - 1)]);
  });

  function link(finding) {
    const line = element("p");
    const made = element("a", finding.querySelector(".message").textContent);
    made.href = `#${finding.id}`;
    made.addEventListener("click", () => {
      finding.open = true;
    });
    line.append(made);
    return line;
  }
  function detail(row) {
    const { place, images, pools } = data.workloads[row.dataset.w];
    const cell = element("td");
    cell.colSpan = row.cells.length;
    cell.append(element("p", place, "mono"));
    for (const finding of findings) {
      if (finding.dataset.w === row.dataset.w) cell.append(link(finding));
    }
    const uses = element("table");
    for (const [container, image, runsOn] of images) {
      const line = uses.insertRow();
      line.append(element("td", container), element("td", image, "mono"), element("td", runsOn));
    }
    const fits = element("table");
    pools.forEach(([state, reasons], index) => {
      const line = fits.insertRow();
      const badge = element("td");
      badge.append(element("span", data.states[state][0], `badge ${data.states[state][1]}`));
      const why = element("td");
      for (const reason of reasons) why.append(element("p", data.reasons[reason]));
      line.append(element("td", data.pools[index]), badge, why);
    });
    cell.append(uses, fits);
    const made = element("tr", undefined, "detail");
    made.append(cell);
    return made;
  }
  for (const row of rows) {
    const button = row.querySelector("th button");
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => {
      const open = button.getAttribute("aria-expanded") === "true";
      if (open) row.nextSibling.remove();
      else row.after(detail(row));
      button.setAttribute("aria-expanded", String(!open));
      rove(button);
    });
  }

  for (const chip of chips) {
    chip.addEventListener("click", () => {
      const on = chip.getAttribute("aria-pressed") !== "true";
      chip.setAttribute("aria-pressed", String(on));
      chosen.outcomes[on ? "add" : "delete"](chip.dataset.outcome);
      filter();
    });
  }
  poolButtons.forEach((button, index) => {
    button.setAttribute("aria-pressed", "false");
    button.title = "Show only workloads that fail or are undecided on this pool";
    button.addEventListener("click", () => {
      chosen.pool = chosen.pool === index ? -1 : index;
      poolButtons.forEach((other, at) => other.setAttribute("aria-pressed", String(at === chosen.pool)));
      filter();
    });
  });
  // A filtered report can be linked to: report.html#q=team-a+nginx
  const fromAddress = () => {
    if (!location.hash.startsWith("#q=")) return;
    search.value = new URLSearchParams(location.hash.slice(1)).get("q");
    filter();
  };
  addEventListener("hashchange", fromAddress);
  search.addEventListener("input", () => {
    const query = new URLSearchParams({ q: search.value });
    history.replaceState(null, "", search.value ? `#${query}` : location.pathname);
    filter();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== search) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "Escape" && document.activeElement === search) {
      search.value = "";
      search.dispatchEvent(new Event("input"));
    }
  });

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const item of closed) item.open = true;
  });
  addEventListener("afterprint", () => {
    for (const item of closed) item.open = false;
  });
  document.documentElement.classList.add("js");
  rove();
  fromAddress();
})();
