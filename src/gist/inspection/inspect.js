"use strict";
(function () {
  const page = document.body.dataset.page;
  const format = "gist-inspection/2";
  const store = "gist-inspection-" + page;
  const articles = Array.from(document.querySelectorAll("article"));
  const places = Array.from(document.querySelectorAll(".overview button"));
  const aids = document.getElementById("aids");
  const message = document.getElementById("message");
  let current = 0;
  let unsaved = false;
  let seen = new Set();  // images whose hints were shown
  let hinted = new Set();  // those answered, or answered anew, after that

  const boxes = (article) => Array.from(article.querySelectorAll("fieldset input"));
  const kinds = (article) => boxes(article).filter((box) => box.checked).map((box) => box.value);

  function answers() {
    const found = {};
    for (const article of articles) {
      if (kinds(article).length) found[article.dataset.image] = kinds(article);
    }
    const after = Array.from(hinted).filter((image) => image in found);
    return { format: format, page: page, saved: new Date().toISOString(), answers: found, hinted: after };
  }

  function say(text) {
    message.textContent = text;
    message.hidden = !text;
  }

  function mark() {
    articles.forEach(function (article, index) {
      const found = kinds(article);
      places[index].classList.toggle("fine", found.includes("none"));
      places[index].classList.toggle("wrong", found.length > 0 && !found.includes("none"));
      places[index].classList.toggle("now", index === current);
    });
    const answered = Object.keys(answers().answers).length;
    document.getElementById("answered").textContent = String(answered);
    document.getElementById("fill").style.width = (100 * answered) / articles.length + "%";
  }

  function show(index) {
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
      seen.add(article.dataset.image);
      remember();
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
    if (seen.has(article.dataset.image)) hinted.add(article.dataset.image);
    unsaved = true;
    document.getElementById("guide").open = false;
    remember();
    say("");
    mark();
  }

  function remember() {
    try { localStorage.setItem(store, JSON.stringify({ ...answers(), seen: Array.from(seen) })); } catch (error) { /* not every browser allows it */ }
  }

  function fill(saved) {
    for (const article of articles) {
      const found = saved.answers[article.dataset.image] || [];
      for (const box of boxes(article)) box.checked = found.includes(box.value);
    }
    hinted = new Set(saved.hinted);
    seen = new Set(saved.seen || saved.hinted);
    mark();
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
      if (saved.page !== page || saved.format !== format) { say("These answers belong to another page."); return; }
      fill(saved);
      remember();
      say("");
    } catch (error) {
      say("This is not a file of answers that this page saved.");
    }
  }

  document.addEventListener("change", function (event) {
    if (event.target.closest("fieldset")) ticked(event.target);
    else if (event.target === aids) showAids();
    else if (event.target.id === "open" && event.target.files.length) open(event.target.files[0]);
  });
  document.getElementById("back").addEventListener("click", () => show(current - 1));
  document.getElementById("next").addEventListener("click", () => show(current + 1));
  document.getElementById("save").addEventListener("click", save);
  places.forEach((place, index) => place.addEventListener("click", () => { show(index); scrollTo(0, 0); }));

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const onControl = event.target.closest("button, summary, label.button, #open");
    const list = boxes(articles[current]);
    if (/^[0-9]$/.test(event.key)) {
      const box = event.key === "0" ? list[list.length - 1] : list[Number(event.key) - 1];
      if (box && (event.key === "0" || box.value !== "none")) { box.checked = !box.checked; ticked(box); }
    } else if (event.key === "ArrowRight") show(current + 1);
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

  try {
    const saved = JSON.parse(localStorage.getItem(store));
    if (saved && saved.format === format) {
      fill(saved);
      document.getElementById("guide").open = false;
    }
  } catch (error) { /* nothing was remembered */ }
  show(0);
})();
