// The slide view of a page: PAGE.html?slides. A heading begins a slide, and what does not fit goes on to the next one.
// The page's own elements are shown and hidden where they stand, so that formulas, figures and links stay as they are.
// Keys: arrows, Page Up and Down, Space; Home and End; c shows code; Escape goes back to the page.
(() => {
  "use strict";

  const query = new URLSearchParams(location.search);
  if (!query.has("slides")) return;
  document.documentElement.classList.add("slides");

  const WRAPPERS = "section, .cell, .cell_output, .output.text_html, .output.text_markdown";
  const SKIPPED = ".this-run, .headerlink";
  const SLACK = 24;  // pixels: margins of the elements around the leaves, which are not measured
  let leaves = [], titles = [], now = 0, last = 0;

  // Elements that are shown whole, in the order of the page.
  function parts(element) {
    return [...element.children].flatMap((child) => {
      if (child.matches(SKIPPED)) return [];
      return child.matches(WRAPPERS) && child.children.length ? parts(child) : [child];
    });
  }

  const isCode = (leaf) => leaf.matches("details.hide") || leaf.matches(".cell_input");
  const isHeading = (leaf) => /^H[1-3]$/.test(leaf.tagName);
  const hasPicture = (leaf) => leaf.querySelector("img") !== null;

  function height(leaf) {
    const style = getComputedStyle(leaf);
    return leaf.getBoundingClientRect().height + parseFloat(style.marginTop) + parseFloat(style.marginBottom);
  }

  // Which leaves stay together: a heading with what follows, a picture with its caption, a list with its sentence.
  function groups(shown) {
    const found = [];
    let open = false;
    for (const leaf of shown) {
      const caption = found.length && hasPicture(found.at(-1).at(-1)) && leaf.querySelector(":scope > em:only-child");
      const list = /^[OU]L$/.test(leaf.tagName) && found.length && leaf.previousElementSibling === found.at(-1).at(-1);
      if (open || caption || list) found.at(-1).push(leaf); else found.push([leaf]);
      open = isHeading(leaf);
    }
    return found;
  }

  function pack() {
    const code = document.documentElement.classList.contains("with-code");
    const kept = leaves.find((leaf) => Number(leaf.dataset.slide) === now);
    for (const leaf of leaves) leaf.classList.remove("elsewhere");
    for (const leaf of leaves) if (leaf.matches("details.hide")) leaf.open = code;
    const article = document.querySelector("article"), around = getComputedStyle(article);
    const paddings = parseFloat(around.paddingTop) + parseFloat(around.paddingBottom);
    const room = article.clientHeight - paddings - SLACK;
    let slide = -1, used = 0, title = "";
    titles = [];
    for (const group of groups(leaves.filter((leaf) => code || !isCode(leaf)))) {
      const needed = group.reduce((sum, leaf) => sum + height(leaf), 0);
      const heading = group.find(isHeading);
      if (heading) title = heading.firstChild.textContent;
      const begins = group[0].matches("h1, h2") || slide < 0;
      if (begins || used + needed > room) {
        slide += 1;
        used = 0;
        titles[slide] = title;
      }
      used += needed;
      for (const leaf of group) leaf.dataset.slide = slide;
    }
    for (const leaf of leaves) if (!code && isCode(leaf)) leaf.dataset.slide = -1;
    last = slide;
    show(kept && Number(kept.dataset.slide) >= 0 ? Number(kept.dataset.slide) : now);
  }

  function show(number) {
    now = Math.max(0, Math.min(last, number));
    for (const leaf of leaves) leaf.classList.toggle("elsewhere", Number(leaf.dataset.slide) !== now);
    document.querySelector("article").scrollTop = 0;
    const bar = document.querySelector(".slide-bar");
    bar.querySelector(".where").textContent = `${now + 1} of ${last + 1}`;
    bar.querySelector(".title").textContent = titles[now];
    bar.querySelector(".back").disabled = now === 0;
    bar.querySelector(".on").disabled = now === last;
    history.replaceState(null, "", `#slide-${now + 1}`);
  }

  function leave() {
    query.delete("slides");
    const rest = query.toString();
    location.assign(location.pathname + (rest ? `?${rest}` : ""));
  }

  function toggleCode() {
    document.documentElement.classList.toggle("with-code");
    pack();
  }

  function bar() {
    const made = Object.assign(document.createElement("nav"), { className: "slide-bar" });
    made.setAttribute("aria-label", "Slides");
    const add = (tag, className, text, act) => {
      const part = Object.assign(document.createElement(tag), { className, textContent: text });
      if (act) { part.type = "button"; part.addEventListener("click", act); }
      made.append(part);
      return part;
    };
    add("button", "back", "Back", () => show(now - 1));
    add("span", "where", "").setAttribute("aria-live", "polite");
    add("button", "on", "Next", () => show(now + 1));
    add("span", "title", "");
    add("button", "code", "Code", toggleCode).title = "Show or hide code (c)";
    add("button", "leave", "Page", leave).title = "Back to the page (Escape)";
    document.body.append(made);
  }

  const KEYS = {
    ArrowRight: () => show(now + 1), PageDown: () => show(now + 1), " ": () => show(now + 1),
    ArrowLeft: () => show(now - 1), PageUp: () => show(now - 1),
    Home: () => show(0), End: () => show(last), c: toggleCode, Escape: leave,
  };

  function pressed(event) {
    const busy = event.altKey || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]");
    const typing = event.target.closest("input, textarea, select") || (event.key === " " && event.target.closest("button, summary, a"));
    if (busy || typing || !(event.key in KEYS)) return;
    event.preventDefault();
    KEYS[event.key]();
  }

  addEventListener("load", async () => {
    if (window.MathJax && window.MathJax.startup) await window.MathJax.startup.promise;
    leaves = parts(document.querySelector("article"));
    bar();
    const asked = /^#slide-(\d+)$/.exec(location.hash);
    now = asked ? Number(asked[1]) - 1 : 0;
    pack();
    addEventListener("keydown", pressed);
    addEventListener("resize", pack);
    addEventListener("hashchange", () => {
      const wanted = /^#slide-(\d+)$/.exec(location.hash);
      if (wanted) show(Number(wanted[1]) - 1);
    });
    document.documentElement.classList.add("packed");
  });
})();
