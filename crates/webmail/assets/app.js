// Facteur's one script. Every page works without it; it makes them quicker.
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const one = (selector, root = document) => root.querySelector(selector);

// A page of ours as a document. No text of ours ever becomes HTML in this one.
const load = (address) => new Promise((done, failed) => {
  const request = new XMLHttpRequest();
  request.open("GET", address);
  request.responseType = "document";
  request.setRequestHeader("X-Background", "1");
  request.onload = () => (request.status === 200 && request.response ? done(request.response) : failed());
  request.onerror = failed;
  request.send();
});

// Passwords can be looked at.
for (const button of all("[data-show]")) {
  const field = document.getElementById(button.dataset.show);
  const show = button.textContent;
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = field.type === "text";
    field.type = shown ? "password" : "text";
    button.textContent = shown ? show : button.dataset.hideText;
    field.focus();
  });
  field.form.addEventListener("submit", () => { field.type = "password"; });
}

// A new password is counted while it is typed; only the server knows whether it is any good.
for (const field of all("[data-count]")) {
  const hint = one(`[data-count-of="${field.id}"]`);
  field.addEventListener("input", () => {
    const count = [...field.value.normalize("NFC")].length;
    const { count: needed, missing, enough } = field.dataset;
    hint.textContent = count === 0 ? "" : count < needed ? `${count} ${missing} ${needed}` : enough;
  });
}

// Tick all.
const tickAll = () => {
  for (const box of all("[data-all]")) {
    const ticks = () => all(".tick input");
    if (!ticks().length) continue;
    box.closest("label").hidden = false;
    box.addEventListener("change", () => ticks().forEach((tick) => { tick.checked = box.checked; }));
  }
};
tickAll();

// The live list: the server says that something changed, and the list is asked for anew.
const live = () => one("form[data-live]");
if (live() && window.EventSource) {
  let busy = false;
  let wanted = null;
  const refresh = async () => {
    const old = live();
    if (busy || document.hidden || wanted === old.dataset.live) return;
    busy = true;
    try {
      const page = await load(location.href);
      const fresh = document.adoptNode(one("form[data-live]", page));
      const ticked = new Set(all(".tick :checked", old).map((tick) => tick.value));
      const known = new Set(all(".tick input", old).map((tick) => tick.value));
      const focused = document.activeElement?.getAttribute?.("href");
      let came = 0;
      for (const tick of all(".tick input", fresh)) {
        tick.checked = ticked.has(tick.value);
        if (!known.has(tick.value)) { came += 1; tick.closest(".row").classList.add("fresh"); }
      }
      // Buttons under a hand or a cursor stay where they are.
      old.replaceWith(fresh);
      if (focused) one(`.row a[href="${CSS.escape(focused)}"]`, fresh)?.focus();
      document.title = page.title;
      const side = one(".side", page);
      if (side) one(".side").replaceWith(document.adoptNode(side));
      tickAll();
      const said = one("[data-said]", fresh);
      if (came && said) setTimeout(() => { said.textContent = said.dataset.text; }, 100);
    } catch {
      // The session may be over; the next click says so.
    }
    busy = false;
    if (Number(live().dataset.live) < Number(wanted)) setTimeout(refresh, 1000);
  };
  const source = new EventSource("/evenements");
  source.addEventListener("courrier", (event) => { wanted = event.data; refresh(); });
  document.addEventListener("visibilitychange", refresh);
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}

// A message just sent can be taken back, as long as it says so.
for (const bar of all("[data-undo]")) {
  const left = one("[data-left]", bar);
  const end = Date.now() + bar.dataset.undo * 1000;
  const tick = () => {
    const seconds = Math.ceil((end - Date.now()) / 1000);
    if (seconds > 0) {
      left.textContent = seconds;
      setTimeout(tick, end - Date.now() - (seconds - 1) * 1000);
      return;
    }
    if (bar.contains(document.activeElement)) one("main").focus();
    bar.remove();
  };
  tick();
}

// Menus close when one looks elsewhere.
document.addEventListener("click", (event) => {
  for (const menu of all("details.me[open], details.more[open], details.later[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of all("details.me[open], details.more[open], details.later[open]")) {
    menu.open = false;
    one("summary", menu).focus();
  }
});

// What went wrong is read first.
one("[data-focus]")?.focus();

// Recipients are suggested while they are typed: a list that arrows move in and Enter takes from.
const suggest = (field, label) => {
  const list = document.createElement("ul");
  Object.assign(list, { id: `${field.id}-propositions`, className: "suggestions card", role: "listbox", hidden: true, ariaLabel: label });
  field.closest(".field").classList.add("suggested");
  field.after(list);
  Object.assign(field, { role: "combobox", ariaAutoComplete: "list", ariaExpanded: "false" });
  field.setAttribute("aria-controls", list.id);
  let chosen = -1;
  let asked = "";
  let timer = 0;
  // What is typed behind the last comma outside quotes.
  const begin = () => {
    const before = field.value.slice(0, field.selectionStart);
    let start = 0;
    let quoted = false;
    for (let place = 0; place < before.length; place += 1) {
      if (before[place] === '"') quoted = !quoted;
      if (!quoted && /[,;]/.test(before[place])) start = place + 1;
    }
    return start;
  };
  const close = () => {
    clearTimeout(timer);
    asked = "";
    list.hidden = true;
    field.ariaExpanded = "false";
    field.removeAttribute("aria-activedescendant");
  };
  const choose = (place) => {
    chosen = place;
    list.childNodes.forEach((item, number) => { item.ariaSelected = String(number === place); });
    field.setAttribute("aria-activedescendant", list.children[place].id);
    list.children[place].scrollIntoView({ block: "nearest" });
  };
  const take = (value) => {
    const start = begin();
    const rest = field.value.slice(field.selectionStart).replace(/^[^,;]*[,;]?\s*/, "");
    const head = `${field.value.slice(0, start)}${start ? " " : ""}${value}, `;
    field.value = head + rest;
    field.setSelectionRange(head.length, head.length);
    field.dispatchEvent(new Event("input", { bubbles: true }));
    close();
    field.focus();
  };
  const show = (found) => {
    list.replaceChildren(...found.map(({ name, detail, value }, number) => {
      const item = document.createElement("li");
      Object.assign(item, { id: `${list.id}-${number}`, role: "option", ariaSelected: "false" });
      const strong = document.createElement("b");
      const small = document.createElement("span");
      strong.textContent = name;
      small.textContent = detail;
      small.className = "size";
      item.append(strong, small);
      item.addEventListener("mousedown", (event) => { event.preventDefault(); take(value); });
      item.take = () => take(value);
      return item;
    }));
    list.style.top = `${field.offsetTop + field.offsetHeight + 4}px`;
    list.hidden = !found.length;
    field.ariaExpanded = String(Boolean(found.length));
    if (found.length) choose(0);
  };
  const ask = () => {
    const typed = field.value.slice(begin(), field.selectionStart).trim();
    if (typed.length < 2) return close();
    if (typed === asked) return;
    asked = typed;
    const request = new XMLHttpRequest();
    request.open("GET", `/contacts/suggestions?q=${encodeURIComponent(typed)}`);
    request.responseType = "json";
    request.setRequestHeader("X-Background", "1");
    request.onload = () => { if (asked === typed && request.status === 200) show(request.response ?? []); };
    request.send();
  };
  field.addEventListener("input", (event) => {
    clearTimeout(timer);
    if (event.isTrusted) timer = setTimeout(ask, 150);
  });
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    const count = list.children.length;
    if (event.key === "ArrowDown") choose((chosen + 1) % count);
    else if (event.key === "ArrowUp") choose((chosen + count - 1) % count);
    else if (event.key === "Enter" || event.key === "Tab") list.children[chosen].take();
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
};

// Writing: no accidental sending, no second sending, no lost text, files by drop, and drafts that
// save themselves.
const compose = one("[data-compose]");
if (compose) {
  const files = one("#fichiers");
  const busy = () => one("#etat p") ?? one("#etat").appendChild(document.createElement("p"));
  let dirty = Boolean(one(".alert"));
  let timer = 0;
  let saving = null;
  let failing = false;
  let over = false;

  // The form goes to the server as if its button had been pressed; what it changes comes back.
  const post = () => new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    const form = new FormData(compose);
    form.set("action", "enregistrer");
    request.open("POST", "/ecrire");
    request.responseType = "document";
    request.setRequestHeader("X-Part", "1");
    request.upload.onprogress = ({ loaded, total }) => {
      if (files.value) busy().textContent = `${compose.dataset.saving} ${Math.floor(loaded / total * 100)} %`;
    };
    request.onload = () => done(request);
    request.onerror = failed;
    request.send(form);
  });
  const take = (page, ids) => {
    for (const id of ids) {
      const fresh = page?.getElementById(id);
      const old = document.getElementById(id);
      if (fresh && !old.isEqualNode(fresh)) old.replaceWith(document.adoptNode(fresh));
    }
  };
  const save = async (again) => {
    dirty = false;
    busy().textContent = compose.dataset.saving;
    const count = files.files.length;
    try {
      const { status, response } = await post();
      if (status === 204) { over = true; return; }
      const kept = status === 200 || status === 422;
      if (status === 403 && !again) {
        // Another login since: the answer brings what belongs to the new session.
        take(response, ["etat"]);
        await save(true);
        return;
      }
      if (kept) take(response, ["pieces", "etat"]);
      if (!kept || status === 422 || failing) take(response, ["erreurs"]);
      failing = !kept;
      dirty ||= failing;
      if (kept && count && files.files.length === count) files.value = "";
      const uid = one("#etat").dataset.draft;
      if (kept && uid) history.replaceState(null, "", `/ecrire/${uid}`);
      if (failing) busy().textContent = "";
    } catch {
      failing = true;
      dirty = true;
      busy().textContent = compose.dataset.offline;
    }
  };
  const saveNow = () => {
    clearTimeout(timer);
    timer = 0;
    if (over || saving || !dirty) return saving;
    saving = save().finally(() => { saving = null; if (dirty) later(); });
    return saving;
  };
  const later = () => {
    if (!timer && !over) timer = setTimeout(saveNow, Number(one("#etat").dataset.pause) * 1000);
  };
  compose.addEventListener("input", () => { dirty = true; later(); });
  document.addEventListener("visibilitychange", () => { if (document.hidden) saveNow(); });
  files.addEventListener("change", () => { if (files.value) { dirty = true; saveNow(); } });
  one("[value=joindre]").hidden = true;

  compose.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("input:not([type=file])")) event.preventDefault();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) one("#envoyer").click();
  });
  compose.addEventListener("submit", (event) => {
    if (compose.dataset.sent) return event.preventDefault();
    if (saving) {
      // What is on its way arrives first.
      event.preventDefault();
      const { submitter } = event;
      saving.then(() => compose.requestSubmit(submitter));
      return;
    }
    dirty = false;
    clearTimeout(timer);
    compose.dataset.sent = "1";
    setTimeout(() => { delete compose.dataset.sent; }, 8000);
  });
  addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });
  const drag = (on) => (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    compose.classList.toggle("over", on);
    if (event.type === "drop") { files.files = event.dataTransfer.files; dirty = true; saveNow(); }
  };
  compose.addEventListener("dragover", drag(true));
  compose.addEventListener("dragleave", drag(false));
  compose.addEventListener("drop", drag(false));
  if (compose.dataset.suggestions) {
    for (const field of all("#a, #cc, #cci")) suggest(field, compose.dataset.suggestions);
  }
  const text = one("#texte");
  if (document.activeElement === text) text.setSelectionRange(0, 0);
}
