"use strict";
(function () {
  const page = document.body.dataset.page;
  const earlier = document.body.dataset.earlier.split(" ");
  const format = "gist-inspection/3";
  const store = "gist-inspection-";  // and the picture: what was answered outlives the page
  const articles = Array.from(document.querySelectorAll("article"));
  const places = Array.from(document.querySelectorAll(".overview button"));
  const aids = document.getElementById("aids");
  const message = document.getElementById("message");
  let current = 0;
  let unsaved = false;
  let seen = new Set();  // images whose hints were shown
  let hinted = new Set();  // those answered, or answered anew, after that

  const boxes = (article) => Array.from(article.querySelectorAll("fieldset input[type=checkbox]"));
  const words = (article) => article.querySelector(".comment input");
  const kinds = (article) => boxes(article).filter((box) => box.checked).map((box) => box.value);

  function answer(article) {
    const found = kinds(article);
    const picture = article.dataset.picture;
    return { kinds: found, comment: found.includes("other") ? words(article).value.trim() : "", hinted: hinted.has(picture) };
  }

  function answers() {
    const found = {};
    for (const article of articles) {
      if (kinds(article).length) found[article.dataset.picture] = answer(article);
    }
    const asked = boxes(articles[0]).map((box) => box.value).filter((kind) => kind !== "none" && kind !== "other");
    return { format: format, page: page, saved: new Date().toISOString(), kinds: asked, answers: found };
  }

  function say(text) {
    message.textContent = text;
    message.hidden = !text;
  }

  function mark() {
    articles.forEach(function (article, index) {
      const found = kinds(article);
      article.querySelector(".comment").hidden = !found.includes("other");
      places[index].classList.toggle("fine", found.includes("none"));
      places[index].classList.toggle("wrong", found.length > 0 && !found.includes("none"));
      places[index].classList.toggle("now", index === current);
    });
    const answered = Object.keys(answers().answers).length;
    document.getElementById("answered").textContent = String(answered);
    document.getElementById("fill").style.width = (100 * answered) / articles.length + "%";
  }

  function show(index) {
    document.activeElement.blur();  // notes what is being written
    current = Math.max(0, Math.min(articles.length - 1, index));
    articles.forEach((article, place) => { article.hidden = place !== current; });
    aids.checked = false;  // every image is looked at without hints first
    showAids();
    document.getElementById("back").disabled = current === 0;
    document.getElementById("next").disabled = current === articles.length - 1;
    mark();
  }

  function showAids() {
    const article = articles[current];
    for (const figure of article.querySelectorAll(".aid")) figure.hidden = !aids.checked;
    article.querySelector(".pictures").classList.toggle("alone", !aids.checked);
    if (aids.checked) {
      seen.add(article.dataset.picture);
      remember(article);
    }
  }

  // A picture without an artifact has no kind, so "none" and the kinds exclude each other.
  function ticked(box) {
    const article = box.closest("article");
    if (box.checked) {
      for (const other of boxes(article)) {
        if ((other.value === "none") !== (box.value === "none")) other.checked = false;
      }
    }
    changed(article);
    if (box.value === "other" && box.checked) words(article).focus();
  }

  function changed(article) {
    if (seen.has(article.dataset.picture)) hinted.add(article.dataset.picture);
    unsaved = true;
    remember(article);
    say("");
    mark();
  }

  function remember(article) {
    const known = { ...answer(article), seen: seen.has(article.dataset.picture) };
    try { localStorage.setItem(store + article.dataset.picture, JSON.stringify(known)); } catch (error) { /* not every browser allows it */ }
  }

  function fill(article, saved) {
    for (const box of boxes(article)) box.checked = saved.kinds.includes(box.value);
    words(article).value = saved.comment || "";
    if (saved.hinted) hinted.add(article.dataset.picture); else hinted.delete(article.dataset.picture);
    if (saved.hinted || saved.seen) seen.add(article.dataset.picture);
  }

  function nextUnanswered() {
    for (let step = 1; step <= articles.length; step += 1) {
      const index = (current + step) % articles.length;
      if (!kinds(articles[index]).length) { show(index); return; }
    }
    say("Every image has an answer: save them now.");
  }

  function save() {
    const link = document.createElement("a");
    const text = JSON.stringify(answers(), null, 1) + "\n";
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = "gist-answers-" + page + ".json";
    document.body.appendChild(link);
    link.click();
    link.remove();
    unsaved = false;
    const missing = articles.length - Object.keys(answers().answers).length;
    say("Saved as " + link.download + " in your downloads." + (missing ? " " + missing + " images have no answer yet." : ""));
  }

  async function open(file) {
    try {
      const saved = JSON.parse(await file.text());
      const old = saved.format === "gist-inspection/2" && (saved.page === page || earlier.includes(saved.page));
      if (!old && saved.format !== format) { say("These answers belong to another page."); return; }
      const given = (article) => old
        ? saved.answers[article.dataset.image] && { kinds: saved.answers[article.dataset.image], hinted: saved.hinted.includes(article.dataset.image) }
        : saved.answers[article.dataset.picture];
      const known = articles.filter(given);
      if (!known.length) { say("These answers belong to other pictures."); return; }
      for (const article of known) {
        fill(article, given(article));
        remember(article);
      }
      mark();
      say("");
    } catch (error) {
      say("This is not a file of answers that this page saved.");
    }
  }

  document.addEventListener("change", function (event) {
    if (event.target.closest(".comment")) changed(event.target.closest("article"));
    else if (event.target.closest("fieldset")) ticked(event.target);
    else if (event.target === aids) showAids();
    else if (event.target.id === "open" && event.target.files.length) open(event.target.files[0]);
  });
  document.getElementById("back").addEventListener("click", () => show(current - 1));
  document.getElementById("next").addEventListener("click", () => show(current + 1));
  document.getElementById("save").addEventListener("click", save);
  places.forEach((place, index) => place.addEventListener("click", () => { show(index); scrollTo(0, 0); }));

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest(".comment") && event.key !== "Enter" && event.key !== "Escape") return;
    const onControl = event.target.closest("button, a, label.button, #open");
    const box = boxes(articles[current]).find((each) => each.dataset.key === event.key.toLowerCase());
    if (box) { box.checked = !box.checked; ticked(box); }
    else if (event.key === "Escape") document.activeElement.blur(); else if (event.key === "ArrowRight") show(current + 1);
    else if (event.key === "ArrowLeft") show(current - 1);
    else if (event.key === "Enter" && !onControl) show(current + 1);
    else if (event.key.toLowerCase() === "u") nextUnanswered();
    else if (event.key.toLowerCase() === "h") { aids.checked = !aids.checked; showAids(); }
    else if (event.key.toLowerCase() === "s") save();
    else return;
    event.preventDefault();
  });
  addEventListener("beforeunload", function (event) {
    if (unsaved) event.preventDefault();
  });

  for (const article of articles) {
    try {
      const saved = JSON.parse(localStorage.getItem(store + article.dataset.picture));
      if (saved) fill(article, saved);
    } catch (error) { /* nothing was remembered */ }
  }
  show(0);
})();
