// Pictures from this file; answers into the browser's database at once, and into a CSV file when asked.
(async function () {
  const facts = JSON.parse(document.getElementById("session").textContent);
  const key = `${facts.study} ${facts.reader}`;
  let rows = [];  // as they stand in the table
  let kept = true, unsaved = false;

  // One request to the database. "strict": done when it is on disk; localStorage would be there seconds later.
  function ask(mode, request) {
    return new Promise((done, failed) => {
      const opening = indexedDB.open("gist-reader", 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore("answers");
      opening.onerror = () => failed(opening.error);
      opening.onsuccess = () => {
        const work = opening.result.transaction("answers", mode, { durability: "strict" });
        const asked = request(work.objectStore("answers"));
        const end = (tell, value) => { opening.result.close(); tell(value); };
        work.oncomplete = () => end(done, asked.result);
        work.onerror = work.onabort = () => end(failed, work.error);
      };
    });
  }

  async function remember() {
    unsaved = true;
    try {
      await ask("readwrite", (store) => store.put(rows, key));
      kept = true;
    } catch (error) {
      kept = false;  // not every browser keeps things for a page from disk
    }
  }

  function bytes(element) {
    const text = atob(element.textContent);
    const found = new Uint8Array(text.length);
    for (let index = 0; index < text.length; index += 1) found[index] = text.charCodeAt(index);
    return found.buffer;
  }

  const cell = (value) => (/[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  const table = () => [facts.columns, ...rows].map((row) => row.map(cell).join(",") + "\n").join("");

  function parsed(text) {
    const found = [[]];
    for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
      found.at(-1).push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
      if (end !== ",") found.push([]);
    }
    return found.filter((row) => row.length === facts.columns.length);
  }

  const follows = (given) => given.length <= facts.order.length && given.every((row, index) =>
    row[0] === facts.reader && row[1] === facts.order[index][0] && Number(row[8]) === facts.order[index][1]);

  const source = {
    trial: async (number) => bytes(document.getElementById("i" + facts.order[number][0])),
    reference: async (number) => bytes(document.querySelectorAll(".shown")[number]),
    keep: async (given) => {
      const [image, repeat] = facts.order[given.number];
      const marks = given.marks.map((one) => [one.cue, one.side, one.x, one.y].filter((part) => part !== "").join(" "));
      const comment = given.comment.replace(/\s+/g, " ");
      rows.push([facts.reader, image, given.answer, given.confidence, given.class_answer, given.cues.join(";"), comment,
        given.seconds, repeat, marks.join(";")]);
      await remember();
      if (!kept) session.say("This browser keeps nothing: save the answers before you close this page.");
      return rows.length;
    },
  };
  try {
    rows = (await ask("readonly", (store) => store.get(key))) || [];
  } catch (error) {
    kept = false;
  }
  if (!follows(rows)) rows = [];
  const session = begin(source, { ...facts, answered: rows.length });

  function save() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([table()], { type: "text/csv" }));
    link.download = `${facts.reader}.csv`;
    document.body.appendChild(link);
    link.click();
    link.remove();
    unsaved = false;
    session.say(`${rows.length} of ${facts.order.length} answers are in ${link.download} in your downloads.`);
  }

  async function open(file) {
    const given = parsed(await file.text()).slice(1);
    if (!given.length || !follows(given)) session.say("This file holds no answers of this reader to this test.");
    else if (given.length < rows.length) session.say("This file holds fewer answers than this browser has kept.");
    else {
      rows = given;
      await remember();
      session.restart(rows.length);
      session.say(`${rows.length} answers are read in.`);
    }
  }

  for (const id of ["save", "finish"]) document.getElementById(id).addEventListener("click", save);
  document.getElementById("open").addEventListener("change", (event) => { if (event.target.files.length) open(event.target.files[0]); });
  addEventListener("beforeunload", (event) => { if (unsaved && !kept) event.preventDefault(); });
})();
