// A reader's way through the test. `source` brings pictures and keeps answers: a server, or this file itself.

function levelsOf(buffer, bits) {
  return bits === 8 ? new Uint8Array(buffer) : new Uint16Array(buffer);  // low byte first, as on every machine that has a browser
}

function begin(source, facts) {
  const part = (id) => document.getElementById(id);
  const form = part("form");
  const view = new View(2 ** facts.bits - 1);
  const viewers = [...document.querySelectorAll(".view canvas")].map((canvas) => new Viewer(canvas, facts.side, view));
  let number = facts.answered;
  let reading = false, sending = false;
  let ahead = null;  // the picture after this one, on its way
  let marks = [], lastCue = null, marking = -1;
  let seconds = 0, since = null;

  const chosen = (name) => [...form.querySelectorAll(`input[name=${name}]:checked`)].map((box) => box.value);
  const box = (cue) => form.querySelector(`input[name=cue][value="${CSS.escape(cue)}"]`);
  const cueName = (cue) => box(cue).closest("label").firstChild.nextSibling.textContent.trim();

  function say(text) {
    part("message").textContent = text;
    part("message").hidden = !text;
  }

  function clock() {
    if (since !== null) seconds += (performance.now() - since) / 1000;
    since = reading && !document.hidden ? performance.now() : null;
  }

  function draw() {
    for (const viewer of viewers) {
      const side = viewer.canvas.dataset.side;
      viewer.marks = marks.filter((mark) => mark.side === side).map((mark) => ({ ...mark, name: cueName(mark.cue) }));
      viewer.draw();
    }
    const scale = viewers[0].scale();
    const shown = scale >= 1 ? "×" + Number(scale.toFixed(2)) : "1/" + Number((1 / scale).toFixed(2));
    const [low, high] = [view.centre - view.width / 2, view.centre + view.width / 2].map(Math.round);
    part("how").textContent = `${shown} · ${low} to ${high} of ${view.most}`;
    const pressed = { i: view.inverted, x: !view.smooth, m: marking >= 0 };
    for (const button of document.querySelectorAll("[aria-pressed]")) button.setAttribute("aria-pressed", pressed[button.dataset.press]);
  }

  function count() {
    part("place").textContent = number < facts.total ? `${viewers.length > 1 ? "Pair" : "Image"} ${number + 1} of ${facts.total}` : `${number} of ${facts.total} read`;
    part("progress").max = facts.total;
    part("progress").value = number;
  }

  function open(name) {
    for (const each of ["start", "reading", "done"]) part(each).hidden = each !== name;
    reading = name === "reading";
    part("pause").hidden = !reading;
    clock();
  }

  async function show() {
    count();
    if (number >= facts.total) {
      open("done");
      part("done-heading").focus();
      return;
    }
    let levels;
    try {
      levels = levelsOf(await (ahead ?? source.trial(number)).catch(() => source.trial(number)), facts.bits);
    } catch (error) {
      ahead = null;
      open("start");
      say(`The image did not arrive: ${error.message} Press Enter to try again.`);
      return;
    }
    ahead = null;
    form.reset();
    view.reset();
    [marks, lastCue, marking, seconds, since] = [[], null, -1, 0, null];
    const each = levels.length / viewers.length;
    viewers.forEach((viewer, index) => { viewer.levels = levels.subarray(index * each, (index + 1) * each); viewer.cross = null; });
    open("reading");
    document.activeElement.blur();
    form.scrollTop = part("reading").scrollTop = 0;
    draw();
    document.body.dataset.shown = number;
    if (number + 1 < facts.total) {
      ahead = source.trial(number + 1);
      ahead.catch(() => {});  // asked for again when it is needed
    }
  }

  async function send() {
    const [answer, confidence, kind] = ["answer", "confidence", "class_answer"].map((name) => chosen(name)[0]);
    const missing = [];
    if (!answer) missing.push("your answer");
    if (!confidence) missing.push("how sure you are");
    if (form.querySelector("[name=class_answer]") && !kind) missing.push("the class");
    if (missing.length) { say(`Still missing: ${missing.join(", ")}.`); return; }
    if (sending) return;
    clock();
    say("");
    sending = true;
    try {
      number = await source.keep({
        number, answer, confidence: Number(confidence), class_answer: kind || "", cues: chosen("cue"), marks,
        comment: part("comment").value.trim(), seconds: Math.round(100 * seconds) / 100,
      });
      await show();
    } catch (error) {
      say(`This answer is not kept yet: ${error.message} Press Enter to try again.`);
    } finally {
      sending = false;
    }
  }

  function pause() {
    open("start");
    part("go").firstChild.textContent = "Continue ";
    part("go").focus();
  }

  function go() {
    say("");
    if (number < facts.total && viewers[0].levels && Number(document.body.dataset.shown) === number) {
      open("reading");
      draw();
    } else show();
  }

  // The mark belongs to what was ticked last; a click on a mark takes it away.
  function mark(viewer, place) {
    const side = viewer.canvas.dataset.side;
    const near = marks.find((one) => one.side === side && Math.hypot(one.x - place.x, one.y - place.y) * viewer.scale() < 12 * (window.devicePixelRatio || 1));
    if (near) marks = marks.filter((one) => one !== near);
    else if (lastCue === null) { say("Tick what gave the image away, then click the place."); return; }
    else marks = [...marks, { cue: lastCue, side, ...place }];
    say("");
    draw();
  }

  function cross(next) {
    marking = next;
    viewers.forEach((viewer, index) => {
      viewer.cross = index === marking ? { x: Math.floor(facts.side / 2), y: Math.floor(facts.side / 2) } : null;
    });
    draw();
  }

  function moveCross(key, step) {
    const at = viewers[marking].cross;
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    at.x = Math.min(facts.side - 1, Math.max(0, at.x + step * move[0]));
    at.y = Math.min(facts.side - 1, Math.max(0, at.y + step * move[1]));
    draw();
  }

  function arrow(key, shift) {
    if (marking >= 0) { moveCross(key, shift ? 1 : Math.max(1, Math.round(facts.side / 32))); return; }
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    if (shift) view.window(dx / 20, -dy / 20);
    else { view.x += 40 * dx; view.y += 40 * dy; }
    draw();
  }

  const presses = {
    i: () => { view.inverted = !view.inverted; draw(); },
    x: () => { view.smooth = !view.smooth; draw(); },
    m: () => cross(marking + 1 < viewers.length ? marking + 1 : -1),
    "+": () => { view.enlarge(1.25); draw(); },
    "=": () => { view.enlarge(1.25); draw(); },
    "-": () => { view.enlarge(0.8); draw(); },
    0: () => { view.reset(); draw(); },
    c: () => part("comment").focus(),
    p: pause,
  };

  function ticked(cue) {
    if (box(cue).checked) lastCue = cue;
    else {
      marks = marks.filter((one) => one.cue !== cue);
      lastCue = chosen("cue").at(-1) ?? null;
    }
    draw();
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const on = event.target.closest("button, summary, a, [type=file]");
    if (!reading) {
      if (key === "Enter" && !on && !part("start").hidden) { event.preventDefault(); go(); }
      return;
    }
    if (event.target === part("comment")) {
      if (key === "Enter" || key === "Escape") { event.preventDefault(); part("comment").blur(); }
      return;
    }
    const input = event.shiftKey && event.code.startsWith("Digit")
      ? form.querySelector(`[data-shift=${event.code}]`)
      : [...form.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key);
    if (input) {
      say("");
      input.checked = input.type === "radio" || !input.checked;
      if (input.type === "checkbox") ticked(input.value);
    } else if (key.startsWith("Arrow")) {
      if (event.target.type === "radio") return;
      arrow(key, event.shiftKey);
    } else if (key === "Enter") {
      if (on && event.target !== part("next")) return;
      if (marking >= 0) mark(viewers[marking], { ...viewers[marking].cross });
      else send();
    } else if (key === "Escape") {
      if (marking >= 0) cross(-1);
      document.activeElement.blur();
    } else if (Object.hasOwn(presses, key)) presses[key]();
    else return;
    event.preventDefault();
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); send(); });
  form.addEventListener("change", (event) => {
    say("");
    if (event.target.name === "cue") ticked(event.target.value);
  });
  for (const button of document.querySelectorAll("[data-press]")) button.addEventListener("click", () => presses[button.dataset.press]());
  part("go").addEventListener("click", go);
  part("pause").addEventListener("click", pause);
  document.addEventListener("visibilitychange", clock);
  new ResizeObserver(() => { if (reading) draw(); }).observe(document.querySelector(".views"));
  for (const viewer of viewers) viewer.listen(draw, mark);

  async function references() {
    const canvases = [...document.querySelectorAll(".references canvas")];
    const whole = new View(view.most);
    for (const [index, canvas] of canvases.entries()) {
      const thumbnail = new Viewer(canvas, facts.side, whole);
      thumbnail.levels = levelsOf(await source.reference(index), facts.bits);
      thumbnail.paint(canvas);
    }
  }

  count();
  if (number >= facts.total) show();
  else {
    open("start");
    if (number) part("go").firstChild.textContent = "Continue ";
    ahead = source.trial(number);
    ahead.catch(() => {});
    references().catch((error) => say(`The reference images did not arrive: ${error.message} Load the page again.`));
  }
  document.body.dataset.ready = "";
  return { say, restart: (answered) => { number = answered; ahead = null; viewers[0].levels = null; count(); if (number >= facts.total) show(); } };
}
