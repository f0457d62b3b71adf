// Sent messages that are taken back, and messages that are sent later: in French and English, with
// JavaScript and without, at 1280 px and at 390 px.
// Usage: node outbox.mjs DEMO_JSON
import assert from "node:assert/strict";
import { ROUNDS, account, launch, pictureOf, signIn, site } from "./browser.mjs";

const browser = await launch();
const WORDS = {
  fr: { undone: "rien n’est parti", late: "Trop tard", folder: "Envois programmés", tomorrow: "Demain à 8 h", now: "Le message part maintenant", past: "Cette date est passée" },
  en: { undone: "nothing has left", late: "Too late", folder: "Scheduled", tomorrow: "Tomorrow at 8:00", now: "on its way", past: "This date is past" },
};

async function open({ width, ...options }, who) {
  Object.assign(options, { viewport: { width, height: 800 }, ignoreHTTPSErrors: true });
  const page = await (await browser.newContext(options)).newPage();
  await signIn(page, account(who));
  return page;
}

async function write(page, subject) {
  await page.goto(site + "/ecrire");
  await page.locator("#a").fill("Jean Dupont <jean.dupont@ac-paris.test>");
  await page.locator("#cci").fill("marie.martin@ac-paris.test");
  await page.locator("#objet").fill(subject);
  await page.locator("#texte").fill("Bonjour,\n\nà lundi.");
  await page.locator("#fichiers").setInputFiles({ name: "plan.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.1\n") });
}

const click = (page, locator, address) => Promise.all([page.waitForURL(address), locator.click()]);

async function isWhole(page, subject, name) {
  for (const [field, value] of [
    ["#a", "Jean Dupont <jean.dupont@ac-paris.test>"], ["#cci", "marie.martin@ac-paris.test"],
    ["#objet", subject], ["#texte", "Bonjour,\n\nà lundi."],
  ]) {
    assert.equal(await page.locator(field).inputValue(), value, `${name}: ${field}`);
  }
  await page.locator(".waiting").getByText("plan.pdf").first().waitFor();
}

const count = async (page, path, subject) => {
  await page.goto(site + path);
  return page.locator(".row").filter({ hasText: subject }).count();
};

async function round(name, options) {
  const { locale, javaScriptEnabled } = options;
  const words = WORDS[locale.slice(0, 2)];
  const page = await open(options, "ce.0750001a");
  const picture = (what) => pictureOf(page, `${name}-${what}`);
  const bar = page.locator("form.undo");
  const subject = `Trop vite ${name}`;

  // Taken back in time: everything is there again, and nothing is anywhere else.
  await write(page, subject);
  await click(page, page.locator("#envoyer"), /boite/);
  await bar.waitFor();
  await picture("undo");
  if (javaScriptEnabled) {
    const left = await bar.locator("[data-left]").textContent();
    await page.waitForFunction((old) => document.querySelector("[data-left]").textContent !== old, left);
  }
  await click(page, bar.getByRole("button"), /ecrire/);
  await page.getByText(words.undone).waitFor();
  await picture("taken-back");
  await isWhole(page, subject, name);
  const draft = new URL(page.url()).pathname;
  assert.equal(await count(page, "/boite/Envoy%C3%A9s", subject), 0, `${name}: no copy`);
  assert.equal(await count(page, "/boite/Brouillons", subject), 1, `${name}: one draft`);

  // Sent again and left alone, it leaves once; a page that stayed open says that it is too late.
  await page.goto(site + draft);
  await click(page, page.locator("#envoyer"), /boite/);
  const late = await page.context().newPage();
  await late.goto(site + "/boite/INBOX");
  const old = await late.locator("form.undo").evaluate((form) => [form.getAttribute("action"), form.jeton.value]);
  await late.close();
  if (javaScriptEnabled) await bar.waitFor({ state: "detached", timeout: 15_000 });
  for (let tries = 0; !await count(page, "/boite/Envoy%C3%A9s", subject); tries += 1) {
    assert.ok(tries < 100, `${name}: it does not leave`);
    await page.waitForTimeout(200);
  }
  assert.equal(await bar.count(), 0, `${name}: the time is over`);
  const answer = await page.request.post(site + old[0], { form: { jeton: old[1], action: "reprendre" }, headers: { origin: site, "accept-language": locale } });
  assert.ok((await answer.text()).includes(words.late), `${name}: too late`);
  assert.equal(await count(page, "/boite/Brouillons", subject), 0, `${name}: no draft`);

  // Sent later: a past time is refused, a choice of ours is listed, taken back, and sent at once.
  const monday = `Plus tard ${name}`;
  await write(page, monday);
  await page.locator("details.later summary").click();
  await picture("later");
  await page.locator("#quand").fill("2020-01-06T08:00");
  await Promise.all([page.waitForLoadState("load"), page.locator("[value=programmer]").click()]);
  await page.locator("#quand-erreur").getByText(words.past).waitFor();
  await picture("later-mistake");
  await click(page, page.getByRole("button", { name: words.tomorrow }), /envois/);
  await page.locator(".outbox").getByText(monday).first().waitFor();
  await picture("scheduled");
  await page.goto(site + "/dossiers");
  await click(page, page.locator("main").getByRole("link", { name: words.folder }), /envois/);
  const row = page.locator(".outbox li").filter({ hasText: monday });
  await click(page, row.locator("[value=reprendre]"), /ecrire/);
  await isWhole(page, monday, name);
  await page.goto(site + "/boite/INBOX");
  assert.equal(await page.locator('a[href="/envois"]').count(), 0, `${name}: nothing is scheduled`);
  await page.goto(site + "/boite/Brouillons");
  await page.locator(".row a").filter({ hasText: monday }).click();
  await page.locator("details.later summary").click();
  await page.locator("#quand").fill(`${new Date().getFullYear() + 1}-01-05T08:00`);
  const programmed = page.waitForURL(/envois/);
  await page.locator("[value=programmer]").click();
  await programmed;
  await row.locator("[value=maintenant]").click();
  await page.getByText(words.now).waitFor();
  for (let tries = 0; !await count(page, "/boite/Envoy%C3%A9s", monday); tries += 1) {
    assert.ok(tries < 100, `${name}: it does not leave at once`);
    await page.waitForTimeout(100);
  }
  await page.context().close();

  const jean = await open(options, "jean.dupont");
  for (const sent of [subject, monday]) {
    assert.equal(await count(jean, "/boite/INBOX", sent), 1, `${name}: ${sent} came once`);
  }
  await jean.context().close();
  console.log(`${name}: taken back whole, too late said, sent later, taken back and sent at once`);
}

try {
  for (const [name, options] of Object.entries(ROUNDS)) await round(name, options);
} finally {
  await browser.close();
}
