// Copy buttons, questions before what cannot be undone, and the live part of a message's page. All works without it.
"use strict";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const said = button.textContent;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = said; }, 2000);
});

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

// On a phone the navigation is wider than the page.
document.querySelector(".top [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// What lives is asked for anew: every so often where it says how often, and then at once.
const look = async (live) => {
  if (!document.hidden) {
    try {
      const answer = await fetch(live.dataset.live);
      const text = answer.ok && !answer.redirected ? await answer.text() : null;
      if (text !== null && text !== live.innerHTML && text !== live.shown) {
        live.innerHTML = text;
        live.shown = text;
      }
    } catch (error) {
      // The server is away for a moment; the next time will tell.
    }
  }
  setTimeout(look, Number(live.dataset.every || 1500), live);
};
for (const live of document.querySelectorAll("[data-live]")) setTimeout(look, live.dataset.every ? 0 : 1500, live);

// What is done a part at a time goes on by itself.
document.querySelector("[data-continue]")?.requestSubmit();
