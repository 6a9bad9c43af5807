// Two buttons of a lesson: one opens or folds every code cell, one prints the page as it stands.
(() => {
  "use strict";

  const folds = () => [...document.querySelectorAll("article details.hide")];

  addEventListener("DOMContentLoaded", () => {
    const views = document.querySelector(".this-run .views");
    const boxes = document.querySelectorAll(".views");
    const place = views || boxes[0];
    if (!place) return;
    const button = (text, act) => {
      const made = Object.assign(document.createElement("button"), { type: "button", textContent: text });
      made.addEventListener("click", act);
      place.append(made);
      return made;
    };
    if (folds().length) {
      const all = button("Show all code", () => {
        const opened = folds().some((fold) => !fold.open);
        for (const fold of folds()) fold.open = opened;
      });
      const label = () => { all.textContent = folds().some((fold) => !fold.open) ? "Show all code" : "Fold all code"; };
      for (const fold of folds()) fold.addEventListener("toggle", label);
    }
    button("Print", () => print()).title = "Folded code is not printed";
  });
})();
