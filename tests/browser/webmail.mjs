// The webmail in a real browser: log in, list, read, write with an attachment, read it as the
// other, log out; with JavaScript and without, at 1280 px and at 390 px.
// Usage: node webmail.mjs DEMO_JSON
import assert from "node:assert/strict";
import { account, launch, pictureOf, signIn, site } from "./browser.mjs";

const browser = await launch();

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
  const picture = (what) => pictureOf(page, `${name}-${what}`);

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

  assert.deepEqual(faults, [], `${name}: errors or foreign requests`);
  await context.close();
  return () => received(name, subject, { width, javaScriptEnabled });
}

// The other one reads it, once its sender cannot take it back any more.
async function received(name, subject, { width, javaScriptEnabled }) {
  const other = await browser.newContext({ viewport: { width, height: 800 }, javaScriptEnabled, ignoreHTTPSErrors: true, locale: "fr-FR" });
  const reader = await other.newPage();
  await signIn(reader, account("jean.dupont"));
  const shown = reader.getByRole("link", { name: new RegExp(`${subject}(?!-)`) }).first();
  for (let count = 0; !await shown.count(); count += 1) {
    assert.ok(count < 200, `${name}: not received`);
    await reader.waitForTimeout(200);
    await reader.reload();
  }
  await reader.getByRole("link", { name: new RegExp(`${subject}(?!-)`) }).first().click();
  await reader.getByText("Voici le fichier de l'été.").first().waitFor();
  const link = reader.getByRole("link", { name: /été\.pdf/ }).first();
  const answer = await other.request.get(new URL(await link.getAttribute("href"), site).href);
  assert.equal((await answer.body()).toString(), "%PDF-1.1\n%été\n");
  assert.match(answer.headers()["content-disposition"], /attachment/);
  await pictureOf(reader, `${name}-received`);
  await other.close();
  console.log(`${name}: logged in, listed, read, written, received with its file`);
}

// A draft: begun here, seen and continued elsewhere, saved by itself or by a button, sent.
async function draft(name, { width, javaScriptEnabled }) {
  const open = async () => {
    const context = await browser.newContext({ viewport: { width, height: 800 }, javaScriptEnabled, ignoreHTTPSErrors: true, locale: "fr-FR" });
    const page = await context.newPage();
    await signIn(page, account("ce.0750001a"));
    return page;
  };
  const rows = async (page) => {
    await page.goto(site + "/boite/Brouillons");
    return page.locator(".row").count();
  };
  const one = await open();
  const before = await rows(one);
  await one.goto(site + "/ecrire");
  await one.locator("#a").fill("jean.dupont@ac-paris.test");
  await one.locator("#cc").fill("quelqu’un");
  await one.locator("#objet").fill(`Brouillon ${name}`);
  await one.locator("#texte").fill("Commencé ici.");
  await one.locator("#fichiers").setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("des notes") });
  if (!javaScriptEnabled) await one.locator("button[value=enregistrer]").last().click();
  await one.waitForURL(/ecrire\/\d+/);
  await one.getByText("notes.txt").first().waitFor();
  await one.getByText("Brouillon enregistré").waitFor();
  const address = one.url();
  await pictureOf(one, `${name}-draft`);

  const other = await open();
  assert.equal(await rows(other), before + 1, `${name}: one draft`);
  await pictureOf(other, `${name}-drafts`);
  await other.getByRole("link", { name: new RegExp(`Brouillon ${name}`) }).click();
  assert.equal(await other.locator("#cc").inputValue(), "quelqu’un");
  assert.equal(await other.locator("#texte").inputValue(), "Commencé ici.");
  await other.locator("#cc").fill("");
  await other.locator("#texte").fill("Continué là.");
  if (javaScriptEnabled) {
    // Whoever looks at another tab has what was typed saved at once.
    await other.evaluate(() => {
      Object.defineProperty(document, "hidden", { value: true, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    });
    await other.waitForFunction((old) => !location.href.endsWith(old), new URL(address).pathname);
  } else {
    await other.locator("button[value=enregistrer]").last().click();
    await other.getByText("Brouillon enregistré").waitFor();
  }
  // The first page does not know; its text becomes a draft of its own and wipes nothing out.
  await one.locator("#texte").fill("Oublié ici.");
  await Promise.all([one.waitForLoadState("load"), one.locator("button[value=enregistrer]").last().click()]);
  await one.getByText("gardé dans un brouillon à part").first().waitFor();
  assert.equal(await rows(other), before + 2, `${name}: both texts are kept`);

  // A session that ended while somebody wrote costs nothing.
  await one.context().clearCookies();
  await one.locator("#texte").fill("Écrit après la fin de la session.");
  await one.locator("#envoyer").click();
  await one.getByText("Votre session est terminée").first().waitFor();
  assert.equal(await one.locator("#texte").inputValue(), "Écrit après la fin de la session.");
  const again = await one.context().newPage();
  await signIn(again, account("ce.0750001a"));
  await one.locator("#cc").fill("");
  await one.locator("#envoyer").click();
  await one.getByText("Relisez, puis envoyez").first().waitFor();
  await Promise.all([one.waitForURL(/boite/), one.locator("#envoyer").click()]);
  assert.equal(await rows(other), before + 1, `${name}: sending removes the draft`);

  // Throwing away asks.
  await other.getByRole("link", { name: new RegExp(`Brouillon ${name}`) }).click();
  await other.locator("[value=abandonner]").click();
  await other.getByText("Supprimer ce brouillon").waitFor();
  await Promise.all([other.waitForURL(/boite/), other.locator("[value=supprimer]").click()]);
  assert.equal(await rows(other), before, `${name}: thrown away`);
  await one.context().close();
  await other.context().close();
  console.log(`${name}: a draft was begun, continued, doubled without loss, sent and thrown away`);
}

try {
  const sent = [
    await round("wide", { width: 1280, javaScriptEnabled: true }),
    await round("narrow", { width: 390, javaScriptEnabled: true }),
    await round("wide-without-javascript", { width: 1280, javaScriptEnabled: false }),
    await round("narrow-without-javascript", { width: 390, javaScriptEnabled: false }),
  ];
  await draft("wide", { width: 1280, javaScriptEnabled: true });
  await draft("narrow-without-javascript", { width: 390, javaScriptEnabled: false });
  for (const check of sent) await check();
} finally {
  await browser.close();
}
