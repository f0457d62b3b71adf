// A lost password by name, number and date of birth, where two administrators opened it: the form
// once, a day later again, then a new password; old mail stays closed until the IT officer says who
// it is. French and English, wide and narrow, with JavaScript and without.
// Usage: node identity.mjs DEMO_JSON PHASE; the phases are asked, late and opened.
import assert from "node:assert/strict";
import { ROUNDS, account, deliver, launch, letter, lookAt, signIn, site, verdict } from "./browser.mjs";

const [FORM, CODE, NEW] = ["", "/code", "/nouveau"].map((step) => `/mot-de-passe-oublie${step}`);
const phase = process.argv[3];

class Visitor {
  constructor(name, person, page, hasScripts) {
    Object.assign(this, { name: `${name}-${phase}`, person, page, hasScripts });
    this.password = `un perroquet sous la pluie ${name}`;
  }

  look(what) {
    return lookAt(this.page, `identity-${this.name}-${what}`, { scripted: this.hasScripts });
  }

  async press(locator) {
    const answered = this.page.waitForResponse((r) => r.request().isNavigationRequest() && r.status() !== 303);
    await Promise.all([answered, locator.click()]);
    await this.page.waitForLoadState("load");
  }

  async ask([day, month, year]) {
    await this.page.goto(site + FORM);
    await this.page.locator("#nom").fill(`agent ${this.person.number}`);
    await this.page.locator("#identifiant").fill(this.person.academic_id);
    await this.page.locator("#jour").fill(day);
    await this.page.locator("#mois").fill(month);
    await this.page.locator("#annee").fill(year);
    await this.press(this.page.locator("button.primary"));
  }

  goOnWithoutCode() {
    return this.press(this.page.locator('button[name="sans"]'));
  }

  async subjects() {
    await this.page.goto(site + "/boite/INBOX");
    return (await this.page.locator(".rows .subject").allTextContents()).join("\n");
  }
}

const phases = {
  // The form: a date that does not exist, the right one, and too early without a code.
  async asked(visitor) {
    await deliver(visitor.person.address, [letter("Avant la perte", "<p>ancien</p>")]);
    await visitor.ask(["31", "2", "1985"]);
    await visitor.page.locator("#erreur").waitFor();
    await visitor.look("wrong-date");
    await visitor.ask(["21", "3", "1985"]);
    assert.ok(visitor.page.url().endsWith(CODE), visitor.page.url());
    await visitor.look("code");
    await visitor.goOnWithoutCode();
    await visitor.page.locator("#erreur").waitFor();
    await visitor.look("too-early");
    if (visitor.person.number !== 4) return;
    // The owner has not lost the password: the notice says so, and signing in has ended it.
    await signIn(visitor.page, visitor.person);
    const notice = visitor.page.locator(".rows a", { hasText: /password will be replaced/ });
    while (!await notice.count()) await visitor.page.reload();
    await visitor.press(notice.first());
    await visitor.look("notice");
    const text = await visitor.page.locator("body").textContent();
    const link = /\/mot-de-passe-oublie\/annuler\?lien=[\w-]+/.exec(text)[0];
    await visitor.page.context().clearCookies();
    await visitor.page.goto(site + link);
    await visitor.look("stop");
    await visitor.press(visitor.page.locator("button.primary"));
    await visitor.look("stop-nothing");
    assert.match(await visitor.page.locator("main, body").first().textContent(), /stops nothing any more/);
  },

  // A day later: the form again, then a new password; old mail is closed.
  async late(visitor) {
    await visitor.ask(["21", "03", "1985"]);
    // The form is worked on after its answer.
    for (let tries = 0; tries < 8 && !visitor.page.url().endsWith(NEW); tries += 1) await visitor.goOnWithoutCode();
    if (visitor.person.number === 4) {
      assert.ok(visitor.page.url().endsWith(CODE), "stopped by the login: the wait begins anew");
      return;
    }
    assert.ok(visitor.page.url().endsWith(NEW), visitor.page.url());
    await visitor.look("new");
    await visitor.page.locator("#nouveau").fill(visitor.password);
    await visitor.page.locator("#encore").fill(visitor.password);
    await visitor.press(visitor.page.locator("button.primary"));
    await visitor.page.locator(".notice").waitFor();
    await deliver(visitor.person.address, [letter("Après la perte", "<p>nouveau</p>")]);
    await signIn(visitor.page, { ...visitor.person, password: visitor.password });
    const subjects = await visitor.subjects();
    assert.ok(subjects.includes("Après la perte") && !subjects.includes("Avant la perte"), subjects);
    await visitor.page.locator(".list > .alert").waitFor();
    await visitor.look("locked");
  },

  // The IT officer has made sure.
  async opened(visitor) {
    if (visitor.person.number === 4) return;
    await signIn(visitor.page, { ...visitor.person, password: visitor.password });
    const subjects = await visitor.subjects();
    assert.ok(subjects.includes("Après la perte") && subjects.includes("Avant la perte"), subjects);
    assert.equal(await visitor.page.locator(".list > .alert").count(), 0);
  },
};

const rounds = Object.entries(ROUNDS);
const browser = await launch();
try {
  for (const [index, [name, { locale, width, javaScriptEnabled, colorScheme }]] of rounds.entries()) {
    const options = { viewport: { width, height: 900 }, javaScriptEnabled, ignoreHTTPSErrors: true, locale, colorScheme, bypassCSP: javaScriptEnabled };
    const context = await browser.newContext(options);
    const person = { ...account(`agent${index + 1}@`), number: index + 1 };
    await phases[phase](new Visitor(name, person, await context.newPage(), javaScriptEnabled));
    await context.close();
  }
  verdict();
  console.log(`identity, ${phase}: ${rounds.length} rounds`);
} finally {
  await browser.close();
}
