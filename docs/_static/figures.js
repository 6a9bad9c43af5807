// Pictures open in a dialog at their own size: by a click, by Enter on a focused picture; Escape closes it.
// A second click, or the button, changes between the whole picture and its own size. Without scripts they stay pictures.
// On a narrow page a figure is wider than its frame, which scrolls sideways: its letters never have less than 11 pixels.
(() => {
  "use strict";

  const LEGIBLE = 11 / (8 / 72 * 120);  // of a figure's own size: its smallest text has 8 points, at 120 dots an inch
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

  function keepLegible(button, image) {
    const set = () => {
      const beside = image.offsetWidth - image.clientWidth + 2 * parseFloat(getComputedStyle(image).paddingLeft);
      button.style.minWidth = `${Math.ceil(LEGIBLE * image.naturalWidth + beside)}px`;
    };
    if (image.naturalWidth) set(); else image.addEventListener("load", set);
  }

  function dialog() {
    const box = make("dialog", { className: "zoomed" });
    const bar = make("div", { className: "bar" });
    const size = make("button", { type: "button" });
    const close = make("button", { type: "button", textContent: "Close" });
    const around = make("div", { className: "around", tabIndex: 0 });
    const picture = make("img", {});
    const text = make("p", {});
    const label = () => { size.textContent = box.classList.contains("own-size") ? "Fit to the window" : "Own size"; };
    const change = () => { box.classList.toggle("own-size"); label(); };
    size.addEventListener("click", change);
    picture.addEventListener("click", change);
    close.addEventListener("click", () => box.close());
    box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
    bar.append(size, close);
    around.append(picture);
    box.append(bar, around, text);
    document.body.append(box);
    return (image) => {
      picture.src = image.src;
      picture.alt = image.alt;
      text.textContent = image.alt;
      box.classList.toggle("own-size", image.naturalWidth > innerWidth);  // else its text would be as small as before
      label();
      box.showModal();
    };
  }

  addEventListener("DOMContentLoaded", () => {
    let open = null;
    for (const image of document.querySelectorAll("article img")) {
      if (image.closest("a, button")) continue;
      const button = make("button", { type: "button", className: "zoom", title: "Enlarge" });
      button.setAttribute("aria-label", `Enlarge: ${image.alt}`);
      const frame = make("span", { className: "frame" });
      image.replaceWith(frame);
      frame.append(button);
      button.append(image);
      keepLegible(button, image);
      button.addEventListener("click", () => { open = open || dialog(); open(image); });
    }
  });
})();
