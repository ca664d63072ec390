"use strict";
// Parts marked data-live are taken anew from the same page as long as one of them says that work goes on.
const live = async () => {
  const offline = document.getElementById("offline");
  try {
    const answer = await fetch(location.href);
    if (answer.ok) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const old of document.querySelectorAll("[data-live]")) {
        const now = fresh.getElementById(old.id);
        if (now && now.outerHTML !== old.outerHTML) old.replaceWith(now);
      }
    }
    offline.hidden = true;
  } catch {
    offline.hidden = false;
  }
  again();
};
const again = () => document.querySelector("[data-live=working]") && setTimeout(live, 1500);
again();
