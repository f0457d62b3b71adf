// The webmail in a real browser: log in, list, read, write with an attachment, read it as the
// other, log out; with JavaScript and without, at 1280 px and at 390 px.
// Usage: node webmail.mjs DEMO_JSON SCREENSHOT_DIR
import { createRequire } from "node:module";
import { readFileSync, mkdirSync } from "node:fs";
import assert from "node:assert/strict";

const require = createRequire(process.env.FACTEUR_NODE_MODULES + "/");
const { chromium } = require("playwright-core");
const [demoPath, pictures] = process.argv.slice(2);
const demo = JSON.parse(readFileSync(demoPath, "utf8"));
const site = `https://localhost:${demo.ports.https}`;
const account = (name) => demo.accounts.find((a) => a.address.startsWith(name));
mkdirSync(pictures, { recursive: true });

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});

async function signIn(page, { address, password }) {
  await page.goto(site + "/");
  await page.locator("#identifiant").fill(address);
  await page.locator("#mot-de-passe").fill(password);
  await Promise.all([page.waitForURL(/boite/), page.locator("button.primary").click()]);
}

async function round(name, { width, javaScriptEnabled }) {
  const context = await browser.newContext({
    viewport: { width, height: 800 }, javaScriptEnabled, ignoreHTTPSErrors: true, locale: "fr-FR",
  });
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(site) && !request.url().startsWith("data:")) faults.push(request.url());
  });
  const picture = (what) => page.screenshot({ path: `${pictures}/${name}-${what}.png` });

  await page.goto(site + "/");
  await picture("login");
  assert.equal(await page.locator("html").getAttribute("lang"), "fr");
  await signIn(page, account("marie.martin"));
  await page.getByRole("link", { name: /Sortie au musée/ }).first().waitFor();
  await picture("list");
  const overflow = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    .catch(() => 0);
  assert.ok(overflow <= 0, `${name}: the list overflows by ${overflow} px`);

  await page.getByRole("link", { name: /Les nouveautés du mois/ }).first().click();
  await page.locator("iframe").first().waitFor();
  await page.frameLocator("iframe").first().getByText("Cette lettre contient").waitFor();
  await picture("message");

  const subject = `Réponse ${name}`;
  await page.goto(site + "/ecrire");
  await picture("compose-empty");
  await page.locator("#a").fill("jean.dupont@ac-paris.test");
  await page.locator("#objet").fill(subject);
  await page.locator("#texte").fill("Bonjour Jean,\n\nVoici le fichier de l'été.");
  await page.locator("#fichiers").setInputFiles({
    name: "été.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.1\n%été\n"),
  });
  await picture("compose");
  await Promise.all([page.waitForURL(/boite/), page.locator("#envoyer").click()]);
  await picture("sent");

  const other = await browser.newContext({ viewport: { width, height: 800 }, javaScriptEnabled, ignoreHTTPSErrors: true, locale: "fr-FR" });
  const reader = await other.newPage();
  await signIn(reader, account("jean.dupont"));
  await reader.getByRole("link", { name: new RegExp(subject) }).first().click();
  await reader.getByText("Voici le fichier de l'été.").first().waitFor();
  const link = reader.getByRole("link", { name: /été\.pdf/ }).first();
  const answer = await other.request.get(new URL(await link.getAttribute("href"), site).href);
  assert.equal((await answer.body()).toString(), "%PDF-1.1\n%été\n");
  assert.match(answer.headers()["content-disposition"], /attachment/);
  await reader.screenshot({ path: `${pictures}/${name}-received.png` });
  assert.deepEqual(faults, [], `${name}: errors or foreign requests`);
  await context.close();
  await other.close();
  console.log(`${name}: logged in, listed, read, written, received with its file`);
}

try {
  await round("wide", { width: 1280, javaScriptEnabled: true });
  await round("narrow", { width: 390, javaScriptEnabled: true });
  await round("wide-without-javascript", { width: 1280, javaScriptEnabled: false });
  await round("narrow-without-javascript", { width: 390, javaScriptEnabled: false });
} finally {
  await browser.close();
}
