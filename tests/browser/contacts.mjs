// The address book: contacts with several addresses, groups, the directory, suggestions, files; in
// French and English, with JavaScript and without, at 1280 px and at 390 px.
// Usage: node contacts.mjs DEMO_JSON
import assert from "node:assert/strict";
import { ROUNDS, account, launch, pictureOf, signIn, site } from "./browser.mjs";

const browser = await launch();
const WORDS = {
  fr: { saved: "Le contact est enregistré", added: "1 contact a été ajouté", known: "s’y trouvait déjà", refused: "n’a pas été prise", not: "adresse complète" },
  en: { saved: "The contact is saved", added: "1 contact was added", known: "was there already", refused: "was not taken", not: "not a complete address" },
};

async function round(name, { locale, width, javaScriptEnabled, colorScheme }, who) {
  const words = WORDS[locale.slice(0, 2)];
  const options = { viewport: { width, height: 800 }, javaScriptEnabled, ignoreHTTPSErrors: true, locale, colorScheme, acceptDownloads: true };
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("dialog", (dialog) => { faults.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  const picture = (what) => pictureOf(page, `${name}-${what}`);
  const save = (address) => Promise.all([page.waitForURL(address), page.locator("[value=enregistrer]").click()]);
  await signIn(page, account(who));

  // A pupil with both parents; a mistake first.
  await page.goto(site + "/contacts");
  await picture("empty");
  await page.goto(site + "/contacts/nouveau");
  const pupil = `Léa ${name}`;
  await page.locator("#nom").fill(pupil);
  await page.locator("#adresses").fill("mere arobase dehors");
  await page.locator("#notes").fill("<img src=x onerror=alert(1)>");
  await Promise.all([page.waitForLoadState("load"), page.locator("[value=enregistrer]").click()]);
  await page.locator("#adresses-erreur").getByText(words.not).waitFor();
  await page.locator("#adresses").fill(`mere.${name}@ac-paris.test\npere.${name}@ac-paris.test`);
  await save(/contacts$/);
  await page.getByText(words.saved).waitFor();

  // In a group, both addresses are taken, openly or hidden.
  await page.goto(site + "/contacts/groupes/nouveau");
  const group = `Parents ${name}`;
  await page.locator("#nom").fill(group);
  await page.getByLabel(pupil).check();
  await save(/contacts$/);
  const row = page.locator(".book li").filter({ hasText: group });
  await row.locator("a[href^='/ecrire?groupe=']").first().click();
  for (const parent of ["mere", "pere"]) {
    assert.match(await page.locator("#a").inputValue(), new RegExp(`${parent}\\.${name}@`), `${name}: both parents`);
  }
  await page.goto(site + "/contacts");
  await row.locator("a[href$='cci=1']").click();
  assert.match(await page.locator("#cci").inputValue(), /pere/);
  assert.equal(await page.locator("#a").inputValue(), "");

  // A colleague of the directory becomes a contact, without typing.
  await page.goto(site + "/contacts");
  await page.locator("#chercher").fill("dupont");
  await page.locator("#chercher").press("Enter");
  await page.locator(".book").getByText("jean.dupont@ac-paris.test").first().waitFor();
  await picture("directory");
  await page.locator("a[href^='/contacts/nouveau?nom=']").first().click();
  assert.match(await page.locator("#adresses").inputValue(), /jean\.dupont@ac-paris\.test/);

  // Suggested while one types, chosen by keyboard; groups become all their people.
  if (javaScriptEnabled) {
    // A page of its own: one with something written asks before it is left.
    const writing = await context.newPage();
    await writing.goto(site + "/ecrire");
    await writing.locator("#a").pressSequentially("jean.du");
    await writing.getByRole("option").first().waitFor();
    await pictureOf(writing, `${name}-suggestions`);
    await writing.locator("#a").press("Enter");
    assert.match(await writing.locator("#a").inputValue(), /<jean\.dupont@ac-paris\.test>, $/);
    await writing.locator("#a").pressSequentially("parents");
    await writing.getByRole("option", { name: group }).first().waitFor();
    await writing.locator("#a").press("ArrowDown");
    await writing.locator("#a").press("ArrowUp");
    await writing.locator("#a").press("Tab");
    assert.match(await writing.locator("#a").inputValue(), new RegExp(`jean.*mere\\.${name}@.*pere\\.${name}@.*, $`));
    await writing.locator("#a").pressSequentially("mart");
    await writing.getByRole("option").first().waitFor();
    await writing.locator("#a").press("Escape");
    assert.equal(await writing.getByRole("option").count(), 0);
    await writing.close();
  }

  // Out and in again; what is refused is told.
  const file = await context.request.get(site + "/contacts/fichiers/contacts.vcf");
  const cards = (await file.body()).toString();
  assert.match(cards, /BEGIN:VCARD/);
  const foreign = `BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Zoé ${name}\r\nEMAIL:zoe@dehors.example\r\nEND:VCARD\r\n`
    + "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Faux\r\nEMAIL:faux\r\nEND:VCARD\r\n";
  await page.goto(site + "/contacts/fichiers");
  await page.locator("#fichier").setInputFiles({ name: "contacts.vcf", mimeType: "text/vcard", buffer: Buffer.from(cards + foreign) });
  await Promise.all([page.waitForLoadState("load"), page.locator("[value=importer]").click()]);
  for (const said of [words.added, words.known, words.refused]) await page.getByText(said).first().waitFor();
  await picture("imported");

  // Deleting asks.
  await page.goto(site + "/contacts");
  await picture("list");
  await page.locator(".book a.who").filter({ hasText: `Zoé ${name}` }).click();
  await Promise.all([page.waitForLoadState("load"), page.locator("[value=demander]").click()]);
  await page.getByRole("alertdialog").waitFor();
  await Promise.all([page.waitForURL(/contacts$/), page.locator("[value=supprimer]").click()]);
  assert.equal(await page.getByText(`Zoé ${name}`).count(), 0);
  assert.deepEqual(faults, [], name);
  await context.close();
  console.log(`${name}: contacts kept, grouped, found, suggested, exchanged and deleted`);
}

try {
  const people = ["marie.martin", "jean.dupont", "ce.0750001a", "referent.numerique"];
  for (const [index, [name, options]] of Object.entries(ROUNDS).entries()) await round(name, options, people[index]);
} finally {
  await browser.close();
}
