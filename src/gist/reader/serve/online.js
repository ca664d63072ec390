// Pictures from the server, answers to it. The token stands behind the # of the address, which no server and no log sees.
(async function () {
  const headers = { Authorization: "Bearer " + location.hash.slice(1) };

  async function ask(path, rest = {}) {
    let answer;
    try {
      answer = await fetch(path, { ...rest, headers: { ...headers, ...rest.headers } });
    } catch (error) {
      throw new Error("the server does not answer; ask whether it runs.");
    }
    if (answer.ok) return answer;
    const said = answer.headers.get("content-type") === "application/json" ? (await answer.json()).detail : "";
    throw new Error(typeof said === "string" && said ? said : "the server refused it.");
  }

  const source = {
    trial: async (number) => (await ask("/trial/" + number)).arrayBuffer(),
    reference: async (number) => (await ask("/reference/" + number)).arrayBuffer(),
    keep: async (answer) => {
      const body = JSON.stringify(answer);
      const kept = await ask("/answer", { method: "POST", body, headers: { "Content-Type": "application/json" } });
      return (await kept.json()).answered;
    },
  };
  try {
    begin(source, await (await ask("/session")).json());
  } catch (error) {
    const message = document.getElementById("message");
    message.textContent = error.message;
    message.hidden = false;
  }
})();
