// Runs in the head of every page. Says in which zone the reader is, and notices when the page no longer moves.
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = "forewarn-zone=" + encodeURIComponent(zone) + ";path=/;SameSite=Lax;max-age=31536000";
  // The server changes data-beat on every refresh. A page that stands still must not look calm.
  let beat = null;
  let moved = Date.now();
  setInterval(() => {
    const current = document.querySelector("[data-beat]")?.dataset.beat ?? null;
    if (current !== beat) {
      beat = current;
      moved = Date.now();
    }
    document.documentElement.classList.toggle("fw-lost", Date.now() - moved > 9000);
  }, 1000);
})();
