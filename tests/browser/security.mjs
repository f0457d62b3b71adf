// One's own account in a real browser: app passwords that mbsync and msmtp then use, the second
// factor, a recovery address, a lost password, "this was not me"; French and English, wide and
// narrow, with JavaScript and without; no accessibility violation that axe finds.
// Usage: node security.mjs DEMO_JSON SINK_PORT (where the demo sends mail)
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import assert from "node:assert/strict";
import { totp } from "./administrator.mjs";
import { ROUNDS, account, demo, launch, lookAt, site, verdict } from "./browser.mjs";

const HOME = "/parametres/securite";
const scratch = mkdtempSync(join(tmpdir(), "security-"));

// The outside world: an SMTP server that keeps what it gets.
const letters = [];
const waiting = [];
const sink = createServer((socket) => {
  let text = "";
  let data = false;
  const say = (line) => socket.write(line + "\r\n");
  say("220 far.test ESMTP");
  socket.on("error", () => {});
  socket.on("data", (bytes) => {
    text += bytes;
    for (let end; (end = text.indexOf(data ? "\r\n.\r\n" : "\r\n")) >= 0;) {
      const piece = text.slice(0, end);
      text = text.slice(end + (data ? 5 : 2));
      if (data) {
        data = false;
        say("250 2.0.0 OK");
        letters.push(piece);
        waiting.splice(0).forEach((go) => go());
      } else if (/^DATA/i.test(piece)) { data = true; say("354 go on"); }
      else if (/^QUIT/i.test(piece)) { say("221 bye"); socket.end(); }
      else say(/^EHLO/i.test(piece) ? "250 8BITMIME" : "250 OK");
    }
  });
});
await new Promise((ready) => sink.listen(Number(process.argv[3]), "127.0.0.1", ready));

function readable(letter) {
  const [head, ...rest] = letter.split("\r\n\r\n");
  const body = rest.join("\r\n\r\n");
  if (/encoding: base64/i.test(head)) return Buffer.from(body, "base64").toString();
  return Buffer.from(body.replace(/=\r\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16))), "latin1").toString();
}

// The code in the next letter to this address that has one.
async function mailedCode(to) {
  for (let at = 0; ;) {
    for (; at < letters.length; at += 1) {
      const code = /: (\d{4} \d{4})\r?\n/.exec(readable(letters[at]));
      if (letters[at].includes(to) && code) {
        letters.splice(0, at + 1);
        return code[1];
      }
    }
    await new Promise((go, late) => {
      waiting.push(go);
      setTimeout(() => late(new Error(`no code for ${to} in ${letters.length} letters`)), 60_000).unref();
    });
  }
}

// Foreign mail programs with this password; whether they got in.
function mailPrograms(address, password) {
  const certificate = join(dirname(process.argv[2]), "certificate.pem");
  const maildir = mkdtempSync(join(scratch, "mail-"));
  const mbsyncrc = join(maildir, "mbsyncrc");
  writeFileSync(mbsyncrc, `IMAPAccount a\nHost localhost\nPort ${demo.ports.imaps}\nUser ${address}\nPass ${password}\nSSLType IMAPS\nCertificateFile ${certificate}\n
IMAPStore far\nAccount a\n\nMaildirStore near\nPath ${maildir}/\nInbox ${maildir}/INBOX\nSubFolders Verbatim\n
Channel c\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Near\nSyncState *\n`);
  const msmtprc = join(maildir, "msmtprc");
  writeFileSync(msmtprc, `account default\nhost 127.0.0.1\nport ${demo.ports.submissions}\ntls on\ntls_starttls off\ntls_certcheck off\nauth plain\nuser ${address}\npassword ${password}\nfrom ${address}\n`, { mode: 0o600 });
  const run = (program, args, input) => {
    try { execFileSync(program, args, { input, stdio: ["pipe", "pipe", "pipe"] }); return true; } catch { return false; }
  };
  return [
    run("mbsync", ["-c", mbsyncrc, "-a"]),
    run("msmtp", ["-C", msmtprc, address], `From: ${address}\r\nTo: ${address}\r\nSubject: essai\r\n\r\nbonjour\r\n`),
  ];
}

async function round(name, person, { locale, width, javaScriptEnabled, colorScheme }) {
  const french = locale === "fr-FR";
  const options = { viewport: { width, height: 900 }, javaScriptEnabled, ignoreHTTPSErrors: true, locale, colorScheme, bypassCSP: javaScriptEnabled };
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const look = (what) => lookAt(page, `${name}-${what}`, { scripted: javaScriptEnabled });
  const press = async (locator) => {
    await Promise.all([page.waitForResponse((r) => r.request().isNavigationRequest() && r.status() !== 303), locator.click()]);
    await page.waitForLoadState("load");
  };
  const submit = (path) => press(page.locator(`form[action="${path}"] button:not([type=button])`).first());
  const signIn = async (password) => {
    await page.goto(site + "/");
    await page.locator("#identifiant").fill(person.address);
    await page.locator("#mot-de-passe").fill(password);
    await press(page.locator("button.primary"));
  };
  const unlock = async (password, code) => {
    await page.goto(site + HOME);
    if (!await page.locator("#ouvrir").count()) return;
    await page.locator("#ouvrir").fill(password);
    if (code) await page.locator("#ouvrir-code").fill(code);
    await submit(`${HOME}/ouvrir`);
  };
  let password = person.password;

  await signIn(password);
  await page.goto(site + HOME);
  await look("locked");
  await unlock("faux");
  await page.locator("#e-ouvrir").waitFor();
  await look("wrong");
  await unlock(password);

  // A phone's own password.
  await page.locator("#nom").fill(french ? "Téléphone de Marie" : "Phone");
  await submit(`${HOME}/appareils`);
  await look("device");
  const phone = (await page.locator("#secret").textContent()).trim();
  assert.deepEqual(mailPrograms(person.address, phone), [true, true], `${name}: the app password`);

  // The second factor.
  await page.goto(site + `${HOME}/verification`);
  await look("factor");
  const secret = (await page.locator(".steps .once").textContent()).replace(/ /g, "");
  await page.locator("#code").fill("000000");
  await submit(`${HOME}/verification`);
  await page.locator("#erreur").waitFor();
  await look("factor-wrong");
  await page.locator("#code").fill(totp(secret));
  await submit(`${HOME}/verification`);
  assert.equal(await page.locator("#secret li").count(), 10);
  const spare = (await page.locator("#secret li").first().textContent()).trim();
  await look("codes");
  assert.deepEqual(mailPrograms(person.address, password), [false, false], `${name}: the main password`);
  assert.deepEqual(mailPrograms(person.address, phone), [true, true], `${name}: the app password still`);
  await context.clearCookies();
  await signIn(password);
  assert.match(page.url(), /verification$/);
  await look("step");
  await page.locator("#code").fill("000000");
  await submit("/verification");
  await page.locator("#erreur").waitFor();
  await look("step-wrong");
  await page.locator("#code").fill(totp(secret, 1));
  await submit("/verification");
  assert.match(page.url(), /boite/);

  // An address elsewhere: the page opens with everything that a login takes.
  await unlock(password, "000000");
  await page.locator("#e-ouvrir-code").waitFor();
  await look("locked-code");
  await unlock(password, spare);
  const elsewhere = `${name}@ailleurs.example`;
  await page.locator("#adresse").fill(elsewhere);
  await submit(`${HOME}/secours`);
  await look("recovery");
  await page.locator("[id^=code-]").fill(await mailedCode(elsewhere));
  await press(page.locator(".items .prove button"));
  await page.locator(".notice").waitFor();
  await look("open");
  assert.equal(await page.locator("[id^=code-]").count(), 0, "the address is proven");
  await submit(`${HOME}/verification/arreter`);

  // The password is lost.
  await context.clearCookies();
  await page.goto(site + "/");
  await page.locator('a[href="/mot-de-passe-oublie"]').click();
  await page.locator("#nom").fill(`AGENT ${person.number}`);
  await page.locator("#identifiant").fill(person.academic_id);
  await look("lost");
  await submit("/mot-de-passe-oublie");
  await look("lost-code");
  await page.locator("#code").fill("1");
  await submit("/mot-de-passe-oublie/code");
  await look("lost-wrong");
  await page.locator("#code").fill(await mailedCode(elsewhere));
  await submit("/mot-de-passe-oublie/code");
  await look("lost-new");
  password = `un perroquet sous la pluie ${name}`;
  await page.locator("#nouveau").fill(password);
  await page.locator("#encore").fill(password);
  await submit("/mot-de-passe-oublie/nouveau");
  await page.locator(".notice").waitFor();
  await look("lost-done");
  assert.deepEqual(mailPrograms(person.address, phone), [false, false], `${name}: reset ends app passwords`);

  // Somebody else was in.
  const other = await browser.newContext(options);
  const thief = await other.newPage();
  await signIn(password);
  await thief.context().addCookies(await context.cookies());
  await context.clearCookies();
  await signIn(password);
  await page.goto(site + HOME);
  assert.equal(await page.locator(`form[action="${HOME}/sessions"]`).count(), 2, "the thief's session shows");
  await page.goto(site + `${HOME}/pas-moi`);
  await look("alarm");
  const last = `un autre perroquet ${name}`;
  await page.locator("#actuel").fill(password);
  await page.locator("#nouveau").fill(last);
  await page.locator("#encore").fill(last);
  await submit(`${HOME}/pas-moi`);
  await page.locator(".notice").waitFor();
  await look("alarm-done");
  await thief.goto(site + "/boite/INBOX");
  assert.equal(new URL(thief.url()).pathname, "/", "the thief is out");
  await other.close();
  await context.close();
  console.log(`${name}: app password, second factor, recovery address, lost password, alarm`);
}

const browser = await launch();
try {
  for (const [index, [name, options]] of Object.entries(ROUNDS).entries()) {
    const person = { ...account(`agent${index + 1}@`), number: index + 1 };
    await round(name, person, options);
  }
  console.log(verdict());
} finally {
  await browser.close();
  sink.close();
}
