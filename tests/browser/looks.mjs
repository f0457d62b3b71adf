// Every page in two languages, two themes and three widths: no accessibility violation that axe
// finds, and nothing that scrolls sideways. Leaves pictures behind. Any two of language, theme and
// wide or narrow meet in one of the rounds; with LOOKS=all everything meets everything.
// Usage: node looks.mjs DEMO_JSON
import { account, deliver, launch, letter, lookAt, signIn, site, verdict } from "./browser.mjs";

const person = account("marie.martin");
const browser = await launch();

// What is on each page, and how one gets there.
async function addresses(context) {
  const page = await context.newPage();
  await signIn(page, person);
  const href = (name) => page.getByRole("link", { name }).first().getAttribute("href");
  const found = {
    list: "/boite/INBOX",
    text: await href(/Sortie au musée/),
    html: await href(/Les nouveautés du mois/),
    trap: await href(/Votre compte/),
  };
  await page.goto(site + "/ecrire");
  await page.locator("#a").fill("jean.dupont@ac-paris.test");
  await page.locator("#objet").fill("Projet de sortie au théâtre");
  await page.locator("#texte").fill("Bonjour Jean,\n\nvoici le projet de sortie.");
  await page.locator("#fichiers").setInputFiles({
    name: "programme détaillé de la sortie au théâtre.pdf", mimeType: "application/pdf", buffer: Buffer.alloc(200_000),
  });
  await page.waitForURL(/ecrire\/\d+/);
  await page.locator(".waiting li").waitFor();
  found.draft = new URL(page.url()).pathname;
  await page.goto(site + "/ecrire");
  await page.locator("#a").fill("jean.dupont@ac-paris.test, ce.0750001a@ac-paris.test");
  await page.locator("#objet").fill("Réunion de rentrée : ordre du jour et documents à lire avant lundi");
  await page.locator("details.later summary").click();
  await Promise.all([page.waitForURL(/envois/), page.locator("[value^=programmer-]").first().click()]);
  await page.goto(site + "/contacts/nouveau");
  await page.locator("#nom").fill("Léa Petit, élève de la troisième B du collège Jules-Ferry");
  await page.locator("#adresses").fill("mere.de.lea@dehors.example\npere.de.lea@dehors.example");
  await page.locator("#telephones").fill("+33 1 23 45 67 89");
  await page.locator("#notes").fill("Allergie aux noix.");
  await Promise.all([page.waitForURL(/contacts$/), page.locator("[value=enregistrer]").click()]);
  await page.goto(site + "/contacts/groupes/nouveau");
  await page.locator("#nom").fill("Parents de la 3e B");
  await page.locator("[name=membre]").check();
  await Promise.all([page.waitForURL(/contacts$/), page.locator("[value=enregistrer]").click()]);
  await page.close();
  return {
    ...found,
    answer: `${found.text}/repondre`, forward: `${found.text}/transferer`,
    drafts: "/boite/Brouillons", empty: "/boite/Corbeille", folders: "/dossiers",
    compose: "/ecrire", later: "/ecrire", scheduled: "/envois", contacts: "/contacts", people: "/contacts?q=dupont",
    contact: "/contacts/1", group: "/contacts/groupes/2", files: "/contacts/fichiers", search: "/recherche?q=sortie", nothing: "/recherche?q=introuvable", missing: "/rien",
  };
}

// The letter in its frame is not ours.
const look = (page, name) => lookAt(page, name, { fullPage: false, iframes: false });

async function round(locale, colorScheme, width, pages) {
  // Our policy forbids eval, which is how axe gets into the page.
  const options = { viewport: { width, height: 800 }, ignoreHTTPSErrors: true, bypassCSP: true, locale, colorScheme };
  const name = (what) => `${locale.slice(0, 2)}-${colorScheme}-${width}-${what}`;
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await page.goto(site + "/");
  await look(page, name("login"));
  await page.locator("#identifiant").fill("personne");
  await page.locator("#mot-de-passe").fill("faux");
  await page.locator("button.primary").click();
  await page.locator("[role=alert]").waitFor();
  await look(page, name("login-refused"));
  await signIn(page, person);
  // Each save makes a new draft of the old one.
  await page.goto(site + pages.drafts);
  pages.draft = await page.locator('a[href^="/ecrire/"]').filter({ hasText: "théâtre" }).first().getAttribute("href");
  for (const [what, path] of Object.entries(pages)) {
    await page.goto(site + path);
    await page.locator("h1").first().waitFor();
    if (path.startsWith("/m/")) await page.evaluate(() => document.querySelectorAll("details").forEach((d) => { d.open = d.className !== "me"; }));
    if (what === "later") await page.locator("details.later summary").click();
    await look(page, name(what));
    if (what !== "text") continue;
    // On paper, whatever the theme.
    await page.emulateMedia({ media: "print", colorScheme });
    await look(page, name("print"));
    await page.emulateMedia({ media: "screen", colorScheme });
  }
  // A contact with mistakes, and the suggestions for a recipient.
  await page.goto(site + "/contacts/1");
  await page.locator("#adresses").fill("pas une adresse");
  await Promise.all([page.waitForLoadState("load"), page.locator("[value=enregistrer]").click()]);
  await page.locator("#adresses-erreur").waitFor();
  await look(page, name("contact-mistake"));
  await page.goto(site + "/ecrire");
  await page.locator("#a").pressSequentially("du");
  await page.locator("[role=option]").first().waitFor();
  await look(page, name("suggestions"));
  await page.locator("#a").fill("");
  // A message just sent, and how it is taken back.
  await page.goto(site + "/ecrire");
  await page.locator("#a").fill("jean.dupont@ac-paris.test");
  await page.locator("#objet").fill("Envoyé trop vite");
  await Promise.all([page.waitForURL(/boite/), page.locator("#envoyer").click()]);
  await look(page, name("undo"));
  // A page with mistakes, and the question before a draft is thrown away.
  await page.goto(site + pages.draft);
  await page.locator("#a").fill("personne");
  await Promise.all([page.waitForLoadState("load"), page.locator("#envoyer").click()]);
  await page.locator("[aria-invalid=true]").waitFor();
  await look(page, name("mistake"));
  await page.locator("[value=abandonner]").click();
  await page.locator("[role=alertdialog]").waitFor();
  await look(page, name("discard"));
  await context.close();
}

try {
  await deliver(person.address, [letter("Votre compte", `
    <p>Bonjour, confirmez votre compte sur <a href="https://collecte.example/x">www.ac-paris.fr/compte</a>
    ou sur <a href="https://xn--ypal-43d9g.example/">ce site</a>.</p>
    <table width="1400"><tr><td nowrap>Une cellule qui ne veut pas se plier, aussi étroit que soit l’écran sur lequel on la lit</td></tr></table>
    <img src="https://traceur.example/p.gif">`, "assistance@ac-paris.fr <voleur@dehors.example>")]);
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "fr-FR" });
  const pages = await addresses(context);
  await context.close();
  const rounds = [["fr-FR", "light", 1280], ["en-GB", "dark", 1280], ["en-GB", "light", 390], ["fr-FR", "dark", 320]];
  const others = [
    ["fr-FR", "dark", 1280], ["en-GB", "light", 1280], ["fr-FR", "light", 390], ["fr-FR", "dark", 390],
    ["en-GB", "dark", 390], ["fr-FR", "light", 320], ["en-GB", "light", 320], ["en-GB", "dark", 320],
  ];
  if (process.env.LOOKS === "all") rounds.push(...others);
  for (const [locale, colorScheme, width] of rounds) await round(locale, colorScheme, width, pages);
  console.log(verdict());
} finally {
  await browser.close();
}
