// Refreshes the page every 30 seconds. Without scripts the browser reloads it instead.
setInterval(async () => {
  const main = document.querySelector("main");
  if (document.hidden || main.contains(document.activeElement)) return;
  try {
    const response = await fetch(location.pathname, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.querySelector("main");
    if (fresh === null) throw new Error("the response is not the status page");
    // After a sign-in or sign-out in another tab, more than <main> has changed.
    const isSignedIn = (each) => each.querySelector("#sign-in") === null;
    if (isSignedIn(page) !== isSignedIn(document)) return location.reload();
    main.replaceWith(fresh);
    document.title = page.title;
  } catch {
    document.querySelector("#stale").textContent = ", the service does not answer";
  }
}, 30_000);
