// What the browser tests share: the demo's addresses, a Chromium, logging in, mail by LMTP, looking
// at pages. Pictures of them are left in the directory FACTEUR_PICTURES, if there is one.
import { createRequire } from "node:module";
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createConnection } from "node:net";

const require = createRequire(process.env.FACTEUR_NODE_MODULES + "/");
export const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

export const demo = JSON.parse(readFileSync(process.argv[2], "utf8"));
const pictures = process.env.FACTEUR_PICTURES;
if (pictures) mkdirSync(pictures, { recursive: true });
export const site = `https://localhost:${demo.ports.https}`;
export const account = (name) => demo.accounts.find((a) => a.address.startsWith(name));

// Chromium without its windows does the same on two thirds of the processor's time.
const executablePath = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"].find(existsSync);

export const launch = (more = []) => chromium.launch({
  executablePath,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", ...more,
  ],
});

// Ways to look at it: any two of language, width and JavaScript meet in one of these.
export const ROUNDS = {
  "fr-1280": { locale: "fr-FR", width: 1280, javaScriptEnabled: true, colorScheme: "light" },
  "en-390": { locale: "en-GB", width: 390, javaScriptEnabled: true, colorScheme: "dark" },
  "fr-390-plain": { locale: "fr-FR", width: 390, javaScriptEnabled: false, colorScheme: "dark" },
  "en-1280-plain": { locale: "en-GB", width: 1280, javaScriptEnabled: false, colorScheme: "light" },
};

export async function signIn(page, { address, password }) {
  await page.goto(site + "/");
  await page.locator("#identifiant").fill(address);
  await page.locator("#mot-de-passe").fill(password);
  await Promise.all([page.waitForURL(/boite/), page.locator("button.primary").click()]);
}

// Delivers messages over one LMTP connection; resolves when the last one is acknowledged.
export function deliver(to, messages) {
  return new Promise((done, failed) => {
    const lines = ["LHLO test.example"];
    for (const message of messages) {
      lines.push("MAIL FROM:<>", `RCPT TO:<${to}>`, "DATA");
      lines.push(message.replace(/\r?\n/g, "\r\n").replace(/^\./gm, "..") + "\r\n.");
    }
    lines.push("QUIT");
    const socket = createConnection(demo.ports.lmtp, "127.0.0.1");
    let got = "";
    socket.on("data", (data) => {
      got += data;
      for (let end; (end = got.search(/^\d{3} .*\r\n/m)) >= 0;) {
        const reply = got.slice(end, got.indexOf("\r\n", end));
        got = got.slice(got.indexOf("\r\n", end) + 2);
        if (/^[45]/.test(reply)) return failed(new Error(`LMTP: ${reply}`));
        const next = lines.shift();
        if (next === undefined) return done();
        socket.write(next + "\r\n");
      }
    });
    socket.on("error", failed);
  });
}

// A message with this HTML as its only part.
export const letter = (subject, html, from = "Expéditeur <x@dehors.example>") => [
  `From: ${from.replace(/[^\x20-\x7e]+/g, (text) => `=?utf-8?b?${Buffer.from(text).toString("base64")}?=`)}`,
  "To: marie.martin@ac-paris.test",
  `Subject: =?utf-8?b?${Buffer.from(subject).toString("base64")}?=`,
  "MIME-Version: 1.0", "Content-Type: text/html; charset=utf-8", "Content-Transfer-Encoding: base64", "",
  Buffer.from(html).toString("base64").replace(/.{76}/g, "$&\n"), "",
].join("\n");

export async function pictureOf(page, name, { fullPage = false } = {}) {
  if (pictures) await page.screenshot({ path: `${pictures}/${name}.png`, fullPage });
}

const violations = [];
let looked = 0;

// A page as people see it: nothing scrolls sideways, and axe, which needs JavaScript, has nothing to
// say; `verdict` tells. axe's own options may follow.
export async function lookAt(page, name, { scripted = true, fullPage = true, ...options } = {}) {
  await pictureOf(page, name, { fullPage });
  const over = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth");
  assert.ok(over <= 0, `${name} scrolls sideways by ${over} px`);
  if (!scripted) return;
  looked += 1;
  violations.push(...await violationsOn(page, name, options));
}

export function verdict() {
  assert.deepEqual(violations, [], `${violations.length} violations`);
  return `${looked} pages without a violation`;
}

// The tabs that bring axe along to each of their pages: sending it to every one anew takes longer.
const equipped = new WeakSet();
const LOAD_AXE = `window.loadAxe = () => { ${axe} }`;

// What axe finds against the rules of accessibility, a line for each.
async function violationsOn(page, name, options) {
  if (!equipped.has(page)) {
    equipped.add(page);
    await page.addInitScript(LOAD_AXE);
    await page.evaluate(LOAD_AXE);
  }
  const found = await page.evaluate(async (run) => {
    if (!window.axe) loadAxe();
    return (await axe.run(document, run)).violations;
  }, { runOnly: RULES, ...options });
  return found.map(({ id, nodes }) =>
    `${name}: ${id}: ${nodes.map((n) => `${n.html.slice(0, 160)} (${n.failureSummary})`).join(" | ")}`);
}
