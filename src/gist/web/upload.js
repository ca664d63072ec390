"use strict";
// Files are brought in pieces; the server says how much of each it has, so that any interruption costs one piece.
const PIECE = 4 << 20, AT_ONCE = 200, BARS = 40;
const drop = document.getElementById("drop"), bars = document.getElementById("bars"), total = document.getElementById("total");
const base = drop.dataset.api, headers = {"X-CSRF-Token": document.querySelector("meta[name=csrf]").content};
const go = document.getElementById("go"), trouble = document.getElementById("trouble");
const later = milliseconds => new Promise(done => setTimeout(done, milliseconds));
const said = text => { trouble.textContent = text; trouble.hidden = !text; };

// Asks until there is an answer: a server that is being started again costs nothing but time.
const ask = async (address, options) => {
  for (;;) {
    try {
      const answer = await fetch(address, {...options, headers: {...headers, ...options.headers}});
      if (answer.ok) { said(""); return answer.json(); }
      if (answer.status < 500) throw new TypeError((await answer.json()).detail, {cause: "refused"});
      said((await answer.json()).detail);
    } catch (error) {
      if (error.cause === "refused") throw error;
      said("The server does not answer; this page tries again by itself.");
    }
    await later(1000);
  }
};

const entriesOf = async entry => {
  if (entry.isFile) return [[entry.fullPath.slice(1), await new Promise((done, failed) => entry.file(done, failed))]];
  const reader = entry.createReader(), found = [];
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return found;
    for (const each of some) found.push(...await entriesOf(each));
  }
};

// A folder that everything lies in names no class.
const withoutCommonFolder = files => {
  const first = files[0]?.[0].split("/")[0] + "/";
  return files.every(([path]) => path.startsWith(first)) ? files.map(([path, file]) => [path.slice(first.length), file]) : files;
};

const bring = async files => {
  files = withoutCommonFolder(files).filter(([path]) => !path.split("/").at(-1).startsWith("."));
  const sum = files.reduce((bytes, [, file]) => bytes + file.size, 0);
  let done = 0, whole = 0;
  const tell = () => {
    total.value = sum ? done / sum : 1;
    document.getElementById("told").textContent = `${whole} of ${files.length} files are here`;
  };
  document.getElementById("sending").hidden = false;
  go.disabled = true;
  try {
    for (let from = 0; from < files.length; from += AT_ONCE) {
      const some = files.slice(from, from + AT_ONCE);
      const pieces = await ask(base, {
        method: "POST", headers: {"Content-Type": "application/json"},
        body: JSON.stringify(some.map(([path, file]) => ({path, bytes: file.size, modified: file.lastModified}))),
      });
      for (const [number, piece] of pieces.entries()) {
        const [path, file] = some[number], bar = row(path);
        let at = piece.received;
        done += at;
        do {
          bar.value = file.size ? at / file.size : 1;
          tell();
          if (at >= file.size && (file.size || piece.received)) break;
          const {received} = await ask(`${base}/${piece.key}/${at}`, {method: "PUT", body: file.slice(at, at + PIECE)});
          done += received - at;
          at = received;
        } while (at < file.size);
        bar.value = 1;
        whole += 1;
        tell();
      }
    }
    location.reload();
  } catch (error) {
    said(error.message);
  }
};

const row = path => {
  const item = document.createElement("li"), name = document.createElement("span"), bar = document.createElement("progress");
  name.textContent = path;
  bar.setAttribute("aria-label", path);
  item.append(name, bar);
  bars.prepend(item);
  while (bars.children.length > BARS) bars.lastChild.remove();
  return bar;
};

drop.addEventListener("dragover", event => { event.preventDefault(); drop.classList.add("over"); });
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", async event => {
  event.preventDefault();
  drop.classList.remove("over");
  const entries = [...event.dataTransfer.items].map(item => item.webkitGetAsEntry()).filter(Boolean);
  bring((await Promise.all(entries.map(entriesOf))).flat());
});
for (const input of drop.querySelectorAll("input[type=file]")) {
  input.addEventListener("change", () => bring([...input.files].map(file => [file.webkitRelativePath || file.name, file])));
}
