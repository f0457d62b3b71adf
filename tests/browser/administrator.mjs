// An administrator with a second factor: what the tests of the administration share.
import { createHmac } from "node:crypto";
import assert from "node:assert/strict";
import { site } from "./browser.mjs";

export const HOME = "/administration";

// RFC 6238, as an authenticator has it.
export function totp(base32, steps = 0) {
  const bits = [...base32].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const tag = createHmac("sha1", key).update(counter).digest();
  const number = tag.readUInt32BE(tag[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

export async function press(page, locator) {
  await Promise.all([page.waitForResponse((r) => r.request().isNavigationRequest() && r.status() !== 303), locator.click()]);
  await page.waitForLoadState("load");
}

// Logs an administrator in, shows that nothing opens without a second factor, and turns it on.
export async function enrol(browser, person) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "fr-FR" });
  const page = await context.newPage();
  await page.goto(site + "/");
  await page.locator("#identifiant").fill(person.address);
  await page.locator("#mot-de-passe").fill(person.password);
  await press(page, page.locator("button.primary"));
  const closed = await page.goto(site + HOME);
  assert.equal(closed.status(), 403, "closed without a second factor");
  await page.goto(site + "/parametres/securite");
  await page.locator("#ouvrir").fill(person.password);
  await press(page, page.locator('form[action$="/ouvrir"] button'));
  await page.goto(site + "/parametres/securite/verification");
  const secret = (await page.locator(".steps .once").textContent()).replace(/ /g, "");
  await page.locator("#code").fill(totp(secret));
  await press(page, page.locator('form[action$="/verification"] button'));
  const cookies = await context.cookies();
  await context.close();
  return cookies;
}
