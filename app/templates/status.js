// Brings the page up to date every 30 seconds. Without scripts the browser reloads it instead.
setInterval(async () => {
  const main = document.querySelector("main");
  if (document.hidden || main.contains(document.activeElement)) return;
  try {
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    main.replaceWith(page.querySelector("main"));
    document.title = page.title;
  } catch {
    document.querySelector("#stale").textContent = ", the service does not answer";
  }
}, 30_000);
