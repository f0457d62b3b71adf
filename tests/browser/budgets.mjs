// How many bytes and requests each step takes, on the wire as Chromium counts them. Times depend
// on the machine and are not looked at. Usage: node budgets.mjs DEMO_JSON
import assert from "node:assert/strict";
import { account, deliver, launch, site } from "./browser.mjs";

const KB = 1000;
const BUDGETS = {
  // Step: bytes, requests.
  "login page, cold": [20 * KB, 4],
  "first list after login": [25 * KB, 5],
  "cold, to the list": [45 * KB, 9],
  "list, warm": [8 * KB, 2],
  "a message in text": [4 * KB, 2],
  "a message in HTML": [8 * KB, 2],
  compose: [12 * KB, 3],
};

const person = account("marie.martin");
const browser = await launch();
const mail = (number) => [
  `From: Professeur ${number} <prof${number}@ac-paris.test>`, `Subject: Conseil de classe ${number} du trimestre`, "",
  `Bonjour, voici le compte rendu numero ${number} de notre reunion de rentree.`, "",
].join("\n");

try {
  await deliver(person.address, Array.from({ length: 60 }, (_, number) => mail(number)));
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "fr-FR" });
  const page = await context.newPage();
  const wire = await context.newCDPSession(page);
  await wire.send("Network.enable");
  let bytes = 0;
  let requests = new Map();
  const pending = new Set();
  const kept = new Set();
  let idle = () => {};
  const end = (requestId) => { pending.delete(requestId); if (!pending.size) idle(); };
  const { frameTree } = await wire.send("Page.getFrameTree");
  wire.on("Network.requestWillBeSent", ({ requestId, request, type, frameId }) => {
    // The letter's own frame is another process, which tells this one nothing of its end.
    if (request.url.startsWith("data:") || frameId !== frameTree.frame.id) return;
    // The live list is one stream for as long as the page is shown: its bytes count, not its number.
    if (type === "EventSource") return;
    // What lies under /statique/ never changes: the browser has it, and tells of its icon anyway.
    if (request.url.startsWith(site + "/statique/") && kept.has(request.url)) return;
    kept.add(request.url);
    requests.set(requestId, request.url);
    pending.add(requestId);
  });
  wire.on("Network.responseReceived", ({ response, type }) => {
    if (type === "EventSource") bytes += response.encodedDataLength;
  });
  wire.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    if (!requests.has(requestId)) return;
    bytes += encodedDataLength;
    // It came out of the cache.
    if (!encodedDataLength) requests.delete(requestId);
    end(requestId);
  });
  wire.on("Network.loadingFailed", ({ requestId }) => end(requestId));
  const taken = {};
  const step = async (name, act) => {
    bytes = 0;
    requests = new Map();
    await act();
    await page.waitForLoadState("load");
    while (pending.size) await new Promise((done) => { idle = done; });
    taken[name] = [bytes, requests.size];
  };
  await step("login page, cold", () => page.goto(site + "/"));
  await page.locator("#identifiant").fill(person.address);
  await page.locator("#mot-de-passe").fill(person.password);
  await step("first list after login", () => Promise.all([page.waitForURL(/boite/), page.locator("button.primary").click()]));
  const [one, two] = [taken["login page, cold"], taken["first list after login"]];
  taken["cold, to the list"] = [one[0] + two[0], one[1] + two[1]];
  const text = await page.getByRole("link", { name: /Conseil de classe 59/ }).first().getAttribute("href");
  const html = await page.goto(site + "/boite/INBOX?page=2")
    .then(() => page.getByRole("link", { name: /Les nouveautés du mois/ }).first().getAttribute("href"));
  await step("list, warm", () => page.goto(site + "/boite/INBOX"));
  await step("a message in text", () => page.goto(site + text));
  await step("a message in HTML", () => page.goto(site + html));
  await step("compose", () => page.goto(site + "/ecrire"));
  for (const [name, [bytesMax, requestsMax]] of Object.entries(BUDGETS)) {
    const [size, count] = taken[name];
    console.log(`${name}: ${size} bytes of ${bytesMax}, ${count} requests of ${requestsMax}`);
  }
  for (const [name, [bytesMax, requestsMax]] of Object.entries(BUDGETS)) {
    const [size, count] = taken[name];
    assert.ok(size > 0 && size <= bytesMax, `${name}: ${size} bytes`);
    assert.ok(count > 0 && count <= requestsMax, `${name}: ${count} requests`);
  }
} finally {
  await browser.close();
}
