// The administration in a real browser: schools, accounts, files, the log; French and English, wide
// and narrow, with JavaScript and without, light and dark; no accessibility violation that axe
// finds, and nothing that scrolls sideways.
// Usage: node administration.mjs DEMO_JSON
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";
import { HOME, enrol, press } from "./administrator.mjs";
import { account, launch, lookAt, site, verdict } from "./browser.mjs";

async function round(name, cookies, number, { locale, width, colorScheme, javaScriptEnabled }) {
  const french = locale === "fr-FR";
  const context = await browser.newContext({
    viewport: { width, height: 900 }, javaScriptEnabled, ignoreHTTPSErrors: true, locale, colorScheme, bypassCSP: javaScriptEnabled,
  });
  await context.addCookies(cookies);
  const page = await context.newPage();
  const look = (what) => lookAt(page, `${name}-${what}`, { scripted: javaScriptEnabled });
  const open = (path) => page.goto(site + HOME + path);
  const value = (text) => press(page, page.locator(`main button[value="${text}"]`).first());
  const fill = async (fields) => {
    for (const [id, text] of Object.entries(fields)) await page.locator(`#${id}`).fill(text);
  };
  const errors = () => page.locator(".alert li").allTextContents();

  await open("");
  assert.equal(await page.locator(".figures a").count(), 5);
  // The demonstration has never been backed up, and says so.
  const said = await page.locator("main").textContent();
  assert.ok(french ? said.includes("aucune sauvegarde") && said.includes("jamais") : said.includes("no backup") && said.includes("never"));
  await look("overview");

  // A school, with a mistake first.
  const code = `075100${number}A`;
  await open("/etablissements/nouveau");
  await fill({ code, nom: `Lycée Voltaire ${name}`, contact: "Bureau 12, 01 99 00 00 00", responsables: "personne@ac-paris.test" });
  await value("enregistrer");
  assert.equal((await errors()).length, 1, "an officer who is nobody");
  await look("unit-mistake");
  await page.locator("#responsables").fill("referent.numerique@ac-paris.test");
  await value("enregistrer");
  await page.locator(".notice").waitFor();
  await look("units");
  await open(`/etablissements?nom=voltaire+${name}`);
  await press(page, page.locator(".book a").first());
  await look("unit");

  // Identity alone, proposed for it.
  await open(`/identite/${code}`);
  await page.locator("#jour").fill("2099-01-01");
  await page.locator("#motif").fill("Déménagement du secrétariat");
  await value("proposer");
  assert.equal((await errors()).length, 1, "too far ahead");
  await look("identity-mistake");
  await page.locator("#jour").fill(new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10));
  await value("proposer");
  await page.locator(".quoted").waitFor();
  assert.equal(await page.locator('button[value="accepter"]').count(), 0, "another administrator agrees");
  await look("identity-unit");
  await open("/identite");
  await look("identity");
  await open(`/identite/${code}`);
  await value("fermer");

  // An account: refused, made, its sheet.
  const id = `30000${number}1`;
  await open(`/comptes/nouveau?unite=${code}`);
  await look("add");
  await fill({ identifiant: "12", prenom: "Zoé", "nom-naissance": `L’Épée ${name}`, unites: "RIEN" });
  await press(page, page.locator("main .send button"));
  assert.equal((await errors()).length, 1);
  await look("add-mistake");
  await fill({ identifiant: id, unites: code, naissance: "1990-05-17", quota: french ? "2 Go" : "2G" });
  await press(page, page.locator("main .send button"));
  const secret = (await page.locator("#secret").textContent()).trim();
  assert.match(secret, /^\w{5}-\w{5}-\w{5}$/);
  await look("sheet");
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator("h1.unprinted").isVisible(), false, "only the sheet is printed");
  assert.ok(await page.locator(".handout .code").isVisible());
  await page.emulateMedia({ media: "screen" });

  // Found by its number, which stands in no address.
  await open("/comptes");
  await look("accounts");
  await page.locator("#nom").fill(id);
  await press(page, page.locator("main form.narrow button"));
  assert.match(page.url(), /comptes\/\d+$/);
  const path = new URL(page.url()).pathname.slice(HOME.length);
  assert.ok(!(await page.content()).includes(secret), "shown once");
  await look("account");
  await fill({ nom: `Zoé de L’Épée ${name}` });
  await value("modifier");
  await page.locator(".notice").waitFor();
  await page.locator("#alias").fill(`zoe.${name}@ailleurs.test`);
  await value("ajouter-adresse");
  assert.equal((await errors()).length, 1, "not a domain of ours");
  await page.locator("#alias").fill(`zoe.${name}@ac-paris.test`);
  await value("ajouter-adresse");
  await value("code");
  assert.notEqual((await page.locator("#secret").textContent()).trim(), secret);
  await open(path);
  await value("suspendre");
  await look("suspended");
  await value("reprendre");
  await page.locator("#depart").fill("2099-08-31");
  await value("depart");
  await look("leaver");
  await open(`${path}/supprimer`);
  await page.locator("#confirmation").fill("autre@ac-paris.test");
  await value("supprimer");
  await look("delete");
  const address = /\S+@ac-paris\.test/.exec(await page.locator("label[for=confirmation]").textContent())[0];
  await page.locator("#confirmation").fill(address);
  await value("supprimer");
  await page.locator(".notice").waitFor();

  // A file: looked at, followed, its sheets.
  const lines = Array.from({ length: 30 }, (_, n) => `40${number}${String(n).padStart(4, "0")};Élève${n};${name};${code}`);
  lines.splice(3, 0, "12;Trop;Court;", `40${number}0000;Encore;Une;`);
  await open("/import");
  await look("import");
  await page.locator("#fichier").setInputFiles({
    name: `rentree-${name}.csv`, mimeType: "text/csv",
    buffer: Buffer.from(`identifiant;prenom;nom;etablissement\r\n${lines.join("\r\n")}\r\n`),
  });
  await press(page, page.locator("main .send button"));
  await page.locator("#resultat").waitFor();
  assert.equal((await page.locator("#crees").textContent()).trim(), "30");
  assert.equal(await page.locator(".refusals li").count(), 2);
  await look("checked");
  const job = new URL(page.url()).pathname.slice(HOME.length);
  await value("appliquer");
  await page.locator('button[value="pages"]').waitFor();
  await look("applied");
  for (const [button, file, wanted] of [["pages", "fiches.html", /<section>/g], ["lignes", "fiches.csv", /\r\n/g]]) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator(`button[value="${button}"]`).click()]);
    assert.equal(download.suggestedFilename(), file);
    const text = readFileSync(await download.path(), "utf8");
    assert.equal(text.match(wanted).length, button === "pages" ? 30 : 31);
  }
  await open(job);
  assert.equal(await page.locator('button[value="pages"], button[value="lignes"]').count(), 0, "fetched once");
  await look("fetched");
  await open("/import");
  await look("import-again");

  // The log.
  await open("/journal");
  await look("log");
  await page.locator("#compte").fill("personne@ac-paris.test");
  await press(page, page.locator("main form.narrow button"));
  assert.equal((await errors()).length, 1);
  await look("log-mistake");
  await page.locator("#compte").fill(`eleve0.${name.replace(/-/g, "-")}@ac-paris.test`);
  await page.locator("#auteur").fill("informatique@ac-paris.test");
  await press(page, page.locator("main form.narrow button"));
  assert.equal(await page.locator(".log li").count(), 1);
  await press(page, page.locator('main a[href*="verifier"]'));
  await page.locator(".notice").waitFor();
  await look("log-verified");

  // Lost passwords, of every school; somebody privileged takes two administrators.
  await press(page, page.locator('nav.parts a[href="/assistance"]'));
  await look("help-desk");
  await page.locator("#nom").fill("élève0");
  await press(page, page.locator("main form.prove button"));
  await press(page, page.locator("main .items li", { hasText: name }).locator("a.button"));
  await page.locator("#motif").fill("Vu en personne");
  await press(page, page.locator('main button[value="code"]'));
  assert.match((await page.locator("#secret").textContent()).trim(), /^\w{4}-\w{4}-\w{4}$/);
  await look("help-desk-code");
  await page.goto(`${site}/assistance?nom=referent`);
  await press(page, page.locator("main .items a.button").last());
  await page.locator("#accord").waitFor();
  await look("help-desk-privileged");
  await context.close();
  console.log(`${name}: schools, accounts, files, log, help desk`);
}

const browser = await launch();
try {
  const rounds = [
    ["fr-1280", { locale: "fr-FR", width: 1280, colorScheme: "light", javaScriptEnabled: true }],
    ["en-390", { locale: "en-GB", width: 390, colorScheme: "dark", javaScriptEnabled: true }],
    ["fr-320-plain", { locale: "fr-FR", width: 320, colorScheme: "light", javaScriptEnabled: false }],
  ];
  const others = [
    ["en-1280-plain", { locale: "en-GB", width: 1280, colorScheme: "dark", javaScriptEnabled: false }],
    ["fr-390", { locale: "fr-FR", width: 390, colorScheme: "light", javaScriptEnabled: true }],
    ["en-1280-dark", { locale: "en-GB", width: 1280, colorScheme: "dark", javaScriptEnabled: true }],
  ];
  if (process.env.LOOKS === "all") rounds.push(...others);
  const cookies = await enrol(browser, account("informatique"));
  for (const [index, [name, options]] of rounds.entries()) await round(name, cookies, index + 1, options);
  console.log(verdict());
} finally {
  await browser.close();
}
