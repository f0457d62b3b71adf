// Setting up a telephone, help, and the pages the law wants, in a real browser: French and English,
// wide and narrow, light and dark, with JavaScript and without; targets large enough, nothing that
// scrolls sideways, no accessibility violation that axe finds.
// Usage: node setup.mjs DEMO_JSON
import { execFileSync } from "node:child_process";
import assert from "node:assert/strict";
import { ROUNDS, account, demo, launch, lookAt, signIn, site, verdict } from "./browser.mjs";

const PUBLIC = {
  help: ["/aide", /Mot de passe oublié/, /Lost password/],
  accessibility: ["/accessibilite", /partiellement conforme/, /partially complies/],
  legal: ["/mentions-legales", /Camille Exemple/, /Director of publication/],
  data: ["/donnees-personnelles", /CNIL/, /data protection officer/],
};

// What a Mac reads of a profile: its signature, and a property list, for which Python has a parser. The
// demonstration's certificate is its own authority.
const plist = (path) => JSON.parse(execFileSync("python3", ["-c",
  "import json, plistlib, sys; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))"],
{ input: execFileSync("openssl", ["smime", "-verify", "-noverify", "-inform", "der", "-in", path], { stdio: ["ignore", "pipe", "ignore"] }) }));

async function round(name, { locale, width, javaScriptEnabled, colorScheme }) {
  const french = locale === "fr-FR";
  const context = await browser.newContext({
    viewport: { width, height: 900 }, javaScriptEnabled, colorScheme, ignoreHTTPSErrors: true, locale, bypassCSP: javaScriptEnabled,
  });
  const page = await context.newPage();
  const look = (what) => lookAt(page, `${name}-${what}`, { scripted: javaScriptEnabled });

  // From the foot of the login page to each of them, and back.
  for (const [what, [path, ...words]] of Object.entries(PUBLIC)) {
    await page.goto(site + "/");
    const link = page.locator(`.foot a[href="${path}"]`);
    const box = await link.boundingBox();
    assert.ok(box.height >= 24 && box.width >= 24, `${name}: the link to ${path} is ${box.width} × ${box.height}`);
    await Promise.all([page.waitForURL(site + path), link.click()]);
    assert.match(await page.locator("article").innerText(), words[french ? 0 : 1], `${name} ${what}`);
    assert.equal(await page.locator("h1").count(), 1);
    await look(what);
    await Promise.all([page.waitForURL(site + "/"), page.locator(".crumbs a").click()]);
  }
  assert.match(await page.locator(".foot").innerText(), french ? /Accessibilité\s:\spartiellement conforme/ : /Accessibility: partially compliant/);
  // Each subject of the help is reached from its contents.
  await page.goto(site + "/aide");
  const topics = await page.locator(".contents a").all();
  assert.equal(topics.length, 7);
  for (const topic of topics) assert.equal(await page.locator(`h2${await topic.getAttribute("href")}`).count(), 1);

  // The sheet, from the menu at one's name, and what is on it.
  const person = account("marie.martin");
  await signIn(page, person);
  await page.locator(".me summary").click();
  await Promise.all([page.waitForURL(/appareils$/), page.locator('.me a[href="/parametres/appareils"]').click()]);
  const sheet = await page.locator("main").innerText();
  for (const value of [`mail.${demo.domain}`, String(demo.ports.imaps), String(demo.ports.submissions), person.address]) {
    assert.ok(sheet.includes(value), `${name}: ${value} on the sheet`);
  }
  assert.ok(await page.locator("svg.qr path").getAttribute("d"), `${name}: the QR code is drawn`);
  await look("sheet");
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator('a[href$="/profil"]').click()]);
  assert.equal(download.suggestedFilename(), "messagerie.mobileconfig");
  const profile = plist(await download.path());
  const [mail] = profile.PayloadContent;
  assert.deepEqual(
    [mail.EmailAddress, mail.IncomingMailServerPortNumber, mail.OutgoingMailServerPortNumber, mail.IncomingPassword],
    [person.address, demo.ports.imaps, demo.ports.submissions, undefined], `${name}: the profile`,
  );
  await context.close();
  console.log(`${name}: help, three public pages, the sheet and the profile`);
}

const browser = await launch();
try {
  const narrowest = { locale: "fr-FR", width: 320, javaScriptEnabled: true, colorScheme: "dark" };
  for (const [name, options] of Object.entries({ ...ROUNDS, "fr-320": narrowest })) await round(name, options);
  console.log(verdict());
} finally {
  await browser.close();
}
