// A large staff file comes in through the administration: looked at, followed with its progress
// shown, its hand-out sheets fetched once; the pages stay quick with so many people.
// Usage: node import.mjs DEMO_JSON; PEOPLE says how many (2,000).
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";
import { HOME, enrol } from "./administrator.mjs";
import { account, launch, lookAt, site, verdict } from "./browser.mjs";

const PEOPLE = Number(process.env.PEOPLE ?? 2000);
const PATIENCE = { timeout: 1_200_000 };
// No page takes for ever because there are many people, be it a debug build on a busy machine.
const PAGE_MS_MAX = 30_000;

async function timed(what, work) {
  const begin = performance.now();
  await work();
  const took = performance.now() - begin;
  console.log(`${what}: ${Math.round(took)} ms`);
  return took;
}

const browser = await launch();
try {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "fr-FR", bypassCSP: true });
  await context.addCookies(await enrol(browser, account("informatique")));
  const page = await context.newPage();
  const count = async (id) => Number((await page.locator(id).textContent()).replace(/\D/g, ""));

  // Every hundredth line is wrong, and told.
  const line = (_, n) => n % 100 === 99 ? `12;Trop;Court${n};` : `8${String(n).padStart(8, "0")};Prénom${n % 300};Nom${n};0750001A`;
  const wrong = Math.floor(PEOPLE / 100), right = PEOPLE - wrong;
  const file = ["identifiant;prenom;nom;etablissement", ...Array.from({ length: PEOPLE }, line), ""].join("\n");
  await page.goto(site + HOME + "/import");
  await page.locator("#fichier").setInputFiles({ name: "grand.csv", mimeType: "text/csv", buffer: Buffer.from(file) });
  await timed(`${PEOPLE} lines looked at`, async () => {
    await page.locator("main .send button").click(PATIENCE);
    await page.locator("#resultat").waitFor(PATIENCE);
  });
  assert.equal(await count("#crees"), right);
  await timed(`${right} accounts`, async () => {
    await page.locator('button[value="appliquer"]').click(PATIENCE);
    await page.locator('button[value="pages"]').waitFor(PATIENCE);
  });
  assert.equal(await count("#crees"), right);
  assert.ok(await page.locator(".refusals li").count() > 0, "refused lines are told");
  await lookAt(page, "large-applied", { scripted: true });

  const job = page.url();
  for (const [button, wanted, times] of [["pages", /<section>/g, right], ["lignes", /\r\n/g, right + 1]]) {
    await timed(`sheets, ${button}`, async () => {
      const [download] = await Promise.all([page.waitForEvent("download", PATIENCE), page.locator(`button[value="${button}"]`).click(PATIENCE)]);
      const text = readFileSync(await download.path(), "utf8");
      assert.equal(text.match(wanted).length, times);
    });
  }
  await page.goto(job);
  assert.equal(await page.locator('button[value="pages"], button[value="lignes"]').count(), 0, "fetched once");

  const last = `nom${PEOPLE - 2}`;
  for (const path of ["", "/comptes", `/comptes?nom=${last}`, "/journal", "/journal?verifier=1"]) {
    const took = await timed(HOME + path, () => page.goto(site + HOME + path, PATIENCE));
    // Verifying reads the whole log.
    assert.ok(took < PAGE_MS_MAX || path.includes("verifier"), `${path}: ${took} ms`);
  }
  await page.locator(".notice").waitFor();
  await page.goto(`${site}${HOME}/comptes?nom=${last}`);
  assert.ok((await page.content()).toLowerCase().includes(`${last}@`), "the last one is found");
  verdict();
} finally {
  await browser.close();
}
