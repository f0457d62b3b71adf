// The first login in a real browser: the temporary secret, refused passwords with their reasons,
// one that is taken; French and English, 1280 px and 390 px, with JavaScript and without. The last
// round goes through to the mailbox.
// Usage: node first_login.mjs DEMO_JSON
import assert from "node:assert/strict";
import { ROUNDS, demo, launch, lookAt, site, verdict } from "./browser.mjs";

const newcomer = demo.newcomer;
const OWN = "girafe bleue sous la pluie";
const SAID = {
  fr: { short: "il a 5 caractères", own: "mots qui vous désignent", common: "beaucoup de gens", weak: "se devine facilement", differs: "ne sont pas les mêmes", done: "Votre mot de passe est enregistré", count: "5 caractères sur 12", enough: "La longueur suffit" },
  en: { short: "it has 5 characters", own: "words that point to you", common: "many people", weak: "easily guessed", differs: "are not the same", done: "Your password is saved", count: "5 characters of 12", enough: "It is long enough" },
};
const browser = await launch();

async function enter(page, login) {
  await page.goto(site + "/");
  await page.locator("#identifiant").fill(login);
  await page.locator("#mot-de-passe").fill(newcomer.password);
  await Promise.all([page.waitForURL(/premiere-connexion/), page.locator("button.primary").click()]);
}

async function tried(page, password, again = password) {
  await page.locator("#mot-de-passe").fill(password);
  await page.locator("#encore").fill(again);
  await Promise.all([page.waitForNavigation(), page.locator("button.primary").click()]);
}

async function round(name, { locale, width, javaScriptEnabled, colorScheme }) {
  const language = locale.slice(0, 2);
  const said = SAID[language];
  const look = (what) => lookAt(page, `first-${name}-${what}`, { scripted: javaScriptEnabled });
  const context = await browser.newContext({
    viewport: { width, height: 800 }, javaScriptEnabled, ignoreHTTPSErrors: true, bypassCSP: true, locale, colorScheme,
  });
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  await enter(page, width === 390 ? newcomer.address : newcomer.academic_id);
  assert.equal(await page.locator("html").getAttribute("lang"), language);
  await look("page");
  // Nothing else opens.
  for (const path of ["/boite/INBOX", "/ecrire", "/recherche?q=x"]) {
    await page.goto(site + path);
    assert.equal(new URL(page.url()).pathname, "/", `${path} is closed`);
  }
  await page.goto(site + "/premiere-connexion");
  if (javaScriptEnabled) {
    await page.locator("#mot-de-passe").fill("court");
    await page.getByText(said.count).waitFor();
    await page.locator("#mot-de-passe").fill(OWN);
    await page.getByText(said.enough).waitFor();
    await page.getByRole("button", { name: language === "fr" ? "Afficher" : "Show" }).click();
    assert.equal(await page.locator("#mot-de-passe").getAttribute("type"), "text");
    await look("shown");
    // What is in the clipboard may be pasted.
    await page.locator("#mot-de-passe").fill("");
    await page.evaluate((text) => {
      const data = new DataTransfer();
      data.setData("text/plain", text);
      const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
      window.pasteAllowed = document.querySelector("#mot-de-passe").dispatchEvent(event);
    }, OWN);
    assert.ok(await page.evaluate(() => window.pasteAllowed), "paste is allowed");
  }
  for (const [password, again, reason] of [
    ["court", "court", said.short], ["nadia.benali.nadia", "nadia.benali.nadia", said.own],
    ["azertyuiop2026", "azertyuiop2026", said.common], ["soleil soleil soleil", "soleil soleil soleil", said.weak],
    [OWN, OWN + "x", said.differs],
  ]) {
    await tried(page, password, again);
    const alert = page.locator("[role=alert]");
    assert.match(await alert.textContent(), new RegExp(reason), `${password} is refused with its reason`);
    assert.equal(await page.locator("#mot-de-passe").inputValue(), "", "a password is not sent back");
  }
  await tried(page, "soleil soleil soleil");
  await look("refused");
  assert.deepEqual(faults, []);
  return { context, page, said, look };
}

try {
  for (const [name, options] of Object.entries(ROUNDS)) await (await round(name, options)).context.close();
  const last = { locale: "fr-FR", width: 390, javaScriptEnabled: true, colorScheme: "dark" };
  const { page, said, look, context } = await round("fr-390", last);
  await tried(page, OWN);
  assert.equal(new URL(page.url()).pathname, "/boite/INBOX");
  await page.getByText(said.done).waitFor();
  await look("done");
  await context.close();
  // The secret is used up.
  const other = await (await browser.newContext({ ignoreHTTPSErrors: true, locale: "fr-FR" })).newPage();
  await other.goto(site + "/");
  await other.locator("#identifiant").fill(newcomer.address);
  await other.locator("#mot-de-passe").fill(newcomer.password);
  await other.locator("button.primary").click();
  await other.locator("[role=alert]").waitFor();
  assert.equal(new URL(other.url()).pathname, "/connexion");
  console.log(`first login: every reason told, ${verdict()}`);
} finally {
  await browser.close();
}
