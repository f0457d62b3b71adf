// Mail that tries to run a script or to reach out, in a real browser, with each of the two walls
// absent in turn: the sanitiser alone, the policy and sandbox alone, both; and neither, to see
// that the watchers see. The sanitised HTML and the policy come from the running product; here
// they are only served apart. Usage: node sanitizer.mjs DEMO_JSON
import { createServer } from "node:http";
import { createServer as createSink } from "node:net";
import assert from "node:assert/strict";
import { account, deliver, launch, letter, signIn, site } from "./browser.mjs";
import { HOST, shapes } from "./payloads.mjs";

const BATCH = 100;
// How long a batch is watched after it has loaded: what animates or refreshes needs a moment.
const WATCH_MS = 400;

const listen = (server) => new Promise((done) => server.listen(0, "127.0.0.1", () => done(server.address().port)));

// The host of all payloads leads here; no other host but ours is found, for the browser has
// services of its own.
const reached = [];
const sink = createSink((socket) => {
  socket.on("error", () => {});
  socket.once("data", (data) => {
    reached.push(data.toString("latin1").split("\r\n")[0]);
    socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  });
});
const sinkPort = await listen(sink);

// The documents: /MODE/NUMBER, and pages that hold a batch of them: /MODE/from/NUMBER.
let documents = {};
let policy = "";
const MODES = {
  neither: { body: "raw", policy: false },
  sanitiser: { body: "clean", policy: false },
  policy: { body: "raw", policy: true },
  both: { body: "clean", policy: true },
};
const server = createServer((request, response) => {
  const [, mode, what, from] = request.url.split("/");
  const walls = MODES[mode];
  const number = Number(what);
  if (!walls || (what !== "from" && !(number < shapes.length))) {
    response.writeHead(404).end();
    return;
  }
  if (what === "from") {
    const sandbox = walls.policy ? ' sandbox="allow-popups allow-popups-to-escape-sandbox"' : "";
    const frames = shapes.slice(Number(from), Number(from) + BATCH)
      .map((_, index) => `<iframe${sandbox} src="/${mode}/${Number(from) + index}"></iframe>`);
    response.writeHead(200, { "content-type": "text/html" });
    response.end(`<!doctype html><script>ran = []; onmessage = (e) => ran.push(e.source)</script>${frames.join("")}`);
    return;
  }
  const headers = { "content-type": "text/html; charset=utf-8", "x-content-type-options": "nosniff" };
  if (walls.policy) headers["content-security-policy"] = policy;
  response.writeHead(200, headers);
  response.end(documents[walls.body][number]);
});
const port = await listen(server);
const ours = `http://localhost:${port}`;

const browser = await launch([
  // One process for all frames: hundreds of them are made.
  "--disable-features=IsolateSandboxedIframes", "--disable-site-isolation-trials",
  `--host-resolver-rules=MAP ${HOST} 127.0.0.1:${sinkPort}, MAP * ~NOTFOUND, EXCLUDE localhost`,
]);
try {
  await deliver("jean.dupont@ac-paris.test", shapes.map(({ html }, index) => letter(`forme ${index}`, html)));
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await signIn(page, account("jean.dupont"));
  // The messages are in the order in which they were delivered; the newest is the last one.
  const newest = await page.locator("a[href^='/m/INBOX/']").first().getAttribute("href");
  const first = Number(newest.split("/").pop()) - shapes.length + 1;
  const clean = [];
  for (let index = 0; index < shapes.length; index += 1) {
    const answer = await context.request.get(`${site}/m/INBOX/${first + index}/corps`);
    // A letter of which nothing is left but an unknown part has no frame.
    assert.equal(answer.status(), 200, `${index}: ${shapes[index].html}`);
    policy = answer.headers()["content-security-policy"];
    clean.push((await answer.text()));
  }
  documents = { clean, raw: shapes.map(({ html }) => `<!doctype html><html><body>${html}</body></html>`) };

  for (const mode of Object.keys(MODES)) {
    const tab = await (await browser.newContext()).newPage();
    const dialogs = [];
    tab.on("dialog", (dialog) => { dialogs.push(dialog.message()); dialog.dismiss(); });
    reached.length = 0;
    const ran = [];
    // Each wall alone meets every shape. A few without any show that the watchers see, and a few with
    // both that these do not stand in each other's way; with LOOKS=all these are all.
    const few = mode === "neither" || (mode === "both" && process.env.LOOKS !== "all");
    const step = few ? 3 * BATCH : BATCH;
    let letters = 0;
    for (let from = 0; from < shapes.length; from += step) {
      letters += Math.min(BATCH, shapes.length - from);
      const before = reached.length;
      await tab.goto(`${ours}/${mode}/from/${from}`, { waitUntil: "load" });
      await tab.waitForTimeout(WATCH_MS);
      const found = await tab.evaluate(({ isClean }) => {
        const frames = [...document.querySelectorAll("iframe")];
        const wrong = [];
        for (const [index, frame] of isClean ? frames.entries() : []) {
          // The browser's own reading of what the sanitiser left.
          for (const element of frame.contentDocument.body.querySelectorAll("*")) {
            const bad = /^(script|svg|math|iframe|object|embed|form|input|button|style|link|meta|base|template|video|audio|textarea|select|dialog|marquee)$/;
            const names = element.getAttributeNames().filter((name) => /^on|^id$|^name$|srcdoc|action/.test(name));
            const scheme = element.hasAttribute("href") && element.protocol && !/^(https?|mailto|tel):$/.test(element.protocol);
            if (bad.test(element.localName) || names.length || scheme) wrong.push([index, element.outerHTML]);
          }
        }
        return { ran: ran.map((source) => frames.findIndex((frame) => frame.contentWindow === source)), wrong };
      }, { isClean: mode === "sanitiser" });
      ran.push(...new Set(found.ran.map((index) => from + index)));
      assert.deepEqual(found.wrong.map(([index, html]) => [shapes[from + index].html, html]), [], `${mode}: what the browser sees`);
      if (mode !== "neither") {
        assert.deepEqual(reached.slice(before), [], `${mode}: reached out in ${from}…: ${shapes.slice(from, from + BATCH).map((s) => s.html).join("\n")}`);
      }
    }
    const named = ran.map((index) => shapes[index]?.html ?? `frame ${index}`);
    console.log(`${mode}: ${letters} letters, ${ran.length} ran a script, ${reached.length} requests reached ${HOST}`);
    if (mode === "neither") {
      // Without a wall much gets through, or else nothing here could ever fail.
      assert.ok(ran.length >= 30, `only ${ran.length} ran`);
      assert.ok(reached.length >= 40, `only ${reached.length} reached out`);
    } else {
      assert.deepEqual(named, [], `${mode}: a script ran`);
      assert.deepEqual(dialogs, [], `${mode}: an alert`);
    }
    await tab.context().close();
  }
} finally {
  await browser.close();
  server.close();
  server.closeAllConnections();
  sink.close();
}
