// Brings the page up to date every 30 seconds. Without scripts the browser reloads it instead.
setInterval(async () => {
  const main = document.querySelector("main");
  if (document.hidden || main.contains(document.activeElement)) return;
  try {
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("main");
    if (fresh === null) throw new Error("that is not the page");
    // Signed in or out meanwhile: then more than this part has changed.
    const isSignedIn = (each) => each.querySelector("#sign-in") === null;
    if (isSignedIn(page) !== isSignedIn(document)) return location.reload();
    main.replaceWith(fresh);
    document.title = page.title;
  } catch {
    document.querySelector("#stale").textContent = ", the service does not answer";
  }
}, 30_000);
