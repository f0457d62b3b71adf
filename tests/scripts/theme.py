"""A theme and its logo on a running server: taken at the start, exchanged by a reload, and refused
when people could not read it.
Usage: theme.py FACTEUR reload
"""
import re
import urllib.request

from operate import Site, check
from step import run_step


def page(site, path="/"):
    answer = urllib.request.urlopen(f"https://localhost:{site.ports['https']}{path}", context=site.tls())
    return answer.read().decode(), answer.headers


def looks(site):
    """Name, main colour and logo of the login page."""
    html, _ = page(site)
    name = re.search(r"<title>.* – (.*)</title>", html).group(1)
    style, _ = page(site, re.search(r'<link rel="stylesheet" href="([^"]+)"', html).group(1))
    logo, headers = page(site, re.search(r'<link rel="icon" href="([^"]+)"', html).group(1))
    check("sandbox" in headers["Content-Security-Policy"], "the logo is not fenced in", headers)
    return name, re.search(r"--accent:(#\w+)", style).group(1), logo


def reload(site):
    theme, logo = site.dir / "theme.toml", site.dir / "logo.svg"
    good = (site.dir / "facteur.toml").read_text().replace("[webmail]\n", f'[webmail]\ntheme_file = "{theme}"\n')
    (site.dir / "facteur.toml").write_text(good)
    check("theme.toml" in site.facteur("check-config", fails=True), "a missing theme is not told")
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg"><!-- one --></svg>')
    theme.write_text('name = "Académie de Test"\nmain = "#7a1f5c"\nlogo = "logo.svg"\n')
    notes = site.facteur("check-config")
    for setting in ("publisher", "director", "host", "support", "data_protection_officer", "accessibility_contact"):
        check(f"webmail.notices.{setting} is missing" in notes, setting, notes)
    site.start()
    first = looks(site)
    check(first[:2] == ("Académie de Test", "#7a1f5c") and "one" in first[2], first)
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg"><!-- two --></svg>')
    theme.write_text('name = "Lycées de Test"\nmain = "#005f56"\nlogo = "logo.svg"\n')
    site.reload()
    second = looks(site)
    check(second[:2] == ("Lycées de Test", "#005f56") and "two" in second[2], second)
    theme.write_text('name = "Illisible"\nmain = "#ffe14d"\n')
    told = site.facteur("check-config", fails=True)
    check("#ffe14d on #ffffff has a contrast of 1." in told and "4.5:1" in told, told)
    site.reload()
    check(looks(site) == second, "a theme that nobody can read is taken")
    check(any("contrast of 1." in str(event) for event in site.events()), "the refusal is not in the log")
    site.stop()


if __name__ == "__main__":
    run_step(globals(), Site())
