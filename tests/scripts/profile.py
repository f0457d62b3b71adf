"""The profile for Apple's devices, as they verify it: against the authority of the server's certificate.
Usage: profile.py FACTEUR signed
"""
import http.cookiejar
import plistlib
import re
import subprocess
import urllib.parse
import urllib.request

from operate import MARIE, PASSWORD, Site, check, openssl
from step import run_step


def fetch(site):
    """The profile, as Marie's browser gets it."""
    web = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=site.tls()), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    url = f"https://localhost:{site.ports['https']}"
    page = web.open(url + "/").read().decode()
    token = re.search(r'name="jeton" value="([^"]+)"', page[page.index("<main"):]).group(1)
    form = {"jeton": token, "identifiant": MARIE, "mot-de-passe": PASSWORD}
    web.open(url + "/connexion", urllib.parse.urlencode(form).encode())
    answer = web.open(url + "/parametres/appareils/profil")
    check(answer.headers["Content-Type"] == "application/x-apple-aspen-config", answer.headers)
    return answer.read()


def verified(site, profile):
    """What is in it, when openssl finds the signature right and its signer issued by our authority."""
    path = site.dir / "profile"
    path.write_bytes(profile)
    # A server's certificate is not for mail, which devices do not ask of who signs a profile.
    done = subprocess.run(["openssl", "smime", "-verify", "-inform", "der", "-in", path, "-CAfile", site.dir / "ca.pem",
                           "-purpose", "any"], capture_output=True)
    return plistlib.loads(done.stdout) if done.returncode == 0 else None


def key(site, name, *kind):
    """Another key and certificate in the server's files."""
    tls = site.dir / "tls"
    openssl("req", "-newkey", *kind, "-nodes", "-subj", f"/CN={name}", "-keyout", tls / "key.pem", "-out", tls / "request.pem")
    openssl("x509", "-req", "-in", tls / "request.pem", "-CA", site.dir / "ca.pem", "-CAkey", site.dir / "ca.key",
            "-CAcreateserial", "-days", 1, "-extfile", tls / "names", "-out", tls / "certificate.pem")


def signed(site):
    """With keys of each kind, after a reload; a byte that changes on its way is seen."""
    site.start()
    site.add_marie()
    for name, *kind in [("p256", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"), ("rsa", "rsa:2048"),
                        ("p384", "ec", "-pkeyopt", "ec_paramgen_curve:P-384")]:
        key(site, name, *kind)
        site.reload()
        profile = fetch(site)
        plist = verified(site, profile)
        check(plist and plist["PayloadContent"][0]["EmailAddress"] == MARIE, name, plist)
        place = profile.index(MARIE.encode())
        changed = profile[:place] + b"n" + profile[place + 1 :]
        check(verified(site, changed) is None, name, "a changed profile verifies")
        signers = subprocess.run(["openssl", "pkcs7", "-inform", "der", "-in", site.dir / "profile", "-print_certs"],
                                 capture_output=True, text=True).stdout
        check(f"CN={name}" in signers.replace(" ", ""), signers)
    # Devices verify no Ed25519: the profile comes as it is.
    key(site, "ed25519", "ed25519")
    site.reload()
    check(plistlib.loads(fetch(site))["PayloadContent"], "not signed")
    site.stop()


if __name__ == "__main__":
    run_step(globals(), Site())
